#pragma once
// Neighbours along the depth side by side, as generated sums of products of integers want them, for
// the instruction set in use. Included by files that are compiled for one instruction set each:
// includes nothing, as gemm_micro.hpp.

namespace hone::cpu {

/// Rows of 8-bit integers, whose elements lie `step` apart, become groups of one element of each.
struct GroupRows {
  const unsigned char* from[4];
  long count, step;
  bool is_signed;
  int zero;  // of 16 bits: it is taken off
  // Several lines of such rows one after the other: from where each begins to where the next does.
  long lines = 1, from_line = 0, to_line = 0;
};

struct GroupFunctions {
  /// Four rows: groups of four u8; signed ones are moved up by 128.
  void (*bytes)(const GroupRows& rows, unsigned* to);
  /// Two rows: groups of two i16.
  void (*words)(const GroupRows& rows, unsigned* to);
  /// Neighbours of one row, at a step of 1, in groups of either kind; what the last lacks is zero.
  void (*row_bytes)(const GroupRows& row, unsigned* to);
  void (*row_words)(const GroupRows& row, unsigned* to);
};

}  // namespace hone::cpu
