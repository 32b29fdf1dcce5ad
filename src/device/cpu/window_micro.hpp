// Sums over windows whose rows several rows of results share: what is read once is multiplied for
// all of them. Compiled once per instruction set; see slide.hpp and gemm_micro.hpp.
#pragma once

#include "device/cpu/part_micro.hpp"
#include "device/cpu/slide.hpp"

namespace {

/// V: as many floats as a vector of the instruction set has.
template <class V>
struct Windows {
  using Slide = hone::cpu::Slide;

  /// kVectors vectors of each of kRows rows of results.
  template <class Floats, int kLines, int kStride, int kRows, int kVectors>
  static void make(const Slide& slide, const float* from, Floats (&made)[kRows][kVectors]) {
    constexpr int kRead = (kRows - 1) * kStride + kLines, kLanes = sizeof(Floats) / sizeof(float);
    Floats sums[kRows][kVectors];
    for (int r = 0; r < kRows; ++r)
      for (int v = 0; v < kVectors; ++v) sums[r][v] = Floats{} + slide.start;
    for (long column = 0; column < slide.columns; ++column) {
      const float* at = from + slide.offsets[column];
      const float* weights = slide.weights + column;
#pragma GCC unroll 20
      for (int read = 0; read < kRead; ++read) {
        Floats x[kVectors];
#pragma GCC unroll 2
        for (int v = 0; v < kVectors; ++v)
          __builtin_memcpy(&x[v], at + read * slide.pitch + v * kLanes, sizeof x[v]);
#pragma GCC unroll 4
        for (int r = 0; r < kRows; ++r) {
          const int line = read - r * kStride;
          if (line < 0 || line >= kLines) continue;
          const float weight = weights[line * slide.columns];
#pragma GCC unroll 2
          for (int v = 0; v < kVectors; ++v) sums[r][v] += weight * x[v];
        }
      }
    }
    for (int r = 0; r < kRows; ++r)
      for (int v = 0; v < kVectors; ++v) made[r][v] = sums[r][v];
  }

  /// The first `count` floats of a vector.
  template <class Floats>
  static void store_part(const Floats& made, long count, float* to) {
    float all[sizeof(Floats) / sizeof(float)];
    __builtin_memcpy(all, &made, sizeof all);
    if (sizeof(Floats) > 32 && count >= 8) {
      __builtin_memcpy(to, all, 32);
      __builtin_memcpy(to + count - 8, all + count - 8, 32);
    } else if (sizeof(Floats) > 16 && count >= 4) {
      __builtin_memcpy(to, all, 16);
      __builtin_memcpy(to + count - 4, all + count - 4, 16);
    } else {
      for (long i = 0; i < count; ++i) to[i] = all[i];
    }
  }

  template <class Floats, int kLines, int kStride, int kRows>
  static void rows_of(const Slide& slide, const float* from, float* to) {
    constexpr int kLanes = sizeof(Floats) / sizeof(float);
    long i = 0;
    if constexpr (sizeof(Floats) == sizeof(V) && kRows == 4) {
      for (Floats made[kRows][2]; i + 2 * kLanes <= slide.count; i += 2 * kLanes) {
        make<Floats, kLines, kStride>(slide, from + i, made);
        for (int r = 0; r < kRows; ++r)
          for (int v = 0; v < 2; ++v)
            __builtin_memcpy(to + r * slide.count + i + v * kLanes, &made[r][v], sizeof(Floats));
      }
    }
    Floats made[kRows][1];
    for (; i < slide.count; i += kLanes) {
      // The last vector lies over the one before, where there is one.
      const bool part = i + kLanes > slide.count, over = part && slide.count >= kLanes;
      const long at = over ? slide.count - kLanes : i;
      make<Floats, kLines, kStride>(slide, from + at, made);
      for (int r = 0; r < kRows; ++r) {
        float* place = to + r * slide.count + at;
        if (part && !over) store_part(made[r][0], slide.count, place);
        else __builtin_memcpy(place, &made[r][0], sizeof(Floats));
      }
    }
  }

  template <class Floats, int kLines, int kStride>
  static void all(const Slide& slide) {
    const long step = slide.row_step;
    long row = 0;
    for (; row + 4 <= slide.rows; row += 4)
      rows_of<Floats, kLines, kStride, 4>(slide, slide.from + row * step,
                                          slide.to + row * slide.count);
    for (; row + 2 <= slide.rows; row += 2)
      rows_of<Floats, kLines, kStride, 2>(slide, slide.from + row * step,
                                          slide.to + row * slide.count);
    if (row < slide.rows)
      rows_of<Floats, kLines, kStride, 1>(slide, slide.from + row * step,
                                          slide.to + row * slide.count);
  }

  template <int kLines, int kStride>
  static bool by_width(const Slide& slide) {
    if constexpr (sizeof(V) > 16)
      if (slide.count <= 4) return all<Floats4, kLines, kStride>(slide), true;
    if constexpr (sizeof(V) > 32)
      if (slide.count <= 8) return all<Floats8, kLines, kStride>(slide), true;
    return all<V, kLines, kStride>(slide), true;
  }
  template <int kLines>
  static bool by_stride(const Slide& slide) {
    if (slide.stride == 1) return by_width<kLines, 1>(slide);
    return slide.stride == 2 && by_width<kLines, 2>(slide);
  }
  /// false: there is no code for the window, or it would not be faster.
  static bool run(const Slide& slide) {
    switch (slide.lines) {
      case 3: return sizeof(V) > 32 && slide.count <= 8 && by_stride<3>(slide);
      case 5: return by_stride<5>(slide);
      case 7: return by_stride<7>(slide);
      case 9: return by_stride<9>(slide);
      case 11: return by_stride<11>(slide);
      default: return false;
    }
  }
};

}  // namespace
