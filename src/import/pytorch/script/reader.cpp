// A program of TorchScript as a whole: inputs, what forward() makes of them, outputs, the report.

#include "import/pytorch/script/reader.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "import/builder/stated_type.hpp"
#include "import/pytorch/script/interpreter.hpp"
#include "import/pytorch/stored.hpp"

namespace hone::pytorch {
namespace {

struct Input {
  std::string name;
  TensorRef cell;
};

using InputTypes = std::map<std::string, Type, std::less<>>;

class ScriptImport {
 public:
  /// `learned`: types of inputs that are known before.
  ScriptImport(ScriptProgram& program, builder::Frame& frame, const InputTypes& learned)
      : program_(program),
        frame_(frame),
        learned_(learned),
        interpreter_(program, frame, all_importers(),
                     [this](const TensorRef& input, const std::string& op,
                            const std::vector<Item>& arguments) { guess(input, op, arguments); }) {}

  void import() {
    const Item root = interpreter_.stored_root();
    const auto* network = root.as<std::shared_ptr<Object>>();
    check(network != nullptr, Code::invalid_model, "it holds ", kind_of(root), " and no network");
    const Definition* forward = program_.find_method((*network)->type, "forward");
    check(forward != nullptr, Code::invalid_model, "its network has no method forward");
    check_numbers(*forward);
    std::vector<Item> arguments;
    for (size_t i = 1; i < forward->parameters.size(); ++i) {
      parameters_.push_back(forward->parameters[i].name);
      arguments.push_back(argument(forward->parameters[i], i - 1));
    }
    add_outputs("output", interpreter_.call_method(*network, "forward", arguments), 0);
    check(!frame_.graph().outputs().empty(), Code::unsupported, "its forward gives no tensors");
  }

  /// Numbers that the caller gives are parameters.
  void check_numbers(const Definition& forward) const {
    std::vector<std::string> names;
    for (size_t i = 1; i < forward.parameters.size(); ++i)
      names.push_back(shown(forward.parameters[i].name));
    for (const auto& [name, value] : frame_.model().options.numbers)
      check(std::find(names.begin(), names.end(), shown(name)) != names.end(), Code::usage,
            "there is no parameter \"", shown(name), "\" to take a number; it has ",
            join(names, ", "));
  }

  /// Types of inputs by name, where they came in another order than the program's parameters:
  /// import once more with these. Empty: all is well.
  InputTypes out_of_order() const {
    InputTypes types;
    std::vector<std::string> wanted, found;
    for (const Value* input : frame_.graph().inputs()) {
      types.emplace(input->name, input->type);
      found.push_back(input->name);
    }
    for (const std::string& name : parameters_)
      if (types.contains(name)) wanted.push_back(name);
    return wanted == found ? InputTypes() : types;
  }

  /// Operators that no family imports, in all of the program's code that was read.
  void report_unknown() {
    for (const std::string& name : program_.unknown(all_importers()))
      if (told_.insert(name).second) {
        ModelProblem problem;
        problem.node = "its code";
        problem.op = name;
        problem.what = "not among the operators that Hone runs";
        frame_.model().report.add(std::move(problem));
      }
  }

 private:
  /// The sizes that the caller gave for an input; null: none.
  const std::vector<int64_t>* given(const std::string& name) const {
    const auto& shapes = frame_.model().options.shapes;
    auto found = shapes.find(name);
    if (found == shapes.end() && tensors_ < 2) found = shapes.find("");
    return found == shapes.end() ? nullptr : &found->second;
  }

  static std::string type_name(const Definition::Parameter& parameter) {
    if (parameter.type == nullptr) return "Tensor";
    if (parameter.type->kind == Expression::Kind::index) return parameter.type->parts[0]->text;
    return parameter.type->text;
  }

  static int64_t whole(const std::string& name, double number) {
    constexpr double kMost = 9e15;  // what a double counts without gaps
    check(number == std::trunc(number) && std::abs(number) <= kMost, Code::usage, "the input ",
          shown(name), " is an int: ", number, " is no value of it");
    return static_cast<int64_t>(number);
  }

