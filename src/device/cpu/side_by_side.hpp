// Planes side by side: as many of them as a vector has floats become one of [pixel][plane], in
// which an element of a window is a whole vector, however short the rows are. Included by files
// that are compiled for one instruction set each: includes nothing, as gemm_micro.hpp.
#pragma once

namespace hone::cpu {

/// One row of results: to[i] is made of rows[r][i * stride + k * dilation] for all rows r and
/// elements k of one. Each of these is a vector of one float a plane.
struct WindowRow {
  const float* const* rows;     // where the first window of each row begins
  const float* const* weights;  // of each row: [columns][plane]
  long many, columns;           // rows, elements of a window in one
  long stride, dilation;        // in pixels
  const float* start;           // [plane]: added to sums
  float low, high;              // what is made of weights is not below, not above; NaN stays
  long count;
  float* to;  // [count][plane]
};

/// Pixels of a patch and their weights.
struct WeightedPixels {
  long count;
  const long* pixels;
  const float* weights;
};

/// Places between four pixels each.
struct BetweenPixels {
  static constexpr long kMost = 32;
  long count = 0;
  long pixels[4][kMost];
  float weights[4][kMost];
};

struct SideBySideFunctions {
  long planes;  // floats of a vector
  /// Pixel i of each of as many planes to pixel i / row * pitch + i % row of `to`.
  void (*join)(long count, const float* const* planes, long row, long pitch, float* to);
  /// `value` to pixels [0, before) and [behind, pitch) of each row.
  void (*edges)(long rows, long pitch, long before, long behind, float value, float* to);
  /// Pixel i of `from` to planes[p][i], of the first `planes` ones.
  void (*part)(long count, const float* from, long many, float* const* planes);
  /// Elements of two rows: to[2 i] is, or grows by, even[i], to[2 i + 1] odd[i].
  void (*merge)(long count, const float* even, const float* odd, float* to);
  void (*add_merged)(long count, const float* even, const float* odd, float* to);
  /// start + the sum of weight * element.
  void (*weighted)(const WindowRow& row);
  /// The sum; no weights, no start.
  void (*sum)(const WindowRow& row);
  /// The largest; NaN where one is NaN; no weights, no start. -infinity without rows.
  void (*largest)(const WindowRow& row);
  /// The largest of weight * pixel; NaN where one is NaN. At least one pixel.
  void (*largest_weighted)(const WeightedPixels& all, const float* from, float* to);
  /// The sum of weight * pixel of each place to to[p * stride + place], of the first `many` planes.
  /// Zeros behind the last place, up to a whole vector.
  void (*between)(const BetweenPixels& places, const float* from, long many, float* to,
                  long stride);
};

inline constexpr long kMostSideBySide = 16;

}  // namespace hone::cpu
