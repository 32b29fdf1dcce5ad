#include "device/cpu/chain.hpp"

#include <algorithm>
#include <cmath>

#include "ops/activation.hpp"
#include "ops/arithmetic.hpp"

namespace hone::cpu {
namespace {

bool is_floats(const Value* value) {
  return value->type.is_tensor() && value->type.tensor().has_rank() &&
         value->type.tensor().dtype == DType::f32;
}

bool are_floats(const Node& node) {
  const auto fits = [](const Value* value) { return value == nullptr || is_floats(value); };
  return std::all_of(node.inputs.begin(), node.inputs.end(), fits) &&
         std::all_of(node.outputs.begin(), node.outputs.end(), fits);
}

/// A literal bound of Clip; infinite where it is absent.
std::optional<float> bound_of(const Node& clip, size_t operand) {
  const Value* value = clip.input(operand);
  if (value == nullptr) return operand == 1 ? -INFINITY : INFINITY;
  if (!value->is_literal() || value->weight->count() != 1) return std::nullopt;
  return static_cast<float>(value->weight->tensor().number(0));
}

/// Clipping, by Relu or Clip.
bool clips(const Node& node, Chain& chain) {
  ContractionForm& form = chain.form;
  if (form.clips_low || form.clips_high) return false;
  if (node.op.as<Relu>() != nullptr) {
    form.clips_low = true;
    return true;
  }
  if (node.op.as<Clip>() == nullptr || node.inputs[0] != chain.result) return false;
  const auto low = bound_of(node, 1), high = bound_of(node, 2);
  if (!low || !high) return false;
  form.clips_low = *low != -INFINITY;
  form.clips_high = *high != INFINITY;
  chain.low = *low;
  chain.high = *high;
  return true;
}

bool adds(const Node& node, bool with_bias, Chain& chain) {
  ContractionForm& form = chain.form;
  if (node.op.as<Add>() == nullptr || form.clips_low || form.clips_high || form.adds) return false;
  const Value* other = node.inputs[node.inputs[0] == chain.result ? 1 : 0];
  if (other == chain.result || (!other->is_input() && !other->is_literal())) return false;
  const Dims &shape = other->type.tensor().shape(), &wanted = chain.result->type.tensor().shape();
  if (shape == wanted && other->is_input()) {
    form.adds = true;
    chain.added = other;
    return true;
  }
  if (!with_bias || form.bias != ContractionForm::Bias::none || shape.size() != 1 ||
      wanted.empty() || !(shape[0] == wanted.back()))
    return false;
  form.bias = ContractionForm::Bias::column;
  chain.bias = other;
  return true;
}

bool applies(const Node& node, Chain& chain) {
  const auto known = elementwise_ops().find(&node.op.op_class());
  if (known == elementwise_ops().end() || node.inputs.size() != 1) return false;
  const RowFunction function = known->second.of(node.op.data(), {DType::f32}, DType::f32);
  if (function == nullptr) return false;
  chain.applied.push_back({node.op, function});
  return true;
}

/// Makes `node`, which reads the chain's result, a part of the chain; false: it cannot be.
bool follows(const Node& node, bool with_bias, Chain& chain) {
  if (chain.applied.empty() && (clips(node, chain) || adds(node, with_bias, chain))) return true;
  return applies(node, chain);
}

}  // namespace

void apply(const std::vector<Applied>& all, int64_t count, float* elements) {
  Row row;
  row.count = count;
  row.at[0] = row.to = reinterpret_cast<std::byte*>(elements);
  row.step[0] = 1;
  for (const Applied& each : all) each.function(each.op.data(), row_functions(), row);
}

std::optional<Chain> chain_at(const Problem& problem, bool (*is_anchor)(const Op& op),
                              bool with_bias) {
  const Graph& body = *problem.region.body;
  const Node& first = body.nodes().front();
  if (!is_anchor(first.op) || !are_floats(first) || first.outputs.size() != 1) return std::nullopt;
  Chain chain;
  chain.anchor = &first;
  chain.result = first.output();
  chain.nodes = 1;
  while (chain.result->first_output < 0 && chain.result->users.size() == 1) {
    const Node& next = *chain.result->users.front();
    if (!are_floats(next) || !follows(next, with_bias, chain)) break;
    chain.result = next.output();
    ++chain.nodes;
  }
  return chain;
}

Verdict verdict_on(const Problem& problem, const Chain& chain) {
  if (chain.nodes == problem.region.body->nodes().size()) return {};
  return Verdict::yes_up_to(
      chain.result->name,
      "only a sum, then clipping, then functions of one operand follow in one step");
}

const Weight* constant_of(const Problem& problem, const Value* operand) {
  if (operand == nullptr) return nullptr;
  if (operand->is_constant()) return operand->weight.get();
  const auto& inputs = problem.region.body->inputs();
  const auto found = std::find(inputs.begin(), inputs.end(), operand);
  if (found == inputs.end()) return nullptr;
  return problem.weights[static_cast<size_t>(found - inputs.begin())].get();
}

}  // namespace hone::cpu
