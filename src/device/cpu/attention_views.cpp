#include "device/cpu/attention_views.hpp"

#include <algorithm>
#include <unordered_set>

#include "ops/attention.hpp"

namespace hone::cpu {
namespace {

using enum Attention::Operand;

bool is_floats(const TensorType& type) { return type.has_rank() && type.dtype == DType::f32; }

/// The elements of a head are side by side.
bool has_rows(const StridedView& view, const Value& value) {
  return view.strides.back().is(1) || value.type.tensor().shape().back().is(1);
}

/// What is wrong with the operands; null: nothing.
const char* refusal(const Node& node) {
  for (const size_t operand : {kQ, kK, kV, kPastKey, kPastValue}) {
    const TensorType* type = attention_operand(node, operand);
    if (type == nullptr) continue;
    if (!is_floats(*type)) return "f32 only";
    const Value& value = *node.inputs[operand];
    if (value.is_literal()) return "an operand is a literal";
    if (operand >= kPastKey ? !value.is_input() : !place_of_operand(value))
      return "an operand is no view of one that is given";
  }
  const TensorType* mask = attention_operand(node, kMask);
  if (mask != nullptr && !is_floats(*mask) && !(mask->has_rank() && mask->dtype == DType::boolean))
    return "a mask of f32 or booleans only";
  if (mask != nullptr && mask->shape().empty()) return "the mask is a scalar";
  const TensorType* lengths = attention_operand(node, kNonpad);
  if (lengths != nullptr && (lengths->dtype != DType::i64 || !lengths->has_rank()))
    return "lengths of keys in i64 only";
  for (const size_t operand : {kMask, kNonpad})
    if (node.input(operand) != nullptr && node.inputs[operand]->producer != nullptr)
      return "the region makes a mask, or lengths";
  if (node.output(3) != nullptr) return "the scores are wanted";
  if (node.output(0) == nullptr) return "nobody wants the result";
  return nullptr;
}

/// The nodes of the region that the kernel runs: attention and the views about it.
std::unordered_set<const Node*> run_with(const Node& node) {
  std::unordered_set<const Node*> nodes{&node};
  for (const size_t operand : {kQ, kK, kV})
    for (const Value* value = node.inputs[operand]; value->producer != nullptr;
         value = viewed(*value))
      nodes.insert(value->producer);
  for (const Node* view = behind_views(*node.output())->producer; view != &node;
       view = viewed(*view->output())->producer)
    nodes.insert(view);
  return nodes;
}

}  // namespace

const Node* attention_of(const Problem& problem) {
  const Node* found = nullptr;
  for (const Node& node : problem.region.body->nodes()) {
    if (node.op.as<Attention>() == nullptr) continue;
    if (found != nullptr) return nullptr;
    found = &node;
  }
  return found;
}

const TensorType* attention_operand(const Node& node, size_t operand) {
  const Value* value = node.input(operand);
  return value == nullptr ? nullptr : &value->type.tensor();
}

const Value* behind_views(const Value& result) {
  const Value* value = &result;
  while (value->first_output < 0 && value->users.size() == 1) {
    const Node& reader = *value->users.front();
    if (reader.outputs.size() != 1 || viewed(*reader.output()) != value) break;
    value = reader.output();
  }
  return value;
}

std::optional<StridedView> place_of_operand(const Value& operand) {
  auto view = view_of(operand);
  if (!view || !view->of->is_input() || !has_rows(*view, operand)) return std::nullopt;
  return view;
}

std::optional<StridedView> place_of_result(const Value& result) {
  auto place = place_in(result, *behind_views(result));
  if (!place || !has_rows(*place, result)) return std::nullopt;
  return place;
}

Verdict attention_verdict(const Problem& problem) {
  const Node* node = attention_of(problem);
  if (node == nullptr) return Verdict::no("Attention only, and views about it");
  if (const char* why = refusal(*node)) return Verdict::no(why);
  const Graph& body = *problem.region.body;
  if (body.nodes().size() == 1) return {};
  const Value& y = *node->output();
  if (!place_of_result(y)) return Verdict::yes_up_to(y.name, "views behind it tear heads apart");
  const Value* result = behind_views(y);
  const auto run = run_with(*node);
  const auto leaves = [&](const Value* value) {
    return value != nullptr && value->first_output >= 0 && value != result &&
           value != node->output(1) && value != node->output(2);
  };
  for (const Node& each : body.nodes()) {
    if (!run.contains(&each)) return Verdict::yes_up_to(result->name, "only views follow");
    if (std::any_of(each.outputs.begin(), each.outputs.end(), leaves))
      return Verdict::no("what a view makes is wanted, too");
  }
  return {};
}

}  // namespace hone::cpu
