#pragma once
// Weights of products that groups of threads fold: their elements lie along the sum.

#include <vector>

#include "device/cuda/emit/strides.hpp"
#include "ir/tensor.hpp"

namespace hone::cuda::emitter {

/// The region's inputs that are constants [depth, columns] of products and nothing else, dense:
/// with the depth innermost a group of threads reads a column side by side.
std::vector<size_t> weights_to_turn(const Problem& problem);

/// From one element of such a weight to the next along each axis, once it is turned.
Dims turned_strides(const Value& weight);
/// [depth, columns] as [columns, depth].
Tensor turned(const Tensor& weight);

}  // namespace hone::cuda::emitter
