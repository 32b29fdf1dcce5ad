// Masks of attention that hide what comes later need not be read.

#include "ops/attention.hpp"
#include "passes/prepare_fusion.hpp"
#include "passes/rewrite.hpp"
#include "passes/rules.hpp"

namespace hone {
namespace {

/// Masks are read up to this many elements.
constexpr int64_t kMaskElements = 1 << 22;
/// What is added to a score so that a softmax makes nothing of it.
constexpr double kHidden = -1e9;

/// Query i sees keys up to i and no other; the mask is the same for all samples and heads.
bool is_causal(const Value& mask, float fill, const Dim& queries, const Dim& keys) {
  const Weight& weight = *mask.weight;
  const std::vector<int64_t>& sizes = weight.shape();
  if (weight.is_absent() || weight.is_random() || weight.count() > kMaskElements ||
      sizes.size() < 2 || weight.count() == 0)
    return false;
  const int64_t rows = sizes[sizes.size() - 2], columns = sizes.back();
  if (weight.count() != rows * columns || !queries.is(rows) || !keys.is(columns)) return false;
  const Tensor& tensor = weight.tensor();
  const bool seen_is_true = tensor.dtype() == DType::boolean;
  if (seen_is_true && !(fill <= kHidden)) return false;
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j) {
      const double number = tensor.number(i * columns + j);
      const bool seen = seen_is_true ? number != 0 : number == 0;
      const bool hidden = seen_is_true ? number == 0 : number <= kHidden;
      if (j <= i ? !seen : !hidden) return false;
    }
  return true;
}

/// A constant mask that hides what comes later need not be read.
bool know_causal(Graph& graph, Node& node) {
  const auto* op = node.op.as<Attention>();
  if (op == nullptr || op->is_causal || node.inputs.size() != 4 || node.outputs.size() != 1 ||
      node.inputs[3] == nullptr || !node.inputs[3]->is_constant())
    return false;
  const Dims *q = dims_of(node.inputs[0]), *k = dims_of(node.inputs[1]);
  if (q == nullptr || k == nullptr || q->size() != k->size() || q->size() < 3) return false;
  const size_t sequence = q->size() - 2;
  if (!is_causal(*node.inputs[3], op->fill, (*q)[sequence], (*k)[sequence])) return false;
  Attention causal = *op;
  causal.is_causal = true;
  causal.fill = Attention{}.fill;
  causal.zero_unseen = false;  // every query sees the first key
  graph.set_op(&node, causal);
  graph.set_input(&node, 3, nullptr);
  node.by = "recognize_causal";
  return true;
}

}  // namespace

bool recognize_causal(Graph& graph, const PassOptions& options) {
  bool changed = apply_rules(graph, rules_of("causal"), {options.disabled, options.keep});
  for (Node& node : graph.nodes())
    if (!options.keep(node)) changed |= know_causal(graph, node);
  return changed;
}

}  // namespace hone
