// Compiled once per instruction set; see slide.hpp and gemm_micro.hpp.
#pragma once

#include "device/cpu/part_micro.hpp"
#include "device/cpu/slide.hpp"
#include "device/cpu/window_micro.hpp"

namespace {

/// V: as many floats as a vector of the instruction set has.
template <class V>
struct Sliding {
  static constexpr int kWidth = sizeof(V) / sizeof(float);

  static V load(const float* from) {
    V value;
    __builtin_memcpy(&value, from, sizeof value);
    return value;
  }
  static void store(float* to, V value) { __builtin_memcpy(to, &value, sizeof value); }

  struct Weighted {
    static V begin(const hone::cpu::Slide& slide) { return V{} + slide.start; }
    static V with(V known, V next, float weight) { return known + weight * next; }
    static constexpr bool kWeighted = true;
  };
  struct Sum {
    static V begin(const hone::cpu::Slide&) { return V{}; }
    template <class Floats>
    static Floats with(Floats known, Floats next, float) {
      return known + next;
    }
    static constexpr bool kWeighted = false;
  };
  struct Max {
    static V begin(const hone::cpu::Slide&) { return V{} - __builtin_inff(); }
    template <class Floats>
    static Floats with(Floats known, Floats next, float) {
      return (next > known) | (next != next) ? next : known;
    }
    static constexpr bool kWeighted = false;
  };
  struct Min {
    template <class Floats>
    static Floats with(Floats known, Floats next, float) {
      return (next < known) | (next != next) ? next : known;
    }
  };

  /// kVectors neighbouring vectors of results. kTaps: how many, 0: as `slide` says.
  template <class Kind, int kVectors, int kTaps>
  static void gather(const hone::cpu::Slide& slide, const float* from, V* results) {
    for (int v = 0; v < kVectors; ++v) results[v] = Kind::begin(slide);
    const long taps = kTaps > 0 ? kTaps : slide.taps;
#pragma GCC unroll 9
    for (long t = 0; t < taps; ++t) {
      const float* source = from + slide.offsets[t];
      float weight = 0;
      if constexpr (Kind::kWeighted) weight = slide.weights[t];
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v)
        results[v] = Kind::with(results[v], load(source + v * kWidth), weight);
    }
  }

  template <class Kind, int kTaps>
  static void rows(const hone::cpu::Slide& slide) {
    constexpr int kVectors = 4;
    const float* from = slide.from;
    float* to = slide.to;
    float* const end = to + slide.rows * slide.count;
    for (long row = 0; row < slide.rows; ++row, from += slide.row_step, to += slide.count) {
      long i = 0;
      for (V made[kVectors]; i + kVectors * kWidth <= slide.count; i += kVectors * kWidth) {
        gather<Kind, kVectors, kTaps>(slide, from + i, made);
        for (int v = 0; v < kVectors; ++v) store(to + i + v * kWidth, made[v]);
      }
      // Several vectors at once even if the last ones are not needed: each tap waits for the one
      // before.
      const long left = (slide.count - i + kWidth - 1) / kWidth;
      if (left > 3) rest<Kind, kVectors, kTaps>(slide, from + i, slide.count - i, to + i, end);
      else if (left == 3) rest<Kind, 3, kTaps>(slide, from + i, slide.count - i, to + i, end);
      else if (left == 2) rest<Kind, 2, kTaps>(slide, from + i, slide.count - i, to + i, end);
      else if (left == 1) rest<Kind, 1, kTaps>(slide, from + i, slide.count - i, to + i, end);
    }
  }

  /// The last `count` results of a row. `end`: of all rows.
  template <class Kind, int kVectors, int kTaps>
  static void rest(const hone::cpu::Slide& slide, const float* from, long count, float* to,
                   const float* end) {
    V made[kVectors];
    gather<Kind, kVectors, kTaps>(slide, from, made);
    for (int v = 0; v < kVectors && v * kWidth < count; ++v) {
      // What goes over the end of the row is written anew with the next one.
      if (to + (v + 1) * kWidth <= end) store(to + v * kWidth, made[v]);
      else
        for (long i = v * kWidth; i < count; ++i) to[i] = made[v][i - v * kWidth];
    }
  }

