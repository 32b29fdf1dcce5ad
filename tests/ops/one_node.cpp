#include "ops/one_node.hpp"

#include <gtest/gtest.h>

namespace hone::test {
namespace {

Node* only_node(Graph& graph, Op op, const std::vector<Value*>& inputs, size_t results) {
  std::vector<std::string> names;
  for (size_t i = 0; i < results; ++i) names.push_back(cat("y", i));
  Node* node = graph.add_node(std::move(op), inputs, names);
  for (Value* value : node->outputs) graph.add_output(value->name, value);
  infer(graph);
  return node;
}

Dims dims_of(const Tensor& tensor) { return {tensor.shape().begin(), tensor.shape().end()}; }

}  // namespace

std::vector<Tensor> run_all(Op op, const std::vector<Tensor>& operands, size_t results) {
  Graph graph;
  std::vector<Value*> inputs;
  std::vector<Tensor> given;
  for (const Tensor& operand : operands) {
    inputs.push_back(nullptr);
    if (operand.empty()) continue;
    inputs.back() = graph.add_input("x", Type::tensor(operand.dtype(), dims_of(operand)));
    given.push_back(operand);
  }
  Node* node = only_node(graph, std::move(op), inputs, results);
  std::vector<Tensor> found = evaluate(graph, given);
  for (size_t i = 0; i < results; ++i) {
    const TensorType& type = node->outputs[i]->type.tensor();
    EXPECT_EQ(found[i].dtype(), type.dtype) << cat(type);
    const auto sizes = type.concrete();
    EXPECT_EQ(found[i].shape(), sizes.value_or(found[i].shape()));
  }
  return found;
}

Tensor run(Op op, const std::vector<Tensor>& operands) {
  return run_all(std::move(op), operands).front();
}

Type type_of(Op op, const std::vector<Type>& operands) {
  Graph graph;
  std::vector<Value*> inputs;
  for (const Type& type : operands)
    inputs.push_back(type.is_none() ? nullptr : graph.add_input("x", type));
  return only_node(graph, std::move(op), inputs, 1)->outputs[0]->type;
}

std::string known_of(Op op, const std::vector<std::pair<DType, Dims>>& operands) {
  Graph graph;
  std::vector<Value*> inputs;
  for (const auto& [type, contents] : operands) {
    const auto count = static_cast<int64_t>(contents.size());
    inputs.push_back(graph.add_input("x", Type::tensor(type, {count})));
    inputs.back()->known = contents;
  }
  const Node* node = only_node(graph, std::move(op), inputs, 1);
  return node->outputs[0]->known ? cat("[", join(*node->outputs[0]->known, ","), "]") : "?";
}

Tensor tensor(DType type, std::vector<int64_t> shape, const std::vector<double>& values) {
  Tensor result(type, std::move(shape));
  EXPECT_EQ(result.count(), static_cast<int64_t>(values.size()));
  for (size_t i = 0; i < values.size(); ++i) result.set_number(static_cast<int64_t>(i), values[i]);
  return result;
}

Tensor f32(const std::vector<double>& values) {
  return tensor(DType::f32, {static_cast<int64_t>(values.size())}, values);
}

Tensor i64(const std::vector<int64_t>& values) { return Tensor::ints(values); }

std::vector<double> numbers(const Tensor& tensor) {
  std::vector<double> result;
  for (int64_t i = 0; i < tensor.count(); ++i) result.push_back(tensor.number(i));
  return result;
}

}  // namespace hone::test
