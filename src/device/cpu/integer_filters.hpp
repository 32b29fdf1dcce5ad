#pragma once
// What the convolutions of 8-bit integers have in common: QLinearConv and ConvInteger, and their
// weights.

#include <memory>
#include <vector>

#include "device/cpu/im2col.hpp"
#include "device/cpu/integer_chain.hpp"
#include "device/cpu/integer_weights.hpp"

namespace hone::cpu {

/// A region that begins with one of them; nullopt: it is another one.
std::optional<IntegerChain> integer_conv_chain(const Problem& problem);
/// Of the chain's first op; null: it is no constant.
const Weight* weight_of(const Problem& problem, const IntegerChain& chain);
/// Of a constant weight.
Filters filters_of(const Problem& problem, const IntegerChain& chain);

/// A kernel's step, which has a member `weights` that is made of a tensor; `pack` makes that where
/// it is not packed yet.
template <class Step, class Pack>
std::shared_ptr<const Prepared> prepared_convolution(const Recipe& recipe,
                                                     std::vector<Tensor> packed, const Pack& pack) {
  const Problem& problem = *recipe.problem;
  const IntegerChain chain = *integer_conv_chain(problem);
  auto step = std::make_shared<Step>(problem, chain);
  step->weights = decltype(step->weights)(
      packed.empty() ? pack(problem, recipe.tuning, weight_of(problem, chain)->tensor())
                     : std::move(packed.front()));
  return step;
}

}  // namespace hone::cpu
