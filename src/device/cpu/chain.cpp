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

/// Makes `node`, which reads the chain's result, a part of the chain; false: it cannot be.
bool follows(const Node& node, Chain& chain) {
  ContractionForm& form = chain.form;
  const bool clips = form.clips_low || form.clips_high;
  if (node.op.as<Relu>() != nullptr) {
    if (clips) return false;
    form.clips_low = true;
    return true;
  }
  if (node.op.as<Clip>() != nullptr) {
    const auto low = bound_of(node, 1), high = bound_of(node, 2);
    if (clips || node.inputs[0] != chain.result || !low || !high) return false;
    form.clips_low = *low != -INFINITY;
    form.clips_high = *high != INFINITY;
    chain.low = *low;
    chain.high = *high;
    return true;
  }
  if (node.op.as<Add>() != nullptr) {
    const Value* other = node.inputs[node.inputs[0] == chain.result ? 1 : 0];
    if (clips || form.adds || other == chain.result || !other->is_input()) return false;
    if (other->type.tensor().shape() != chain.result->type.tensor().shape()) return false;
    form.adds = true;
    chain.added = other;
    return true;
  }
  return false;
}

}  // namespace

std::optional<Chain> chain_at(const Problem& problem, bool (*is_anchor)(const Op& op)) {
  const Graph& body = *problem.region.body;
  const Node& first = body.nodes().front();
  if (!is_anchor(first.op) || !are_floats(first) || first.outputs.size() != 1) return std::nullopt;
  Chain chain;
  chain.anchor = &first;
  chain.result = first.output();
  chain.nodes = 1;
  while (chain.result->first_output < 0 && chain.result->users.size() == 1) {
    const Node& next = *chain.result->users.front();
    if (!are_floats(next) || !follows(next, chain)) break;
    chain.result = next.output();
    ++chain.nodes;
  }
  return chain;
}

Verdict verdict_on(const Problem& problem, const Chain& chain) {
  if (chain.nodes == problem.region.body->nodes().size()) return {};
  return Verdict::yes_up_to(chain.result->name,
                            "only a sum, Relu and Clip follow, in this order, in one step");
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
