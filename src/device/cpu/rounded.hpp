#pragma once
// Products of rows that are rounded to 8 bits a block with weights of 4 or 8 bits, for the
// instruction set in use. Included by files that are compiled for one instruction set each:
// includes nothing but nibbles.hpp, as gemm_micro.hpp.

#include "device/cpu/nibbles.hpp"

namespace hone::cpu {

/// Rows of bytes, their blocks as those of the weights: a number is its byte times the scale of its
/// block. Weights of 4 bits: of each eight neighbours those at even places come first.
struct RoundedRows {
  const signed char* bytes;
  long row;             // bytes from one to the next
  const float* scales;  // [rows][blocks]
  const float* sums;    // of a block's numbers, [rows][blocks]
  long blocks;
};

/// c[rows][columns] = rows * panels + bias; null bias: 0.
struct RoundedProduct {
  const NibblePanel* panels;  // one behind the other, kNibbleColumns columns each
  long panel_count;
  RoundedRows a;
  long rows, columns;
  const float* bias;
  float* c;
  long c_row;
};

struct RoundedFunctions {
  /// Of 4 bits, of 8 bits.
  void (*multiply4)(const RoundedProduct& product);
  void (*multiply8)(const RoundedProduct& product);
  /// A block of `count` numbers (a multiple of 8) as bytes, the largest as 127; `parted`: even
  /// places first. Gives its scale, and the sum of its bytes. What is not finite gives NaN.
  void (*round)(long count, bool parted, const float* from, signed char* to, float* scale,
                float* sum);
};

const RoundedFunctions& rounded_functions();

}  // namespace hone::cpu
