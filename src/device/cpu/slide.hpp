// One filter sliding over a band of rows, for the instruction set in use. Included by files that
// are compiled for one instruction set each: includes nothing, as gemm_micro.hpp.
#pragma once

namespace hone::cpu {

/// Results of one channel: to[row][i] = start + sum over taps t of
/// weights[t] * from[row * row_step + offsets[t] + i].
struct Slide {
  const float* from;    // zeros where the filter hangs over the edge
  long row_step;        // floats from where one row of results reads to where the next one does
  const long* offsets;  // of each tap
  const float* weights;
  long taps;
  float start;  // the bias
  float* to;    // dense rows
  long rows, count;
};

struct SlideFunctions {
  /// Reads up to kMostSlideLanes floats behind what it needs of `from`.
  void (*slide)(const Slide& slide);
  /// Elements at even places to one row, those at odd places to another.
  void (*part)(long count, const float* from, float* even, float* odd);
};

inline constexpr long kMostSlideLanes = 64;

}  // namespace hone::cpu
