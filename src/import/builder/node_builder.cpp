#include "import/builder/node_builder.hpp"

#include <algorithm>

#include "ir/inference.hpp"

namespace hone::builder {

NodeBuilder::NodeBuilder(Frame& frame, NodePlace place)
    : frame_(frame), place_(std::move(place)), bound_(place_.outputs.size(), nullptr) {
  while (!place_.inputs.empty() && place_.inputs.back() == nullptr) place_.inputs.pop_back();
}

Value* NodeBuilder::input(int i) const {
  return i >= 0 && i < inputs() ? place_.inputs[static_cast<size_t>(i)] : nullptr;
}

Value* NodeBuilder::required(int i) const {
  Value* value = input(i);
  check(value != nullptr, "input ", i, " is missing");
  return value;
}

std::optional<DType> NodeBuilder::dtype_in(int i) const {
  const Value* value = input(i);
  if (value == nullptr || !value->type.is_tensor()) return std::nullopt;
  return value->type.tensor().dtype;
}

std::optional<int> NodeBuilder::rank(int i) const {
  const Value* value = input(i);
  if (value == nullptr || !value->type.is_tensor() || !value->type.tensor().has_rank())
    return std::nullopt;
  return value->type.tensor().rank();
}

const Tensor* NodeBuilder::constant_tensor(int i) const {
  const Value* value = input(i);
  if (value == nullptr || !value->is_constant()) return nullptr;
  if (value->weight->is_random() || value->weight->is_absent()) return nullptr;
  return &value->weight->tensor();
}

std::optional<std::vector<int64_t>> NodeBuilder::constant_ints(int i) const {
  const Tensor* tensor = constant_tensor(i);
  if (tensor == nullptr || !(is_integer(tensor->dtype()) || tensor->dtype() == DType::boolean))
    return std::nullopt;
  return tensor->integers();
}

std::optional<int64_t> NodeBuilder::known_scalar(int i) const {
  if (const Tensor* tensor = constant_tensor(i); tensor != nullptr && tensor->count() == 1) {
    const auto values = constant_ints(i);
    return values ? std::optional(values->front()) : std::nullopt;
  }
  const Value* value = input(i);
  if (value == nullptr || !value->known || value->known->size() != 1) return std::nullopt;
  return value->known->front().constant();
}

bool NodeBuilder::wants(int i) const {
  return i < outputs() && !place_.outputs[static_cast<size_t>(i)].empty();
}

std::string NodeBuilder::output_name(int i) const {
  if (!wants(i)) return cat(place_.origin, ".", i);
  const std::string& name = place_.outputs[static_cast<size_t>(i)];
  frame_.model().count_name(name);
  return name;
}

Node* NodeBuilder::add(Op op, std::vector<Value*> inputs, const std::vector<std::string>& names) {
  Node* node = graph().add_node(std::move(op), std::move(inputs), names, {place_.origin});
  try {
    infer(graph(), *node);
  } catch (const Error& error) {
    // The report names the node in a column of its own.
    std::string message = error.message();
    const std::string where = cat(" (", describe(*node), ")");
    if (message.ends_with(where)) message.resize(message.size() - where.size());
    throw Error(error.code(), message);
  }
  frame_.model().count_results(*node);
  return node;
}

Value* NodeBuilder::emit(Op op, std::vector<Value*> inputs) {
  Value* value = add(std::move(op), std::move(inputs), {output_name(0)})->output();
  if (wants(0)) bound_[0] = value;
  return value;
}

std::vector<Value*> NodeBuilder::emit_all(Op op, std::vector<Value*> inputs, int results) {
  std::vector<std::string> names;
  for (int i = 0; i < std::max(outputs(), results); ++i)
    names.push_back(wants(i) ? output_name(i) : "");
  const std::vector<Value*> made = add(std::move(op), std::move(inputs), names)->outputs;
  std::copy_n(made.begin(), outputs(), bound_.begin());
  return made;
}

Value* NodeBuilder::intermediate(Op op, std::vector<Value*> inputs, std::string_view hint) {
  return add(std::move(op), std::move(inputs), {cat(output_name(0), ".", hint)})->output();
}

std::vector<Value*> NodeBuilder::intermediates(Op op, std::vector<Value*> inputs, int results,
                                               std::string_view hint) {
  std::vector<std::string> names;
  for (int i = 0; i < results; ++i) names.push_back(cat(output_name(0), ".", hint, i));
  return add(std::move(op), std::move(inputs), names)->outputs;
}

Value* NodeBuilder::constant(Tensor tensor, std::string_view hint) {
  std::string source = frame_.model().file.source(tensor);
  const std::string name = hint.empty() ? output_name(0) : cat(output_name(0), ".", hint);
  return frame_.constant(name, Weight::of(std::move(tensor), std::move(source)));
}

void NodeBuilder::give(int i, Value* value) {
  check(value != nullptr, "output ", i, " would pass on an input that is missing");
  if (wants(i)) bound_[static_cast<size_t>(i)] = value;
}

void NodeBuilder::problem(std::string what, std::string suggestion) {
  frame_.model().report.add(problem_of(place_.origin, place_.kind,
                                       Error(Code::unsupported, std::move(what)),
                                       std::move(suggestion)));
  failed_ = true;
}

ModelProblem problem_of(std::string_view origin, std::string kind, const Error& error,
                        std::string suggestion) {
  ModelProblem problem;
  problem.node = shown(origin);
  problem.op = std::move(kind);
  problem.what = error.message();
  problem.suggestion = std::move(suggestion);
  problem.code = error.code();
  return problem;
}

}  // namespace hone::builder
