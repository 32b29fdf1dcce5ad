#pragma once
// Products with weights of 4 bits that stay so in memory, for the instruction set in use. Included
// by files that are compiled for one instruction set each: includes nothing, as gemm_micro.hpp.

namespace hone::cpu {

constexpr long kNibbleColumns = 16;

/// A panel of columns: [depth][kNibbleColumns] words, in each 8 numbers of 4 bits or 4 of 8 bits,
/// neighbours along the depth, the first in the lowest bits. A weight is its number times the
/// scale of its block plus the shift: [blocks][kNibbleColumns] both.
struct NibblePanel {
  const unsigned* words;
  const float *scales, *shifts;  // null shifts: the scale times -2^(bits - 1)
  long depth, block;             // words along the depth: in all, and of a block
  long bits;                     // 4 or 8
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
  /// The weights as floats: [numbers along the depth][kNibbleColumns], `stride` floats from one to
  /// the next along the depth.
  void (*unpack)(const NibblePanel& panel, float* to, long stride);
};

const NibbleFunctions& nibble_functions();

}  // namespace hone::cpu
