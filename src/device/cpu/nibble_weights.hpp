#pragma once
// Weights of MatMulNBits, of 4 or 8 bits, as our kernels keep them in memory: in panels.

#include "device/cpu/nibbles.hpp"
#include "device/kernel.hpp"
#include "ops/blockwise.hpp"

namespace hone::cpu {

/// Where panels of columns lie: of each its numbers, scales and, where zero points are given,
/// shifts.
struct NibbleLayout {
  int64_t bits, words, blocks, block, panels;  // words: along the depth, in all and of a block

  bool shifted;

  explicit NibbleLayout(const Problem& problem);
  /// Words of one.
  int64_t panel() const { return (words + (shifted ? 2 : 1) * blocks) * kNibbleColumns; }
  NibblePanel at(const Tensor& packed, int64_t index) const;
};

/// Why a problem's weights cannot be kept so; null: they can.
const char* nibbles_refusal(const Problem& problem);
/// The weight of a problem that is not refused, in panels.
Packing nibbles_packing(const Problem& problem);

}  // namespace hone::cpu