  Item argument(const Definition::Parameter& parameter, size_t place) {
    const std::string type = type_name(parameter);
    Variables none;
    const auto& numbers = frame_.model().options.numbers;
    const auto number = numbers.find(parameter.name);
    const auto* sizes = given(parameter.name);
    if (parameter.otherwise != nullptr && sizes == nullptr && number == numbers.end())
      return interpreter_.evaluate(*parameter.otherwise, none);
    if (type == "int" || type == "bool" || type == "float") {
      if (number != numbers.end()) {
        if (type == "bool") return number->second != 0;
        if (type == "float") return number->second;
        return whole(parameter.name, number->second);
      }
      check(type == "int", Code::unsupported, "the input ", shown(parameter.name), " is a ", type,
            ": --number ", shown(parameter.name), "=1 gives it a value");
      Value* input = frame_.graph().add_input(parameter.name, Type::tensor(DType::i64, Dims{}));
      return LateNumber{input, &frame_};
    }
    check(type == "Tensor" || type == "Optional", Code::unsupported, "the input ",
          shown(parameter.name), " is a ", type, ": Hone takes tensors and numbers");
    ++tensors_;
    auto cell = std::make_shared<Cell>();
    cell->frame = &frame_;
    inputs_.push_back({parameter.name, cell});
    if (const auto found = learned_.find(parameter.name); found != learned_.end()) {
      cell->value = frame_.graph().add_input(parameter.name, found->second);
      return cell;
    }
    const auto traced = traced_layout(place);
    if (traced) make(inputs_.back(), traced->dtype, sizes != nullptr ? *sizes : traced->sizes);
    return cell;
  }

  /// Of the example that the program was traced with.
  std::optional<Layout> traced_layout(size_t place) {
    if (!program_.archive().has("traced_inputs.pkl")) return std::nullopt;
    if (!traced_)
      traced_.emplace(program_.archive().bytes("traced_inputs.pkl"),
                      cat("traced_inputs.pkl in ", program_.archive().file().name));
    const auto opened = [](const Pickled* value) {
      while (value != nullptr && value->callee() == "torch.jit._pickle.restore_type_tag")
        value = value->items[1]->items.empty() ? nullptr : value->items[1]->items[0];
      return value;
    };
    const Pickled* all = opened(&traced_->root());
    const Pickled* forward = all == nullptr ? nullptr : opened(all->find("forward"));
    if (forward == nullptr || place >= forward->items.size()) return std::nullopt;
    const Pickled* example = opened(forward->items[place]);
    if (example == nullptr || !StoredTensors::is_tensor(*example)) return std::nullopt;
    return StoredTensors::layout(*example);
  }

  void make(const Input& input, DType dtype, const std::vector<int64_t>& sizes) {
    builder::StatedType stated{Type::Kind::tensor, dtype, std::vector<builder::StatedDim>(), {}};
    check(sizes.size() <= static_cast<size_t>(frame_.model().options.limits.rank),
          Code::invalid_model, "an input of ", uint64_t{sizes.size()}, " dimensions");
    for (const int64_t size : sizes) {
      stated.dims->emplace_back();
      if (size >= 0) stated.dims->back().value = size;
    }
    const Type type = builder::OpenType(input.name, symbols_).of(stated);
    input.cell->value = frame_.graph().add_input(input.name, type);
  }

  static bool is_operand(const std::vector<Item>& arguments, size_t i, const TensorRef& cell) {
    const auto* tensor = i < arguments.size() ? arguments[i].as<TensorRef>() : nullptr;
    return tensor != nullptr && *tensor == cell;
  }

