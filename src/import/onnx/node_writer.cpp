// The half of NodeReader that makes values and nodes.

#include <algorithm>

#include "base/size.hpp"
#include "import/onnx/graph_import.hpp"
#include "import/onnx/node_reader.hpp"
#include "ir/inference.hpp"

namespace hone::onnx {
namespace {

/// No value may be of a size that cannot be counted, whatever the op's type rule makes of it.
void check_size(const Type& type, const Limits& limits) {
  if (!type.is_tensor() || !type.tensor().has_rank()) return;
  const TensorType& tensor = type.tensor();
  hone::check(tensor.rank() <= limits.rank, Code::invalid_model, "makes a tensor of ",
              tensor.rank(), " dimensions (at most ", limits.rank, ")");
  const auto shape = tensor.concrete();
  if (shape && tensor.dtype != DType::string) bytes_for(tensor.dtype, element_count(*shape));
}

/// How much there is to the sizes and known contents of a value.
int64_t terms_of(const Value& value) {
  int64_t terms = 0;
  const auto add = [&](const Dims& dims) {
    for (const Dim& dim : dims) terms += dim.complexity();
  };
  if (value.type.is_tensor() && value.type.tensor().has_rank()) add(value.type.tensor().shape());
  if (value.known) add(*value.known);
  return terms;
}

}  // namespace

Value* NodeReader::input(int i) const {
  return i >= 0 && i < inputs() ? inputs_[static_cast<size_t>(i)] : nullptr;
}

Value* NodeReader::required(int i) const {
  Value* value = input(i);
  check(value != nullptr, "input ", i, " is missing");
  return value;
}

std::optional<DType> NodeReader::dtype_in(int i) const {
  const Value* value = input(i);
  if (value == nullptr || !value->type.is_tensor()) return std::nullopt;
  return value->type.tensor().dtype;
}

std::optional<int> NodeReader::rank(int i) const {
  const Value* value = input(i);
  if (value == nullptr || !value->type.is_tensor() || !value->type.tensor().has_rank())
    return std::nullopt;
  return value->type.tensor().rank();
}

const Tensor* NodeReader::constant_tensor(int i) const {
  const Value* value = input(i);
  if (value == nullptr || !value->is_constant()) return nullptr;
  if (value->weight->is_random() || value->weight->is_absent()) return nullptr;
  return &value->weight->tensor();
}

std::optional<std::vector<int64_t>> NodeReader::constant_ints(int i) const {
  const Tensor* tensor = constant_tensor(i);
  if (tensor == nullptr || !(is_integer(tensor->dtype()) || tensor->dtype() == DType::boolean))
    return std::nullopt;
  return tensor->integers();
}

std::optional<int64_t> NodeReader::known_scalar(int i) const {
  if (const Tensor* tensor = constant_tensor(i); tensor != nullptr && tensor->count() == 1) {
    const auto values = constant_ints(i);
    return values ? std::optional(values->front()) : std::nullopt;
  }
  const Value* value = input(i);
  if (value == nullptr || !value->known || value->known->size() != 1) return std::nullopt;
  return value->known->front().constant();
}

int NodeReader::outputs() const { return static_cast<int>(node_.outputs.size()); }

bool NodeReader::wants(int i) const {
  return i < outputs() && !node_.outputs[static_cast<size_t>(i)].empty();
}

std::string NodeReader::output_name(int i) const {
  if (wants(i)) return import_.value_name(node_.outputs[static_cast<size_t>(i)]);
  return cat(origin_, ".", i);
}

Node* NodeReader::add(Op op, std::vector<Value*> inputs, const std::vector<std::string>& names) {
  Node* node = graph().add_node(std::move(op), std::move(inputs), names, {origin_});
  try {
    infer(graph(), *node);
  } catch (const Error& error) {
    // The report names the node in a column of its own.
    std::string message = error.message();
    const std::string where = cat(" (", describe(*node), ")");
    if (message.ends_with(where)) message.resize(message.size() - where.size());
    throw Error(error.code(), message);
  }
  ModelImport& model = import_.model();
  for (const Value* value : node->outputs) {
    if (value == nullptr) continue;
    check_size(value->type, model.options.limits);
    model.size_terms += terms_of(*value);
  }
  if (model.size_terms > model.options.limits.size_terms)
    throw BeyondLimit{cat("the sizes of values have more than ", model.options.limits.size_terms,
                          " terms together")};
  return node;
}

Value* NodeReader::emit(Op op, std::vector<Value*> inputs) {
  Value* value = add(std::move(op), std::move(inputs), {output_name(0)})->output();
  if (wants(0)) bound_[0] = value;
  return value;
}

std::vector<Value*> NodeReader::emit_all(Op op, std::vector<Value*> inputs, int results) {
  std::vector<std::string> names;
  for (int i = 0; i < std::max(outputs(), results); ++i)
    names.push_back(wants(i) ? output_name(i) : "");
  const std::vector<Value*> made = add(std::move(op), std::move(inputs), names)->outputs;
  std::copy_n(made.begin(), outputs(), bound_.begin());
  return made;
}

Value* NodeReader::intermediate(Op op, std::vector<Value*> inputs, std::string_view hint) {
  return add(std::move(op), std::move(inputs), {cat(output_name(0), ".", hint)})->output();
}

std::vector<Value*> NodeReader::intermediates(Op op, std::vector<Value*> inputs, int results,
                                              std::string_view hint) {
  std::vector<std::string> names;
  for (int i = 0; i < results; ++i) names.push_back(cat(output_name(0), ".", hint, i));
  return add(std::move(op), std::move(inputs), names)->outputs;
}

Value* NodeReader::constant(Tensor tensor, std::string_view hint) {
  std::string source = import_.model().tensors.source(tensor);
  const std::string name = hint.empty() ? output_name(0) : cat(output_name(0), ".", hint);
  return import_.frame().constant(name, Weight::of(std::move(tensor), std::move(source)));
}

void NodeReader::give(int i, Value* value) {
  check(value != nullptr, "output ", i, " would pass on an input that is missing");
  if (wants(i)) bound_[static_cast<size_t>(i)] = value;
}

void NodeReader::problem(std::string what, std::string suggestion) {
  import_.report(node_, Error(Code::unsupported, std::move(what)), std::move(suggestion));
  failed_ = true;
}

}  // namespace hone::onnx
