#include "ops/one_node.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "ops/stage_judge.hpp"

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

/// Room as an engine gives it: what was there before is still in it. An op writes all of its
/// result.
Tensor used_room(int, DType type, const std::vector<int64_t>& shape) {
  Tensor room(type, shape);
  std::ranges::fill(room.mutable_bytes(), std::byte{0xA5});
  return room;
}

/// Bits that belong to no element may differ.
bool same_numbers(const Tensor& a, const Tensor& b) {
  if (!a.is_tensor() || a.dtype() == DType::string || bits(a.dtype()) >= 8) return same_bits(a, b);
  if (a.dtype() != b.dtype() || a.shape() != b.shape()) return false;
  for (int64_t i = 0; i < a.count(); ++i)
    if (a.number(i) != b.number(i)) return false;
  return true;
}

void expect_all_written(const Node& node, const std::vector<Tensor>& operands,
                        const std::vector<Tensor>& wanted) {
  std::vector<const Tensor*> inputs;
  for (const Tensor& operand : operands) inputs.push_back(operand.empty() ? nullptr : &operand);
  while (!inputs.empty() && inputs.back() == nullptr) inputs.pop_back();
  const Bindings symbols;
  Evaluation evaluation(node, inputs, symbols, used_room);
  node.op.op_class().eval(node.op.data(), evaluation);
  for (size_t i = 0; i < wanted.size(); ++i)
    EXPECT_TRUE(same_numbers(evaluation.results()[i], wanted[i]))
        << "result " << i << " of " << cat(describe(node))
        << " depends on what its room held before";
}

/// What the op says of itself in closed terms is what it does: its operands as inputs.
void expect_stages_agree(const Node& node, const std::vector<Tensor>& operands,
                         const std::vector<Tensor>& wanted) {
  std::vector<const Tensor*> inputs;
  Bindings symbols;
  for (const Tensor& operand : operands) inputs.push_back(operand.empty() ? nullptr : &operand);
  for (size_t i = 0; i < wanted.size(); ++i) {
    const Type& type = node.outputs[i]->type;
    if (type.is_tensor() && type.tensor().has_rank()) bind_contents(type, wanted[i], symbols);
  }
  StageTally tally;
  EXPECT_EQ(judge_stages(node, inputs, symbols, wanted, tally), "");
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
  expect_all_written(*node, operands, found);
  expect_stages_agree(*node, operands, found);
  if (!std::ranges::all_of(operands, &Tensor::is_tensor)) return found;
  Graph known;  // the same with operands that are known
  std::vector<Value*> constants;
  for (const Tensor& operand : operands)
    constants.push_back(operand.empty() ? nullptr : known.add_constant("x", Weight::of(operand)));
  expect_stages_agree(*only_node(known, node->op, constants, results), operands, found);
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

void expect_near(const Tensor& found, const std::vector<double>& wanted, double most) {
  ASSERT_EQ(found.count(), static_cast<int64_t>(wanted.size()));
  for (size_t i = 0; i < wanted.size(); ++i) {
    const double number = found.number(static_cast<int64_t>(i));
    if (std::isnan(wanted[i])) EXPECT_TRUE(std::isnan(number)) << number << " at element " << i;
    else EXPECT_NEAR(number, wanted[i], most) << "element " << i;
  }
}

}  // namespace hone::test
