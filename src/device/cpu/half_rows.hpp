#pragma once
// Products of a few rows with weights of f16 that stay so in memory, and rows of a quantized cache,
// for the instruction set in use. Included by files that are compiled for one instruction set each:
// includes nothing, as gemm_micro.hpp.

namespace hone::cpu {

/// c[rows][columns] = a * panel, the panel [depth][2 vectors] of f16.
struct HalfRows {
  const unsigned short* panel;
  const float* a;
  long a_row, rows, depth, columns;
  float* c;
  long c_row;
};
constexpr long kHalfRows = 8;  // the most that are not worth a panel of f32

/// Rows of codes as numbers: to = code * scale. A code is a signed byte, or in `pairs` half a byte
/// less 8, the first of two in the low bits.
struct CodeRows {
  const unsigned char* codes;
  bool pairs;
  long rows, length;  // numbers of a row; even in pairs
  const float* scales;
  bool one_scale;  // else one for each place of a row
  float* to;
};

struct HalfFunctions {
  void (*multiply)(const HalfRows& rows);
  void (*widen_codes)(const CodeRows& rows);
};

/// Null: the instruction set in use has nothing for f16.
const HalfFunctions* half_functions();

}  // namespace hone::cpu
