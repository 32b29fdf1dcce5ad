#include "device/cpu/integer_filters.hpp"

#include "device/cpu/chain.hpp"
#include "ops/quantized.hpp"

namespace hone::cpu {

std::optional<IntegerChain> integer_conv_chain(const Problem& problem) {
  auto chain = integer_chain(problem);
  if (!chain) return std::nullopt;
  const Op& op = chain->anchor->op;
  const bool convolves = op.as<QLinearConv>() != nullptr || op.as<ConvInteger>() != nullptr;
  return convolves ? chain : std::nullopt;
}

const Weight* weight_of(const Problem& problem, const IntegerChain& chain) {
  return constant_of(problem, chain.operand(chain.places.weight));
}

Filters filters_of(const Problem& problem, const IntegerChain& chain) {
  const std::vector<int64_t>& shape = weight_of(problem, chain)->shape();
  const Op& op = chain.anchor->op;
  if (const auto* conv = op.as<QLinearConv>()) return {conv->window, conv->group, shape};
  return {op.as<ConvInteger>()->window, op.as<ConvInteger>()->group, shape};
}

}  // namespace hone::cpu
