#pragma once
// The table of row functions alone. Includes nothing: the files compiled for one instruction set
// include it.

namespace hone::cpu {

struct RowFunctions {
  void (*exp)(long count, const float* from, float* to);
  void (*sigmoid)(long count, const float* from, float* to);
  void (*tanh)(long count, const float* from, float* to);
  void (*erf)(long count, const float* from, float* to);
  /// x * sigmoid(alpha * x).
  void (*swish)(long count, float alpha, const float* from, float* to);
  /// x / 2 * (1 + erf(x / sqrt(2))).
  void (*gelu)(long count, const float* from, float* to);
  /// factor * x + shift between 0 and 1; NaN stays.
  void (*hard_sigmoid)(long count, float factor, float shift, const float* from, float* to);
  /// x * hard_sigmoid(x / 6 + 1 / 2).
  void (*hard_swish)(long count, const float* from, float* to);
  /// exp(x - shift); returns the sum.
  float (*exp_shifted)(long count, float shift, const float* from, float* to);
  float (*sum)(long count, const float* from);
  /// Sum of (x - center)^2.
  float (*squares)(long count, float center, const float* from);
  /// The largest; -infinity of none, NaN where one is.
  float (*max)(long count, const float* from);
  float (*min)(long count, const float* from);
  /// (x - center) * factor * scale[i] + shift[i]; null scale: 1, null shift: 0.
  void (*normalize)(long count, float center, float factor, const float* scale, const float* shift,
                    const float* from, float* to);
  /// (x - center) * factor + shift.
  void (*standardize)(long count, float center, float factor, float shift, const float* from,
                      float* to);
  /// Row by row, `step` floats apart: running += from, then to = base + running, for each element.
  void (*add_running)(long rows, long count, long step, const float* base, const float* from,
                      float* running, float* to);
  /// f16 as it is stored to f32 and back; null: the instruction set has nothing for it.
  void (*widen_f16)(long count, const unsigned short* from, float* to);
  void (*narrow_f16)(long count, const float* from, unsigned short* to);
  /// x * factor + shift.
  void (*affine)(long count, float factor, float shift, const float* from, float* to);
  /// Lines become columns: to[j * to_stride + i] = from[i * from_stride + j], i < lines,
  /// j < columns, plus `added`, which lies as `to` does; null: nothing.
  void (*turn)(long lines, long columns, const float* from, long from_stride, const float* added,
               float* to, long to_stride);
  /// Of rows of `length`, `stride` apart, factor times the sum of products with `other`.
  void (*dots)(long count, long length, float factor, const float* rows, long stride,
               const float* other, float* to);
  /// The sum of these rows, each times its share.
  void (*weighted_sum)(long count, long length, const float* shares, const float* rows, long stride,
                       float* to);
  /// The same of `others` rows, each `length` floats behind the one before: their products with row
  /// i of the first stand at to[other * to_stride + i]. Rows are read once for four of them.
  void (*dots_of)(long others, long count, long length, float factor, const float* rows,
                  long stride, const float* other, float* to, long to_stride);
  /// The same of `sums` rows of shares, `shares_stride` apart, into rows one behind the other.
  void (*weighted_sums)(long sums, long count, long length, const float* shares, long shares_stride,
                        const float* rows, long stride, float* to);
  /// Softmax of lines one behind the other, or its logarithm; false, and nothing is written, where
  /// their size is not one that this does at once.
  bool (*softmax)(long lines, long size, bool logarithm, const float* from, float* to);
};

}  // namespace hone::cpu
