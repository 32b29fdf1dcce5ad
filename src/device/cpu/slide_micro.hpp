// Compiled once per instruction set; see slide.hpp and gemm_micro.hpp.
#pragma once

#include "device/cpu/slide.hpp"

namespace {

/// V: as many floats, I: as many ints as a vector of the instruction set has.
template <class V, class I>
struct Sliding {
  static constexpr int kWidth = sizeof(V) / sizeof(float);

  static V load(const float* from) {
    V value;
    __builtin_memcpy(&value, from, sizeof value);
    return value;
  }
  static void store(float* to, V value) { __builtin_memcpy(to, &value, sizeof value); }

  /// kVectors neighbouring vectors of results. kTaps: how many, 0: as `slide` says.
  template <int kVectors, int kTaps>
  static void sums(const hone::cpu::Slide& slide, const float* from, V* results) {
    for (int v = 0; v < kVectors; ++v) results[v] = V{} + slide.start;
    const long taps = kTaps > 0 ? kTaps : slide.taps;
#pragma GCC unroll 9
    for (long t = 0; t < taps; ++t) {
      const float* source = from + slide.offsets[t];
      const V weight = V{} + slide.weights[t];
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) results[v] += weight * load(source + v * kWidth);
    }
  }

  template <int kTaps>
  static void rows(const hone::cpu::Slide& slide) {
    constexpr int kVectors = 4;
    const float* from = slide.from;
    float* to = slide.to;
    float* const end = to + slide.rows * slide.count;
    for (long row = 0; row < slide.rows; ++row, from += slide.row_step, to += slide.count) {
      long i = 0;
      for (V sum[kVectors]; i + kVectors * kWidth <= slide.count; i += kVectors * kWidth) {
        sums<kVectors, kTaps>(slide, from + i, sum);
        for (int v = 0; v < kVectors; ++v) store(to + i + v * kWidth, sum[v]);
      }
      for (; i < slide.count; i += kWidth) {
        V sum;
        sums<1, kTaps>(slide, from + i, &sum);
        // What goes over the end of the row is written anew with the next one.
        if (to + i + kWidth <= end) store(to + i, sum);
        else
          for (long lane = 0; i + lane < slide.count; ++lane) to[i + lane] = sum[lane];
      }
    }
  }

  static void slide(const hone::cpu::Slide& slide) {
    if (slide.taps == 9) rows<9>(slide);
    else rows<0>(slide);
  }

  static void part(long count, const float* from, float* even, float* odd) {
    I low, high;  // places in two vectors, one behind the other
    for (int lane = 0; lane < kWidth; ++lane) low[lane] = 2 * lane, high[lane] = 2 * lane + 1;
    long i = 0;
    for (; i + 2 * kWidth <= count; i += 2 * kWidth) {
      const V first = load(from + i), second = load(from + i + kWidth);
      store(even + i / 2, __builtin_shuffle(first, second, low));
      store(odd + i / 2, __builtin_shuffle(first, second, high));
    }
    for (; i + 2 <= count; i += 2) even[i / 2] = from[i], odd[i / 2] = from[i + 1];
    if (i < count) even[i / 2] = from[i];
  }

  static constexpr hone::cpu::SlideFunctions kFunctions{slide, part};
};

}  // namespace
