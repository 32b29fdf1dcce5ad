#pragma once
// Products with weights of 4 bits that stay so in memory, for the instruction set in use. Included
// by files that are compiled for one instruction set each: includes nothing, as gemm_micro.hpp.

namespace hone::cpu {

constexpr long kNibbleColumns = 16;

/// Numbers in a word of 32 bits: neighbours along the depth, the first in the lowest bits.
constexpr long kNibbles = 8;

/// A panel of columns: [depth / kNibbles][kNibbleColumns] words. A weight is its number times the
/// scale of its block plus the shift: [blocks][kNibbleColumns] both.
struct NibblePanel {
  const unsigned* words;
  const float *scales, *shifts;
  long depth, block;  // words along the depth: in all, and of a block
};

/// c[rows][columns] = a * panel + bias; null bias: 0. At most kNibbleRows rows.
struct NibbleRows {
  NibblePanel panel;
  const float* a;
  long a_row, rows, columns;
  const float* bias;
  float* c;
  long c_row;
};
constexpr long kNibbleRows = 8;

struct NibbleFunctions {
  void (*multiply)(const NibbleRows& rows);
  /// The weights as floats: [kNibbles * depth][kNibbleColumns], `stride` floats from one to the
  /// next along the depth.
  void (*unpack)(const NibblePanel& panel, float* to, long stride);
};

const NibbleFunctions& nibble_functions();

}  // namespace hone::cpu
