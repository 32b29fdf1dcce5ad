// A bias of zeros is no bias.

#include <algorithm>

#include "passes/fold.hpp"

namespace hone {
namespace {

/// Known to be zeros, whatever their signs.
bool is_zero(const Value& value) {
  if (!value.is_constant() || value.weight->is_absent() || value.weight->is_random()) return false;
  const Tensor& tensor = value.weight->tensor();
  for (int64_t i = 0; i < tensor.count(); ++i)
    if (tensor.number(i) != 0) return false;
  return true;
}

}  // namespace

bool drop_zero_bias(Graph& graph, const PassOptions& options) {
  constexpr std::string_view kBiased[] = {"Conv", "ConvTranspose", "Gemm"};
  constexpr size_t kBias = 2;
  bool changed = false;
  for (Node& node : graph.nodes()) {
    const auto biased = std::find(std::begin(kBiased), std::end(kBiased), node.op.name());
    if (biased == std::end(kBiased) || options.keep(node)) continue;
    const Value* bias = node.input(kBias);
    if (bias == nullptr || !is_zero(*bias)) continue;
    graph.set_input(&node, kBias, nullptr);
    changed = true;
  }
  return changed;
}

}  // namespace hone