  template <class Kind>
  static void slide(const hone::cpu::Slide& slide) {
    if (slide.taps == 9) rows<Kind, 9>(slide);
    else if (slide.taps == 5) rows<Kind, 5>(slide);
    else if (slide.taps == 3) rows<Kind, 3>(slide);
    else if (slide.taps == 2) rows<Kind, 2>(slide);
    else rows<Kind, 0>(slide);
  }

  static void weighted(const hone::cpu::Slide& given) {
    if (!Windows<V>::run(given)) slide<Weighted>(given);
  }

  static void multiply(long count, const float* by, float* values) {
    long i = 0;
    for (; i + kWidth <= count; i += kWidth) store(values + i, load(values + i) * load(by + i));
    for (; i < count; ++i) values[i] *= by[i];
  }

  /// Elements [i, i + kVectors vectors of Floats).
  template <class Kind, class Floats, int kVectors, int kRows>
  static void fold_at(long given, const float* const* rows, long i, Floats* made) {
    constexpr int kLanes = sizeof(Floats) / sizeof(float);
    const long many = kRows > 0 ? kRows : given;
    __builtin_memcpy(made, rows[0] + i, kVectors * sizeof(Floats));
#pragma GCC unroll 5
    for (long row = 1; row < many; ++row)
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        Floats next;
        __builtin_memcpy(&next, rows[row] + i + v * kLanes, sizeof next);
        made[v] = Kind::with(made[v], next, 0);
      }
  }
  /// At least one vector of Floats. The last one is made before any is written: it may lie over
  /// the one before, and `to` may be a row.
  /// kRows: how many rows, 0: as `many` says.
  template <class Kind, class Floats, int kRows = 0>
  static void rows_by(long many, const float* const* rows, long count, float* to) {
    constexpr int kLanes = sizeof(Floats) / sizeof(float), kVectors = 4;
    Floats last, made[kVectors];
    fold_at<Kind, Floats, 1, kRows>(many, rows, count - kLanes, &last);
    long i = 0;
    for (; i + kVectors * kLanes <= count; i += kVectors * kLanes) {
      fold_at<Kind, Floats, kVectors, kRows>(many, rows, i, made);
      __builtin_memcpy(to + i, made, sizeof made);
    }
    for (; i + kLanes <= count; i += kLanes) {
      fold_at<Kind, Floats, 1, kRows>(many, rows, i, made);
      __builtin_memcpy(to + i, made, sizeof last);
    }
    __builtin_memcpy(to + count - kLanes, &last, sizeof last);
  }
  template <class Kind>
  static void fold_rows(long many, const float* const* rows, long count, float* to) {
    if (count >= kWidth)
      return many == 3   ? rows_by<Kind, V, 3>(many, rows, count, to)
             : many == 2 ? rows_by<Kind, V, 2>(many, rows, count, to)
             : many == 5 ? rows_by<Kind, V, 5>(many, rows, count, to)
                         : rows_by<Kind, V>(many, rows, count, to);
    if constexpr (kWidth > 8)
      if (count >= 8) return rows_by<Kind, Floats8>(many, rows, count, to);
    if constexpr (kWidth > 4)
      if (count >= 4) return rows_by<Kind, Floats4>(many, rows, count, to);
    for (long i = 0; i < count; ++i) {
      float made = rows[0][i];
      for (long row = 1; row < many; ++row) made = Kind::with(made, rows[row][i], 0);
      to[i] = made;
    }
  }

  static constexpr hone::cpu::SlideFunctions kFunctions{
      weighted,         slide<Sum>,     slide<Max>,     multiply,
      Parting<V>::part, fold_rows<Sum>, fold_rows<Max>, fold_rows<Min>};
};

}  // namespace