  /// What the operator that reads an input first tells of it.
  void guess(const TensorRef& cell, const std::string& op, const std::vector<Item>& arguments) {
    const auto found = std::find_if(inputs_.begin(), inputs_.end(),
                                    [&](const Input& each) { return each.cell == cell; });
    check(found != inputs_.end(), Code::internal, "a tensor without a value");
    const auto weight_shape = [&](size_t i) -> std::vector<int64_t> {
      const auto* tensor = i < arguments.size() ? arguments[i].as<TensorRef>() : nullptr;
      if (tensor == nullptr || (*tensor)->value == nullptr) return {};
      return (*tensor)->value->type.tensor().concrete().value_or(std::vector<int64_t>());
    };
    if (const auto* sizes = given(found->name)) {
      const bool is_whole = (op == "aten::embedding" && !is_operand(arguments, 0, cell)) ||
                            op == "aten::Int" || op == "aten::IntImplicit";
      return make(*found, is_whole ? DType::i64 : DType::f32, *sizes);
    }
    const std::vector<int64_t> weight = weight_shape(1);
    const bool is_first = is_operand(arguments, 0, cell);
    if (op.find("conv") != std::string::npos && is_first && weight.size() > 2) {
      std::vector<int64_t> sizes(weight.size(), -1);
      const size_t at = op == "aten::_convolution" || op == "aten::convolution" ? 8 : 6;
      const auto* groups = at < arguments.size() ? arguments[at].as<Dim>() : nullptr;
      sizes[1] = weight[1] * (groups != nullptr ? groups->constant().value_or(1) : 1);
      return make(*found, DType::f32, sizes);
    }
    if (op == "aten::linear" && is_first && weight.size() == 2)
      return make(*found, DType::f32, {-1, weight[1]});
    if (op == "aten::embedding" && !is_first) return make(*found, DType::i64, {-1, -1});
    fail(Code::unsupported, "nothing tells the sizes of the input ", shown(found->name),
         ": --shape ", shown(found->name), "=1x3x224x224 does");
  }

  void add_outputs(const std::string& name, const Item& result, int depth) {
    check(depth < 16, Code::unsupported, "results within results");
    if (const auto* tensor = result.as<TensorRef>()) {
      if ((*tensor)->value == nullptr) interpreter_.call_operator("aten::alias", {result});
      return frame_.graph().add_output(name, interpreter_.caller().held(*tensor));
    }
    if (const auto* late = result.as<LateNumber>())
      return frame_.graph().add_output(name, late->value);
    if (const auto* list = result.list()) {
      for (size_t i = 0; i < list->size(); ++i)
        add_outputs(list->size() == 1 ? name : cat(name, "_", uint64_t{i}), (*list)[i], depth + 1);
    } else if (const auto* dict = result.as<std::shared_ptr<Dict>>()) {
      for (const auto& [key, item] : (*dict)->entries) add_outputs(text_of(key), item, depth + 1);
    } else if (const auto* object = result.as<std::shared_ptr<Object>>()) {
      for (const auto& [key, item] : (*object)->attributes) add_outputs(key, item, depth + 1);
    }
  }

  ScriptProgram& program_;
  builder::Frame& frame_;
  const InputTypes& learned_;
  std::vector<std::string> parameters_;
  Interpreter interpreter_;
  std::vector<Input> inputs_;
  builder::SymbolNames symbols_;
  std::optional<Pickle> traced_;
  std::set<std::string> told_;
  int tensors_ = 0;
};

}  // namespace

Imported import_script(const Archive& archive, const ImportOptions& options) {
  const std::string& name = archive.file().name;
  ScriptProgram program(archive);
  Imported result;
  result.format = "torchscript";
  if (archive.has("version")) result.version = cat("version ", trim(archive.text("version")));
  InputTypes learned;
  for (bool is_first : {true, false}) {
    auto made = std::make_unique<Graph>("program");
    builder::ModelBuild build{options, archive.file(),
                              options.limits.made_name_bytes + 4 * archive.file().bytes.size()};
    builder::Frame frame(build, *made, nullptr);
    ScriptImport import(program, frame, learned);
    build.attempt([&] { import.import(); },
                  [&](const Error& error) {
                    if (error.code() == Code::usage) throw error;
                    build.report_place("forward", error);
                  });
    if (!build.report.empty()) {
      import.report_unknown();
      throw build.report.error({name, result.version, result.producer, build.nodes});
    }
    result.graph = std::move(made);
    if (is_first) learned = import.out_of_order();
    if (learned.empty()) break;
  }
  builder::drop_unused_constants(*result.graph);
  return result;
}

}  // namespace hone::pytorch
