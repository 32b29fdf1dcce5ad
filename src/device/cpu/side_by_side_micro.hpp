// Compiled once per instruction set; see side_by_side.hpp and gemm_micro.hpp.
#pragma once

#include "device/cpu/joining_micro.hpp"
#include "device/cpu/part_micro.hpp"
#include "device/cpu/side_by_side.hpp"

namespace {

/// V: as many floats as a vector of the instruction set has.
template <class V>
struct SideBySide {
  using WindowRow = hone::cpu::WindowRow;
  using WeightedPixels = hone::cpu::WeightedPixels;
  using Joins = Joining<V>;
  static constexpr int kWidth = Joins::kWidth;

  static V load(const float* from) { return Joins::load(from); }
  static void store(float* to, V value) { Joins::store(to, value); }
  static V larger(V known, V next) { return (next > known) | (next != next) ? next : known; }

  struct Weighted {
    static V begin(const WindowRow& row) { return load(row.start); }
    static V weight(const WindowRow& row, long line, long column) {
      return load(row.weights[line] + column * kWidth);
    }
    static V with(V known, V next, V weight) { return known + weight * next; }
    static V end(const WindowRow& row, V made) {
      made = made < row.low ? V{} + row.low : made;
      return made > row.high ? V{} + row.high : made;
    }
  };
  struct Sum {
    static V begin(const WindowRow&) { return V{}; }
    static V weight(const WindowRow&, long, long) { return V{}; }
    static V with(V known, V next, V) { return known + next; }
    static V end(const WindowRow&, V made) { return made; }
  };
  struct Largest {
    static V begin(const WindowRow&) { return V{} - __builtin_inff(); }
    static V weight(const WindowRow&, long, long) { return V{}; }
    static V with(V known, V next, V) { return larger(known, next); }
    static V end(const WindowRow&, V made) { return made; }
  };

  /// Results [first, first + kCount). kStride: how far they are apart, 0: as `row` says.
  template <class Kind, int kStride, int kCount>
  static void results(const WindowRow& row, long first) {
    const long stride = (kStride > 0 ? kStride : row.stride) * kWidth;
    V made[kCount];
#pragma GCC unroll 8
    for (int i = 0; i < kCount; ++i) made[i] = Kind::begin(row);
    for (long line = 0; line < row.many; ++line) {
      const float* at = row.rows[line] + first * stride;
      for (long column = 0; column < row.columns; ++column, at += row.dilation * kWidth) {
        const V weight = Kind::weight(row, line, column);
#pragma GCC unroll 8
        for (int i = 0; i < kCount; ++i)
          made[i] = Kind::with(made[i], load(at + i * stride), weight);
      }
    }
#pragma GCC unroll 8
    for (int i = 0; i < kCount; ++i) store(row.to + (first + i) * kWidth, Kind::end(row, made[i]));
  }

  /// In runs of about one length, of at most eight results.
  template <class Kind, int kStride>
  static void all_results(const WindowRow& row) {
    const long runs = (row.count + 7) / 8;
    for (long run = 0; run < runs; ++run) {
      const long first = run * row.count / runs;
      switch ((run + 1) * row.count / runs - first) {
        case 8: results<Kind, kStride, 8>(row, first); break;
        case 7: results<Kind, kStride, 7>(row, first); break;
        case 6: results<Kind, kStride, 6>(row, first); break;
        case 5: results<Kind, kStride, 5>(row, first); break;
        case 4: results<Kind, kStride, 4>(row, first); break;
        case 3: results<Kind, kStride, 3>(row, first); break;
        case 2: results<Kind, kStride, 2>(row, first); break;
        default: results<Kind, kStride, 1>(row, first);
      }
    }
  }
  template <class Kind>
  static void by_stride(const WindowRow& row) {
    if (row.stride == 1) all_results<Kind, 1>(row);
    else if (row.stride == 2) all_results<Kind, 2>(row);
    else all_results<Kind, 0>(row);
  }

  static void largest_weighted(const WeightedPixels& all, const float* from, float* to) {
    const auto element = [&](long i) {
      return load(from + all.pixels[i] * kWidth) * all.weights[i];
    };
    V made = element(0);
    for (long i = 1; i < all.count; ++i) made = larger(made, element(i));
    store(to, made);
  }

  static void between(const hone::cpu::BetweenPixels& all, const float* from, long many, float* to,
                      long stride) {
    for (long first = 0; first < all.count; first += kWidth) {
      V lines[kWidth];
#pragma GCC unroll 16
      for (int i = 0; i < kWidth; ++i) {
        lines[i] = V{};
        if (first + i >= all.count) continue;
#pragma GCC unroll 4
        for (int k = 0; k < 4; ++k)
          lines[i] += all.weights[k][first + i] * load(from + all.pixels[k][first + i] * kWidth);
      }
      Joins::turn(lines);
#pragma GCC unroll 16
      for (int p = 0; p < kWidth; ++p)
        if (p < many) store(to + p * stride + first, lines[p]);
    }
  }

  static constexpr hone::cpu::SideBySideFunctions kFunctions{kWidth,
                                                             Joins::join,
                                                             Joins::edges,
                                                             Joins::part,
                                                             Parting<V>::template merge<false>,
                                                             Parting<V>::template merge<true>,
                                                             by_stride<Weighted>,
                                                             by_stride<Sum>,
                                                             by_stride<Largest>,
                                                             largest_weighted,
                                                             between};
};

}  // namespace
