// Products of rows with one row. Includes no code, as rows_micro.hpp.
#pragma once

#include "device/cpu/lanes_micro.hpp"

namespace {

template <int kWidth>
struct RowProducts : Lanes<kWidth> {
  using L = Lanes<kWidth>;
  using V = typename L::V;
  using L::load, L::store;

  static void dots_row(long count, long length, float factor, const float* rows, long stride,
                       const float* other, float* to) {
    for (long i = 0; i < count; ++i, rows += stride) {
      V first{}, second{};
      long j = 0;
      for (; j + 2 * kWidth <= length; j += 2 * kWidth) {
        first += load(rows + j) * load(other + j);
        second += load(rows + j + kWidth) * load(other + j + kWidth);
      }
      for (; j + kWidth <= length; j += kWidth) first += load(rows + j) * load(other + j);
      float total = L::joined(first + second, [](V a, V b) { return a + b; });
      for (; j < length; ++j) total += rows[j] * other[j];
      to[i] = factor * total;
    }
  }
  /// kVectors of a row.
  template <int kVectors>
  static void add_weighted(long count, const float* shares, const float* rows, long stride,
                           float* to) {
    V sums[kVectors] = {};
    for (long i = 0; i < count; ++i, rows += stride)
      for (int k = 0; k < kVectors; ++k) sums[k] += shares[i] * load(rows + k * kWidth);
    for (int k = 0; k < kVectors; ++k) store(to + k * kWidth, sums[k]);
  }
  static void weighted_sum_row(long count, long length, const float* shares, const float* rows,
                               long stride, float* to) {
    long j = 0;
    for (; j + 4 * kWidth <= length; j += 4 * kWidth)
      add_weighted<4>(count, shares, rows + j, stride, to + j);
    for (; j + kWidth <= length; j += kWidth)
      add_weighted<1>(count, shares, rows + j, stride, to + j);
    for (; j < length; ++j) {
      float sum = 0;
      for (long i = 0; i < count; ++i) sum += shares[i] * rows[i * stride + j];
      to[j] = sum;
    }
  }
};

}  // namespace
