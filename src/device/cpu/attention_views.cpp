#include "device/cpu/attention_views.hpp"

#include "device/attention_views.hpp"
#include "ops/attention.hpp"

namespace hone::cpu {
namespace {

using enum Attention::Operand;

bool is_floats(const TensorType& type) { return type.has_rank() && type.dtype == DType::f32; }

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

}  // namespace

Verdict attention_verdict(const Problem& problem) {
  const Node* node = attention_of(problem);
  if (node == nullptr) return Verdict::no("Attention only, and views about it");
  if (const char* why = refusal(*node)) return Verdict::no(why);
  return views_verdict(problem, *node);
}

}  // namespace hone::cpu
