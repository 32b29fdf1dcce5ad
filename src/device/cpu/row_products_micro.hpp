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
  /// kRows of `length` floats added to `to`, or put there.
  template <int kRows, bool kAdds>
  static void add_whole(long length, const float* shares, const float* rows, long stride,
                        float* to) {
    long j = 0;
    for (; j + kWidth <= length; j += kWidth) {
      V sum = kAdds ? load(to + j) : V{};
#pragma GCC unroll 4
      for (int i = 0; i < kRows; ++i) sum += shares[i] * load(rows + i * stride + j);
      store(to + j, sum);
    }
    for (; j < length; ++j) {
      float sum = kAdds ? to[j] : 0;
      for (int i = 0; i < kRows; ++i) sum += shares[i] * rows[i * stride + j];
      to[j] = sum;
    }
  }
  /// Many rows: some whole ones at a time, as memory gives them. Columns in blocks, whose sums stay
  /// in the first-level cache.
  static void weighted_many(long count, long length, const float* shares, const float* rows,
                            long stride, float* to) {
    constexpr long kBlock = 2048;
    for (long first = 0; first < length; first += kBlock, rows += kBlock, to += kBlock) {
      const long columns = length - first < kBlock ? length - first : kBlock;
      add_whole<4, false>(columns, shares, rows, stride, to);
      long i = 4;
      for (; i + 4 <= count; i += 4)
        add_whole<4, true>(columns, shares + i, rows + i * stride, stride, to);
      for (; i < count; ++i) add_whole<1, true>(columns, shares + i, rows + i * stride, stride, to);
    }
  }
  static void weighted_sum_row(long count, long length, const float* shares, const float* rows,
                               long stride, float* to) {
    if (count > 16 && length >= 4 * kWidth)
      return weighted_many(count, length, shares, rows, stride, to);
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

  /// kOthers rows at a time.
  template <int kOthers>
  static void dots_with(long count, long length, float factor, const float* rows, long stride,
                        const float* other, float* to, long to_stride) {
    for (long i = 0; i < count; ++i, rows += stride) {
      V sums[kOthers][2] = {};
      long j = 0;
      for (; j + 2 * kWidth <= length; j += 2 * kWidth)
        for (int k = 0; k < kOthers; ++k) {
          sums[k][0] += load(rows + j) * load(other + k * length + j);
          sums[k][1] += load(rows + j + kWidth) * load(other + k * length + j + kWidth);
        }
      for (; j + kWidth <= length; j += kWidth)
        for (int k = 0; k < kOthers; ++k)
          sums[k][0] += load(rows + j) * load(other + k * length + j);
      for (int k = 0; k < kOthers; ++k) {
        float total = L::joined(sums[k][0] + sums[k][1], [](V a, V b) { return a + b; });
        for (long rest = j; rest < length; ++rest) total += rows[rest] * other[k * length + rest];
        to[k * to_stride + i] = factor * total;
      }
    }
  }
  static void dots_of_rows(long others, long count, long length, float factor, const float* rows,
                           long stride, const float* other, float* to, long to_stride) {
    for (; others >= 4; others -= 4, other += 4 * length, to += 4 * to_stride)
      dots_with<4>(count, length, factor, rows, stride, other, to, to_stride);
    if (others >= 2) {
      dots_with<2>(count, length, factor, rows, stride, other, to, to_stride);
      others -= 2, other += 2 * length, to += 2 * to_stride;
    }
    if (others == 1) dots_with<1>(count, length, factor, rows, stride, other, to, to_stride);
  }

  /// kVectors of kSums rows at a time.
  template <int kSums, int kVectors>
  static void add_weighted_of(long count, long length, const float* shares, long shares_stride,
                              const float* rows, long stride, float* to) {
    V sums[kSums][kVectors] = {};
    for (long i = 0; i < count; ++i, rows += stride)
      for (int k = 0; k < kVectors; ++k) {
        const V row = load(rows + k * kWidth);
        for (int s = 0; s < kSums; ++s) sums[s][k] += shares[s * shares_stride + i] * row;
      }
    for (int s = 0; s < kSums; ++s)
      for (int k = 0; k < kVectors; ++k) store(to + s * length + k * kWidth, sums[s][k]);
  }
  template <int kSums>
  static void weighted_with(long count, long length, const float* shares, long shares_stride,
                            const float* rows, long stride, float* to) {
    constexpr int kVectors = kWidth == 16 ? 4 : 2;  // that registers hold for four sums
    long j = 0;
    for (; j + kVectors * kWidth <= length; j += kVectors * kWidth)
      add_weighted_of<kSums, kVectors>(count, length, shares, shares_stride, rows + j, stride,
                                       to + j);
    for (; j + kWidth <= length; j += kWidth)
      add_weighted_of<kSums, 1>(count, length, shares, shares_stride, rows + j, stride, to + j);
    for (; j < length; ++j)
      for (int s = 0; s < kSums; ++s) {
        float sum = 0;
        for (long i = 0; i < count; ++i)
          sum += shares[s * shares_stride + i] * rows[i * stride + j];
        to[s * length + j] = sum;
      }
  }
  static void weighted_sums_rows(long sums, long count, long length, const float* shares,
                                 long shares_stride, const float* rows, long stride, float* to) {
    for (; sums >= 4; sums -= 4, shares += 4 * shares_stride, to += 4 * length)
      weighted_with<4>(count, length, shares, shares_stride, rows, stride, to);
    if (sums >= 2) {
      weighted_with<2>(count, length, shares, shares_stride, rows, stride, to);
      sums -= 2, shares += 2 * shares_stride, to += 2 * length;
    }
    if (sums == 1) weighted_with<1>(count, length, shares, shares_stride, rows, stride, to);
  }
};

}  // namespace
