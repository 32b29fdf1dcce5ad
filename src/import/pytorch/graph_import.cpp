#include "import/pytorch/graph_import.hpp"

#include "import/pytorch/dim_nodes.hpp"
#include "ops/shape.hpp"

namespace hone::pytorch {
namespace {

struct Target {
  std::string name, variant;  // "aten::add", "Tensor"
};

/// "torch.ops.aten.add.Tensor", "_operator.mul", "math.ceil", "torch.sym_max".
Target target_of(std::string_view target) {
  constexpr std::string_view kOps = "torch.ops.";
  if (target.starts_with(kOps)) {
    const auto parts = split(target.substr(kOps.size()), '.');
    if (parts.size() < 2) return {std::string(target), ""};
    std::string variant = parts.size() > 2 ? std::string(parts[2]) : "";
    if (variant == "default") variant.clear();
    return {cat(parts[0], "::", parts[1]), variant};
  }
  const size_t dot = target.rfind('.');
  if (dot == std::string_view::npos) return {std::string(target), ""};
  std::string_view module = target.substr(0, dot);
  if (module.starts_with("_")) module.remove_prefix(1);
  return {cat(module.substr(0, module.find('.')), "::", target.substr(dot + 1)), ""};
}

/// The name of a symbol that is all of an expression, as releases write it: "Symbol('s77',
/// positive=True, integer=True)" or "s77". Of another expression: the expression.
std::string_view symbol_of(std::string_view expression) {
  constexpr std::string_view kSymbol = "Symbol('";
  if (!expression.starts_with(kSymbol)) return expression;
  const std::string_view rest = expression.substr(kSymbol.size());
  return rest.substr(0, rest.find('\''));
}

bool is_name(std::string_view text) {
  if (text.empty() || (text[0] >= '0' && text[0] <= '9')) return false;
  for (const char c : text)
    if (!(c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')))
      return false;
  return true;
}

/// The innermost module that a node comes from: "layer1.0.conv1".
std::string module_of(const Json& node) {
  const auto metadata = node.find("metadata");
  const auto stack = metadata ? metadata->find("nn_module_stack") : std::nullopt;
  if (!stack) return {};
  const std::string text = stack->text();
  const size_t last = text.rfind(';');
  const auto fields =
      split(std::string_view(text).substr(last == std::string::npos ? 0 : last + 1), ',');
  return fields.size() < 2 ? std::string() : std::string(fields[1]);
}

std::string advice(const std::string& name) {
  if (!name.starts_with("aten::"))
    return "an operator of another library: Hone loads none from outside";
  return "exported_program.run_decompositions() may express it in operators that Hone runs";
}

}  // namespace

GraphImport::GraphImport(builder::Frame& frame, const Json& graph, const Importers& importers,
                         int depth)
    : frame_(frame), caller_(frame), graph_(graph), importers_(importers), depth_(depth) {
  const int most = frame.model().options.limits.depth;
  check(depth <= most, Code::invalid_model, "graphs are nested deeper than ", most);
  for (const Json& node : graph_["nodes"].list())
    for (const Json& input : node["inputs"].list()) collect_read(input["arg"]);
  for (const Json& output : graph_["outputs"].list()) collect_read(output);
}

void GraphImport::collect_read(const Json& argument) {
  const auto [kind, value] = argument.only();
  if (kind == "as_tensor") read_.insert(value["name"].text());
  if (kind == "as_tensors")
    for (const Json& each : value.list()) read_.insert(each["name"].text());
  if (kind == "as_optional_tensor" && value.has("as_tensor"))
    read_.insert(value["as_tensor"]["name"].text());
  if (kind == "as_optional_tensors")
    for (const Json& each : value.list())
      if (each.has("as_tensor")) read_.insert(each["as_tensor"]["name"].text());
  if (kind == "as_nested_tensors")
    for (const Json& each : value.list())
      for (const Json& tensor : each.list()) read_.insert(tensor["name"].text());
}

void GraphImport::import_main(Program& program) {
  add_inputs(program);
  if (const auto constraints = program.description().find("range_constraints"))
    add_constraints(*constraints);
  import_nodes();
  add_outputs(program.description()["graph_module"]["signature"]["output_specs"]);
}

std::vector<Item> GraphImport::import_body(const std::vector<Item>& inputs) {
  const auto declared = graph_["inputs"].list();
  check(declared.size() == inputs.size(), Code::invalid_model, "a graph of ",
        uint64_t{declared.size()}, " inputs is given ", uint64_t{inputs.size()});
  for (size_t i = 0; i < inputs.size(); ++i) {
    const auto [kind, value] = declared[i].only();
    const std::string name = kind == "as_tensor"    ? value["name"].text()
                             : value.has("as_name") ? value["as_name"].text()
                                                    : std::string();
    if (!name.empty()) entries_[name] = {inputs[i]};
  }
  import_nodes();
  std::vector<Item> results;
  for (const Json& output : graph_["outputs"].list()) results.push_back(item(output));
  return results;
}

void GraphImport::add_inputs(Program& program) {
  const auto specs = program.description()["graph_module"]["signature"]["input_specs"].list();
  const Limits& limits = frame_.model().options.limits;
  check(specs.size() <= static_cast<size_t>(limits.interface + limits.tensors), Code::invalid_model,
        "the program has ", uint64_t{specs.size()}, " inputs");
  // Names of sizes first: no other size gets one of them.
  for (const Json& spec : specs)
    if (spec.has("user_input")) {
      const Json argument = spec["user_input"]["arg"];
      if (argument.has("as_tensor"))
        collect_names(stated_type(argument["as_tensor"]["name"].text()), symbols_);
    }
  size_t place = 0;
  for (const Json& spec : specs) {
    const auto tell = [&](const Error& error) {
      frame_.model().report_place(cat("input ", uint64_t{place}), error);
    };
    frame_.model().attempt([&] { add_input(spec, program); }, tell);
    ++place;
  }
}

void GraphImport::add_input(const Json& spec, Program& program) {
  const auto [kind, value] = spec.only();
  if (kind == "user_input") return add_user_input(value["arg"]);
  if (kind == "constant_input") {
    const auto [type, constant] = value["value"].only();
    entries_[value["name"].text()] = {constant_of(type, constant)};
    return;
  }
  if (kind == "token") return;
  check(kind != "custom_obj", Code::unsupported, "an object of a class of its own: ",
        kind == "custom_obj" ? shown(value["custom_obj_name"].text()) : std::string());
  const std::string name = value["arg"]["name"].text();
  entries_[name] = {{}, true};  // unless what follows goes well
  const char* field = kind == "parameter" ? "parameter_name"
                      : kind == "buffer"  ? "buffer_name"
                                          : "tensor_constant_name";
  const std::string stored = value[field].text();
  const bool persistent = kind == "parameter" || (kind == "buffer" && value["persistent"].flag());
  Value* constant =
      frame_.constant(stored, persistent ? program.weight(stored) : program.constant(stored));
  const TensorRef cell = caller_.cell(constant);
  cell->complex = is_complex(stated_type(name).dtype);
  entries_[name] = {cell};
}

builder::StatedType GraphImport::stated_type(const std::string& name) {
  const Json meta = graph_["tensor_values"][name.c_str()];
  builder::StatedType type{Type::Kind::tensor,
                           exported_dtype(meta["dtype"].integer()),
                           std::vector<builder::StatedDim>(),
                           {}};
  for (const Json& size : meta["sizes"].list()) {
    builder::StatedDim& dim = type.dims->emplace_back();
    const auto [kind, value] = size.only();
    if (kind == "as_int") {
      dim.value = value.integer();
      check(*dim.value >= 0, Code::invalid_model, "a dimension of ", *dim.value);
      continue;
    }
    const std::string expression = value["expr_str"].text();
    const std::string_view symbol = symbol_of(expression);
    if (is_name(symbol)) dim.name = *symbols_.emplace(symbol).first;
  }
  return type;
}

void GraphImport::add_user_input(const Json& argument) {
  const auto [kind, value] = argument.only();
  if (kind != "as_tensor") {
    // A number that the export has fixed is no input.
    check(!kind.starts_with("as_sym"), Code::unsupported, "an input that is no tensor (", kind,
          "): export with a tensor in its place");
    return;
  }
  const std::string name = value["name"].text();
  entries_[name] = {{}, true};
  builder::StatedType stated = stated_type(name);
  const bool is_of_pairs = is_complex(stated.dtype);
  if (is_of_pairs) {
    stated.dtype = stated.dtype == DType::c64 ? DType::f32 : DType::f64;
    stated.dims->emplace_back().value = 2;
  }
  const Type type = builder::OpenType(name, symbols_).of(stated);
  const TensorRef cell = caller_.cell(frame_.graph().add_input(name, type));
  cell->complex = is_of_pairs;
  entries_[name] = {cell};
}

void GraphImport::add_constraints(const Json& constraints) {
  // Every export assumes sizes of two at least; graphs hold for one as well, or say otherwise.
  constexpr int64_t kAssumed = 2, kNone = int64_t{1} << 62;
  for (const auto& [name, range] : constraints.entries()) {
    if (!symbols_.contains(name)) continue;
    const Dim size = Dim::symbol(name);
    const auto least = range.find("min_val"), most = range.find("max_val");
    using Relation = Require::Relation;
    if (least && least->integer() > kAssumed)
      frame_.graph().add_requirement({Relation::less_equal, least->integer(), size});
    if (most && most->integer() < kNone)
      frame_.graph().add_requirement({Relation::less_equal, size, most->integer()});
  }
}

void GraphImport::import_nodes() {
  bool failed = false;
  for (const Json& node : graph_["nodes"].list()) {
    frame_.model().count_node(frame_.graph());
    const std::string target = node["target"].text();
    const CallSite site = site_of(node, target);
    const auto tell = [&](const Error& error) {
      const Target asked = target_of(target);
      const bool lacks = importers_.find(asked.name, asked.variant) == nullptr &&
                         error.code() == Code::unsupported;
      frame_.model().report.add(builder::problem_of(site.origin, site.kind, error,
                                                    lacks ? advice(asked.name) : std::string()));
    };
    if (frame_.model().attempt([&] { import_call(node, target); }, tell)) continue;
    failed = true;
    fail_outputs(node["outputs"]);
  }
  if (failed && depth_ > 0) throw builder::FailedBefore();
}

CallSite GraphImport::site_of(const Json& node, const std::string& target) const {
  CallSite site;
  const auto add = [&](const std::string& name) {
    site.outputs.push_back(read_.contains(name) ? name : std::string());
  };
  std::string first;
  for (const Json& output : node["outputs"].list()) {
    const auto [kind, value] = output.only();
    if (kind == "as_tensor") {
      add(value["name"].text());
      if (first.empty()) first = value["name"].text();
    } else if (kind == "as_tensors") {
      for (const Json& each : value.list()) {
        add(each["name"].text());
        if (first.empty()) first = each["name"].text();
      }
    } else {
      site.outputs.emplace_back();
    }
  }
  if (const auto name = node.find("name")) first = name->text();
  const std::string module = module_of(node);
  site.origin = module.empty() ? first : cat(module, "/", first);
  if (site.origin.empty()) site.origin = target;
  site.kind = target.starts_with("torch.ops.") ? target.substr(10) : target;
  return site;
}

void GraphImport::import_call(const Json& node, const std::string& target) {
  const CallSite site = site_of(node, target);
  const std::string made =
      site.outputs.empty() || site.outputs[0].empty() ? cat(site.origin, ".0") : site.outputs[0];
  if (const auto results = import_control(*this, node, target, site))
    return define(node["outputs"], *results, made);
  const Target asked = target_of(target);
  const Overload* overload = importers_.find(asked.name, asked.variant);
  bool in_place = false;
  if (const auto plain = out_of_place(asked.name); overload == nullptr && !plain.empty()) {
    overload = importers_.find(plain, asked.variant);
    in_place = overload != nullptr;
  }
  check(overload != nullptr, Code::unsupported, "not among the operators that Hone runs");
  const bool by_name = asked.name.find("aten::") == 0 || target.starts_with("torch.ops.");
  std::vector<Item> places;
  std::vector<std::pair<std::string, Item>> names;
  for (const Json& input : node["inputs"].list()) {
    std::string name = input["name"].text();
    // What is written into is called self, whatever the operator calls it.
    if (in_place && name == "self" && !overload->parameters.empty())
      name = overload->parameters.front().name;
    if (by_name && !name.empty()) names.emplace_back(name, item(input["arg"]));
    else places.push_back(item(input["arg"]));
  }
  MadeCall call{overload, site, bound_arguments(*overload, places, names)};
  define(node["outputs"], caller_.call(std::move(call), in_place), made);
}

void GraphImport::define(const Json& outputs, const std::vector<Item>& results,
                         const std::string& made) {
  const auto wanted = outputs.list();
  check(wanted.size() <= results.size(), Code::unsupported, "result ", uint64_t{results.size()},
        " is not computed");
  for (size_t i = 0; i < wanted.size(); ++i) define_one(wanted[i], results[i], made);
}

void GraphImport::define_one(const Json& output, const Item& result, const std::string& made) {
  const auto [kind, value] = output.only();
  if (kind == "as_tensors") {
    const auto names = value.list();
    check(result.list() != nullptr && result.list()->size() == names.size(), Code::invalid_model,
          "gives ", kind_of(result), ", wanted a list of ", uint64_t{names.size()});
    for (size_t i = 0; i < names.size(); ++i) {
      nlohmann::json one = {{"as_tensor", {{"name", names[i]["name"].text()}}}};
      define_one(Json(one, "the program"), (*result.list())[i], made);
    }
    return;
  }
  if (kind == "as_none") return;
  const std::string name = value.has("as_name") ? value["as_name"].text()
                           : value.has("name")  ? value["name"].text()
                                                : std::string();
  if (name.empty()) return;
  entries_[name] = {result};
  const auto* tensor = result.as<TensorRef>();
  if (tensor == nullptr) return;
  // Values between have names that begin with the first result's.
  Value* held = (*tensor)->value;
  if (held->producer != nullptr && held->name.starts_with(cat(made, ".")) &&
      frame_.graph().find(name) == nullptr && (*tensor)->frame == &frame_) {
    frame_.model().count_name(name);
    frame_.graph().rename(held, name);
  }
}

void GraphImport::fail_outputs(const Json& outputs) {
  for (const Json& output : outputs.list()) {
    const auto [kind, value] = output.only();
    if (kind == "as_tensors") {
      for (const Json& each : value.list()) entries_[each["name"].text()] = {{}, true};
      continue;
    }
    for (const char* field : {"name", "as_name"})
      if (value.has(field)) entries_[value[field].text()] = {{}, true};
  }
}

void GraphImport::add_outputs(const Json& specs) {
  size_t place = 0;
  for (const Json& spec : specs.list()) {
    const auto [kind, value] = spec.only();
    const size_t at = place++;
    if (kind != "user_output" && kind != "loss_output") continue;
    const Json argument = value["arg"];
    const auto tell = [&](const Error& error) {
      frame_.model().report_place(cat("output ", uint64_t{at}), error);
    };
    frame_.model().attempt(
        [&] {
          if (kind == "user_output") return add_output(argument, at);
          const nlohmann::json tensor = {{"as_tensor", {{"name", argument["name"].text()}}}};
          add_output(Json(tensor, "the program"), at);
        },
        tell);
  }
  if (frame_.graph().outputs().empty() && frame_.model().report.empty())
    frame_.model().report_place("the program", Error(Code::invalid_model, "it has no outputs"));
}

void GraphImport::add_output(const Json& argument, size_t place) {
  const auto [kind, value] = argument.only();
  if (kind == "as_none") return;
  const Item result = item(argument);
  std::string name = cat("output_", uint64_t{place});
  Value* given = nullptr;
  if (const auto* tensor = result.as<TensorRef>()) {
    given = caller_.held(*tensor);  // complex numbers as pairs
    name = value["name"].text();
  } else if (const auto* late = result.as<LateNumber>()) {
    given = late->value;
  } else {
    // A number: a size, or what the export has fixed.
    const Overload none{.name = "output"};
    const MadeCall made{&none, {name, "output", {name}}, {}};
    Call call(caller_, made);
    const bool is_whole = result.as<Dim>() != nullptr;
    const bool is_flag = result.as<bool>() != nullptr;
    check(is_whole || is_flag || result.as<double>() != nullptr, Code::unsupported, "it is ",
          kind_of(result));
    given = call.operand(result,
                         is_whole  ? DType::i64
                         : is_flag ? DType::boolean
                                   : DType::f32,
                         "number");
  }
  const int count = output_names_[name]++;
  frame_.graph().add_output(count == 0 ? name : cat(name, ".", count), given);
}

}  // namespace hone::pytorch
