// Softmax of lines that fit into registers. Includes no code, as rows_micro.hpp.
#pragma once

#include "device/cpu/row_folds_micro.hpp"

namespace {

template <int kWidth>
struct SoftmaxLines {
  using L = Lanes<kWidth>;
  using V = typename L::V;
  static constexpr long kMost = kWidth == 16 ? 16 : 8;  // vectors: as many registers take

  /// Lines of kVectors each, the last of which reaches back into the one before.
  template <int kVectors, bool kLogarithm>
  static void lines_of(long lines, long size, const float* from, float* to) {
    constexpr int kLast = kVectors - 1;
    const long rest = size - kLast * kWidth, back = size - kWidth;
    const auto place = [&](int k) { return k == kLast ? back : long{k} * kWidth; };
    for (long line = 0; line < lines; ++line, from += size, to += size) {
      V x[kVectors], made[kVectors];
#pragma GCC unroll 16
      for (int k = 0; k < kVectors; ++k) x[k] = L::load(from + place(k));
      V largest = x[0];
#pragma GCC unroll 16
      for (int k = 1; k < kVectors; ++k) largest = x[k] > largest ? x[k] : largest;
      // Of a line with a NaN everything is NaN, whatever is found here.
      const float most = L::joined(largest, [](V a, V b) { return a > b ? a : b; });
      V sums{};
#pragma GCC unroll 16
      for (int k = 0; k < kVectors; ++k) {
        made[k] = L::exp_negative(x[k] - most);
        sums += k == kLast ? RowFolds<kWidth>::last_lanes(made[k], rest) : made[k];
      }
      const float sum = L::joined(sums, [](V a, V b) { return a + b; });
      const float last = kLogarithm ? __builtin_logf(sum) : 1 / sum;
#pragma GCC unroll 16
      for (int k = 0; k < kVectors; ++k)
        L::store(to + place(k), kLogarithm ? (x[k] - most) - last : made[k] * last);
    }
  }

  /// Of as many vectors as `size` takes.
  template <bool kLogarithm, int kVectors = 1>
  static void find(long lines, long size, const float* from, float* to) {
    if (size <= kVectors * kWidth) return lines_of<kVectors, kLogarithm>(lines, size, from, to);
    if constexpr (kVectors < kMost) find<kLogarithm, kVectors + 1>(lines, size, from, to);
  }
  static bool run(long lines, long size, bool logarithm, const float* from, float* to) {
    if (size < kWidth || size > kMost * kWidth) return false;
    if (logarithm) find<true>(lines, size, from, to);
    else find<false>(lines, size, from, to);
    return true;
  }
};

}  // namespace
