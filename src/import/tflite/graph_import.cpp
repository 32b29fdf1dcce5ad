#include "import/tflite/graph_import.hpp"

#include <algorithm>
#include <map>

#include "base/size.hpp"
#include "import/tflite/sparse.hpp"
#include "ir/inference.hpp"
#include "ops/common/complex.hpp"
#include "ops/quantize.hpp"

namespace hone::tflite {
namespace {

Tensor filled(DType dtype, const std::vector<int64_t>& shape, const std::vector<int64_t>& zeros) {
  Tensor made(dtype, shape);
  const int64_t zero = zeros.empty() ? 0 : zeros.front();
  for (int64_t i = 0; zero != 0 && i < made.count(); ++i) made.set_integer(i, zero);
  return made;
}

constexpr std::string_view kCustomAdvice = "Hone loads none from outside: convert without it";

}  // namespace

GraphImport::GraphImport(builder::Frame& frame, const Subgraph& graph, const ModelContext& context,
                         int depth)
    : frame_(frame), graph_(graph), context_(context), depth_(depth), slots_(graph.tensors.size()) {
  const int most = frame.model().options.limits.depth;
  check(depth <= most, Code::invalid_model, "graphs are nested deeper than ", most);
}

void GraphImport::import_main() {
  for (const int64_t input : graph_.inputs) add_input(input);
  import_operators();
  add_outputs();
}

std::vector<Value*> GraphImport::import_body(const std::vector<Value*>& inputs) {
  check(inputs.size() == graph_.inputs.size(), Code::invalid_model, "a graph of ",
        graph_.inputs.size(), " inputs is given ", inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) slot(graph_.inputs[i]) = {inputs[i], nullptr, true};
  import_operators();
  std::vector<Value*> results;
  for (const int64_t output : graph_.outputs) {
    results.push_back(value(output));
    if (results.back() == nullptr) throw builder::FailedBefore();
  }
  return results;
}

void GraphImport::import_operators() {
  for (const OperatorInfo& info : graph_.operators) {
    frame_.model().count_node(frame_.graph());
    import_operator(info);
  }
}

const TensorInfo& GraphImport::info(int64_t tensor) const {
  check(tensor >= 0 && tensor < static_cast<int64_t>(graph_.tensors.size()), Code::invalid_model,
        "tensor ", tensor, " of ", graph_.tensors.size());
  return graph_.tensors[static_cast<size_t>(tensor)];
}

GraphImport::Slot& GraphImport::slot(int64_t tensor) {
  (void)info(tensor);
  return slots_[static_cast<size_t>(tensor)];
}

std::string GraphImport::name_of(int64_t tensor) const {
  const std::string& name = info(tensor).name;
  return name.empty() ? cat("tensor_", tensor) : name;
}

void GraphImport::add_input(int64_t tensor) {
  const auto tell = [&](const Error& error) {
    frame_.model().report_place(cat("input ", tensor), error);
    if (tensor >= 0 && tensor < static_cast<int64_t>(slots_.size())) slot(tensor).defined = true;
  };
  frame_.model().attempt(
      [&] {
        const TensorInfo& stated = info(tensor);
        check(!slot(tensor).defined, Code::invalid_model, "stands twice among the inputs");
        check(stated.dtype.has_value(), Code::unsupported,
              "its elements are of a type that Hone does not have");
        check(*stated.dtype != DType::string, Code::unsupported,
              "its elements are strings: Hone computes with numbers, words are looked up before");
        const bool complex = is_complex(*stated.dtype);
        auto dims = stated.signature.empty() ? stated.shape : stated.signature;
        if (complex) dims.push_back(2);
        builder::StatedType type{Type::Kind::tensor,
                                 complex ? part_type(*stated.dtype) : *stated.dtype,
                                 std::vector<builder::StatedDim>(dims.size()),
                                 {}};
        for (size_t i = 0; i < dims.size(); ++i) {
          check(dims[i] >= -1, Code::invalid_model, "a dimension of ", dims[i]);
          if (dims[i] >= 0) (*type.dims)[i].value = dims[i];
        }
        const std::string name = name_of(tensor);
        Value* value = frame_.graph().add_input(name, builder::OpenType(name, symbols_).of(type));
        slot(tensor) = {value, nullptr, true};
      },
      tell);
}

std::shared_ptr<const Weight> GraphImport::constant(const TensorInfo& stated) const {
  check(stated.dtype.has_value(), Code::unsupported,
        "elements of a type that Hone does not have in a constant");
  check(*stated.dtype != DType::string, Code::unsupported, "a constant of strings");
  for (const int64_t size : stated.shape)
    check(size >= 0, Code::invalid_model, "a constant with a dimension of ", size);
  const size_t wanted = bytes_for(*stated.dtype, element_count(stated.shape));
  const bool complex = is_complex(*stated.dtype);
  const DType dtype = complex ? part_type(*stated.dtype) : *stated.dtype;
  std::vector<int64_t> shape = stated.shape;
  if (complex) shape.push_back(2);
  const Limits& limits = frame_.model().options.limits;
  if (stated.is_variable && !stated.has_data) {  // begins as it does in a new interpreter
    check(wanted <= limits.folded_bytes, Code::unsupported, "a variable of ", wanted, " bytes");
    return Weight::of(filled(dtype, shape, stated.quantization.zeros));
  }
  if (stated.sparsity) return Weight::of(densified(stated, limits.folded_bytes));
  check(stated.data.size() == wanted, Code::invalid_model, "a constant of ", *stated.dtype,
        shape_text(stated.shape), " with ", stated.data.size(), " bytes, wanted ", wanted);
  const builder::ModelFile& file = frame_.model().file;
  Tensor tensor = file.borrow(dtype, std::move(shape), stated.data);
  std::string source = file.source(tensor);
  return Weight::of(std::move(tensor), std::move(source));
}

Value* GraphImport::value(int64_t tensor) {
  Slot& found = slot(tensor);
  if (found.defined) return found.value;
  const TensorInfo& stated = info(tensor);
  const bool is_empty = !stated.has_data && std::find(stated.shape.begin(), stated.shape.end(),
                                                      0) != stated.shape.end();
  check(stated.has_data || is_empty || stated.is_variable, Code::invalid_model, "reads ",
        builder::quoted(name_of(tensor)), ", which no operator before it gives");
  found = {frame_.constant(name_of(tensor), constant(stated)), nullptr, true};
  return found.value;
}

Value* GraphImport::real(int64_t tensor, Value* value, const std::string& origin) {
  const TensorInfo& stated = info(tensor);
  if (value == nullptr || stated.quantization.scales.empty()) return value;
  if (!stated.dtype || is_float(*stated.dtype)) return value;
  Slot& found = slot(tensor);
  if (found.real != nullptr) return found.real;
  QuantizationOperands operands = operands_of(stated);
  const std::string name = name_of(tensor);
  Graph& graph = frame_.graph();
  const auto constant = [&](Tensor contents, std::string_view hint) {
    return frame_.constant(cat(name, ".", hint), Weight::of(std::move(contents)));
  };
  std::vector<Value*> inputs{value, constant(std::move(operands.scale), "scale")};
  if (!operands.zero.empty()) inputs.push_back(constant(std::move(operands.zero), "zero"));
  Node* node = graph.add_node(DequantizeLinear{.axis = stated.quantization.axis}, inputs,
                              {cat(name, ".real")}, {origin});
  infer(graph, *node);
  frame_.model().count_results(*node);
  return found.real = node->output();
}

builder::NodePlace GraphImport::place(const OperatorInfo& stated) {
  builder::NodePlace place{{}, stated.kind, {}, {}};
  for (const int64_t output : stated.outputs)
    place.outputs.push_back(output < 0 ? std::string() : name_of(output));
  place.origin =
      stated.outputs.empty() || place.outputs.front().empty() ? stated.kind : place.outputs.front();
  for (const int64_t input : stated.inputs)
    place.inputs.push_back(input < 0 ? nullptr : value(input));
  return place;
}

bool GraphImport::is_of_complex(const OperatorInfo& stated) const {
  for (const auto* tensors : {&stated.inputs, &stated.outputs})
    for (const int64_t tensor : *tensors)
      if (tensor >= 0 && info(tensor).dtype && is_complex(*info(tensor).dtype)) return true;
  return false;
}

void GraphImport::import_operator(const OperatorInfo& stated) {
  builder::ModelBuild& model = frame_.model();
  std::string origin = stated.kind;
  if (!stated.outputs.empty() && stated.outputs.front() >= 0 &&
      stated.outputs.front() < static_cast<int64_t>(graph_.tensors.size()))
    origin = name_of(stated.outputs.front());
  const std::string kind =
      stated.is_custom ? cat("custom ", shown(stated.kind)) : shown(stated.kind);
  const bool lacks_custom =
      stated.is_custom && context_.importers.find(cat(Importers::kCustom, stated.kind)) == nullptr;
  const auto tell = [&](const Error& error) {
    model.report.add(builder::problem_of(
        origin, kind, error, lacks_custom ? std::string(kCustomAdvice) : std::string()));
  };
  const auto one = [&] {
    for (const int64_t output : stated.outputs)
      if (output >= 0)
        check(!slot(output).defined, Code::invalid_model, "gives ",
              builder::quoted(name_of(output)), ", which is defined already");
    const bool complex = is_of_complex(stated);
    const ImportFunction f = complex ? context_.importers.find_complex(stated.kind)
                             : stated.is_custom
                                 ? context_.importers.find(cat(Importers::kCustom, stated.kind))
                                 : context_.importers.find(stated.kind);
    check(f != nullptr, Code::unsupported,
          stated.is_custom ? "a custom operator"
          : complex        ? "complex numbers"
                           : "not among the operators that Hone runs");
    bool failed = false;
    for (const int64_t input : stated.inputs) failed |= input >= 0 && value(input) == nullptr;
    if (failed) throw builder::FailedBefore();
    import_known(stated, f);
  };
  if (model.attempt(one, tell)) return;
  for (const int64_t output : stated.outputs)
    if (output >= 0 && output < static_cast<int64_t>(slots_.size()))
      slots_[static_cast<size_t>(output)].defined = true;
}

void GraphImport::import_known(const OperatorInfo& stated, ImportFunction f) {
  OpReader reader(*this, stated);
  f(reader);
  if (reader.failed()) throw builder::FailedBefore();
  for (size_t i = 0; i < stated.outputs.size(); ++i) {
    if (stated.outputs[i] < 0) continue;
    Value* value = reader.bound(static_cast<int>(i));
    check(value != nullptr, Code::invalid_model, "has no output ", i);
    slot(stated.outputs[i]) = {value, nullptr, true};
  }
}

void GraphImport::add_outputs() {
  builder::ModelBuild& model = frame_.model();
  if (graph_.outputs.empty())
    model.report_place("the graph", Error(Code::invalid_model, "it has no outputs"));
  std::map<std::string, const Value*> named;
  for (const int64_t output : graph_.outputs) {
    const auto tell = [&](const Error& error) {
      model.report_place(cat("output ", output), error);
    };
    model.attempt(
        [&] {
          Value* found = value(output);
          if (found == nullptr) return;
          // Several tensors may have one name; values have names of their own.
          const auto taken = named.emplace(name_of(output), found).first;
          std::string name = taken->second == found ? taken->first : found->name;
          for (int i = 1; named.emplace(name, found).first->second != found; ++i)
            name = cat(found->name, "_", i);
          frame_.graph().add_output(name, found);
        },
        tell);
  }
}

}  // namespace hone::tflite
