#pragma once
// Products with weights of a few bits, as text: nbits_weights.cu, nbits.cu, nbits_floats.cu.

#include <string>

#include "ops/blockwise.hpp"

namespace hone::cuda::emitter {

/// What is told of the operands beside the op itself.
struct NBitsOperands {
  DType dtype = DType::f32;    // of x and the result: f32 or f16
  DType numbers = DType::f32;  // of scales, and of zero points that are floats
  int zeros = 0;               // 0: none are given, 1: packed, 2: floats
  bool bias = false;
  bool adds = false;  // a tensor like the result
};

/// Of halves: functions "few" (up to 8 rows) and "several" (up to 16) of 256 threads, 16 columns a
/// block; "many" of 128 threads and "most_rows" of 256, 64 rows and 16 columns for each warp a
/// block, launched with nbits_shared_bytes(). Of f32: "few" of 128 threads, 4 rows and columns a
/// block; "many" of 256 threads, 64 rows and columns a block.
std::string nbits_text(const MatMulNBits& op, const NBitsOperands& operands);

/// Bytes of shared memory of "many" and "most_rows" of halves.
int nbits_shared_bytes(int64_t bits);

/// 32 bits of a weight with its numbers in the order in which the texts take them.
uint32_t nbits_word(uint32_t stored, int64_t bits);

}  // namespace hone::cuda::emitter
