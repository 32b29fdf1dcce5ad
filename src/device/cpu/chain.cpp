#include "device/cpu/chain.hpp"

#include <algorithm>
#include <cmath>

#include "device/cpu/pieces.hpp"
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

bool clips(const Node& node, Chain& chain) {
  ContractionForm& form = chain.form;
  if (form.clips_low || form.clips_high) return false;
  const auto clipping = clipping_of(node, chain.result);
  if (!clipping) return false;
  form.clips_low = clipping->low != -INFINITY;
  form.clips_high = clipping->high != INFINITY;
  chain.low = clipping->low;
  chain.high = clipping->high;
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
  auto applied = applied_of(node);
  if (applied) chain.applied.push_back(*std::move(applied));
  return applied.has_value();
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

void follow(const Chain& chain, int64_t count, const float* also, float* sums) {
  if (also != nullptr)
    for (int64_t i = 0; i < count; ++i) sums[i] += also[i];
  if (chain.form.clips_low)
    for (int64_t i = 0; i < count; ++i) sums[i] = sums[i] < chain.low ? chain.low : sums[i];
  if (chain.form.clips_high)
    for (int64_t i = 0; i < count; ++i) sums[i] = sums[i] > chain.high ? chain.high : sums[i];
  if (!chain.applied.empty()) apply(chain.applied, count, sums);
}

std::optional<Applied> applied_of(const Node& node) {
  const auto known = elementwise_ops().find(&node.op.op_class());
  if (known == elementwise_ops().end() || node.inputs.size() != 1) return std::nullopt;
  const RowFunction function = known->second.of(node.op.data(), {DType::f32}, DType::f32);
  if (function == nullptr) return std::nullopt;
  return Applied{node.op, function};
}

std::optional<Clipping> clipping_of(const Node& node, const Value* value) {
  if (node.op.as<Relu>() != nullptr) return Clipping{0, INFINITY};
  if (node.op.as<Clip>() == nullptr || node.inputs[0] != value) return std::nullopt;
  const auto low = bound_of(node, 1), high = bound_of(node, 2);
  if (!low || !high) return std::nullopt;
  return Clipping{*low, *high};
}

namespace {

/// The only result of the node is read by one node alone, of the region.
const Node* next_of(const Node& node) {
  if (node.outputs.size() != 1 || node.output()->first_output >= 0) return nullptr;
  return node.output()->users.size() == 1 ? node.output()->users.front() : nullptr;
}

std::optional<Chain> chain_from(const Node& anchor, bool with_bias) {
  if (!are_floats(anchor) || anchor.outputs.size() != 1) return std::nullopt;
  Chain chain;
  chain.anchor = &anchor;
  chain.result = anchor.output();
  chain.nodes = 1;
  while (const Node* next = next_of(*chain.result->producer)) {
    if (!are_floats(*next) || !follows(*next, with_bias, chain)) break;
    chain.result = next->output();
    ++chain.nodes;
  }
  return chain;
}

}  // namespace

std::optional<Chain> chain_at(const Problem& problem, bool (*is_anchor)(const Op& op),
                              bool with_bias) {
  const Node& first = problem.region.body->nodes().front();
  return is_anchor(first.op) ? chain_from(first, with_bias) : std::nullopt;
}

std::optional<Chain> chain_behind(const Problem& problem, bool (*is_anchor)(const Op& op),
                                  bool with_bias) {
  for (const Node& node : problem.region.body->nodes())
    if (is_anchor(node.op)) return chain_from(node, with_bias);
  return std::nullopt;
}

namespace {

bool is_dense(const StridedView& view, const Dims& shape) {
  Dim stride = 1;
  for (size_t axis = shape.size(); axis-- > 0; stride = stride * shape[axis])
    if (!shape[axis].is(1) && !(view.strides[axis] == stride)) return false;
  return true;
}

/// Of as many elements, whole rows of the chain's result elsewhere, at the sizes that are expected.
bool moves_rows(const Problem& problem, const Value& made, const Value& last) {
  const Dims &shape = made.type.tensor().shape(), &moved = last.type.tensor().shape();
  const auto columns = shape.back().constant();
  if (!columns || *columns == 0 || !(product(shape) == product(moved))) return false;
  const auto sources = sources_of(last);
  if (!sources || sources->values.size() != 1 || sources->values[0] != &made) return false;
  const auto size = piece_size_of(last, problem.sizes);
  return size && *size % *columns == 0;
}

}  // namespace

std::optional<Landing> landing_of(const Problem& problem, const Chain& chain) {
  Landing landing;
  landing.last = chain.result;
  const Node* next = next_of(*landing.last->producer);
  for (; next != nullptr; next = next_of(*next)) {
    if (next->outputs.size() != 1 || viewed(*next->output()) != landing.last) break;
    landing.last = next->output();
    ++landing.nodes;
  }
  if (landing.nodes == 0) return std::nullopt;
  landing.place = place_in(*chain.result, *landing.last);
  if (!landing.place && !moves_rows(problem, *chain.result, *landing.last)) return std::nullopt;
  const bool moves =
      !landing.place || !is_dense(*landing.place, chain.result->type.tensor().shape());
  landing.result = landing.last;
  const auto alone = [&] { return moves ? std::optional(std::move(landing)) : std::nullopt; };
  if (next == nullptr || next->op.as<Add>() == nullptr || !are_floats(*next)) return alone();
  const Value* other = next->inputs[next->inputs[0] == landing.last ? 1 : 0];
  if (other == landing.last || !other->is_input() || !(other->type == landing.last->type))
    return alone();
  landing.added = other;
  landing.result = next->output();
  ++landing.nodes;
  return landing;
}

Verdict verdict_on(const Problem& problem, const Chain& chain,
                   const std::optional<Landing>& landing, size_t before) {
  const size_t taken = before + chain.nodes + (landing ? landing->nodes : 0);
  if (taken == problem.region.body->nodes().size()) return {};
  return Verdict::yes_up_to(
      (landing ? landing->result : chain.result)->name,
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
