// A window sliding over a band of rows, for the instruction set in use. Included by files that are
// compiled for one instruction set each: includes nothing, as gemm_micro.hpp.
#pragma once

namespace hone::cpu {

/// Results of one channel: to[row][i] is made of from[row * row_step + offsets[t] + i] for all taps
/// t, elements of the window.
struct Slide {
  const float* from;
  long row_step;        // floats from where one row of results reads to where the next one does
  const long* offsets;  // of each tap
  const float* weights;
  long taps;
  float start;
  float* to;  // dense rows
  long rows, count;
  // Where neighbouring rows of results share rows of `from`: rows and columns of the window, floats
  // from one of its rows to the next, rows from one result to the next. 0 lines: they share none.
  long lines = 0, columns = 0, pitch = 0, stride = 0;
};

/// Those of a slide read up to kMostSlideLanes floats behind what they need of `from`.
struct SlideFunctions {
  /// start + the sum of weights[t] * element.
  void (*weighted)(const Slide& slide);
  /// The sum.
  void (*sum)(const Slide& slide);
  /// The largest; NaN where one is NaN.
  void (*max)(const Slide& slide);
  /// values[i] *= by[i].
  void (*multiply)(long count, const float* by, float* values);
  /// Elements at even places to one row, those at odd places to another.
  void (*part)(long count, const float* from, float* even, float* odd);
  /// to[i] is the sum, or the largest or the smallest (NaN where one is NaN), of
  /// rows[0 .. many)[i]; `to` may be the first row.
  void (*sum_rows)(long many, const float* const* rows, long count, float* to);
  void (*max_rows)(long many, const float* const* rows, long count, float* to);
  void (*min_rows)(long many, const float* const* rows, long count, float* to);
};

inline constexpr long kMostSlideLanes = 64;

}  // namespace hone::cpu
