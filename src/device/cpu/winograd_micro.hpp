// See winograd.hpp; compiled once per instruction set. Includes nothing but that, as
// gemm_micro.hpp.
#pragma once

#include "device/cpu/winograd.hpp"

namespace {

constexpr float kHalfRoot = 0.70710678F, kRoot = 1.41421356F;  // of 2

/// 0, 1 ... as arguments.
template <int...>
struct Counts {};
template <int kCount, int... kSo>
struct Counted : Counted<kCount - 1, kCount - 1, kSo...> {};
template <int... kSo>
struct Counted<0, kSo...> {
  using Type = Counts<kSo...>;
};

template <int kWidth>
struct Winograd {
  typedef float V __attribute__((vector_size(kWidth * 4)));
  typedef float Loose __attribute__((vector_size(kWidth * 4), aligned(4), may_alias));

  static V load(const float* from) { return *reinterpret_cast<const Loose*>(from); }
  static void store(float* to, V value) { *reinterpret_cast<Loose*>(to) = value; }

  /// Elements kFirst, kFirst + 2 ... of a and then of b.
  template <int kFirst>
  static V alternate(V a, V b) {
    return alternate<kFirst>(a, b, typename Counted<kWidth>::Type{});
  }
  template <int kFirst, int... kLanes>
  static V alternate(V a, V b, Counts<kLanes...>) {
    return __builtin_shufflevector(a, b, (kFirst + 2 * kLanes)...);
  }
  /// a[kFirst] b[kFirst] a[kFirst + 1] b[kFirst + 1] ...
  template <int kFirst>
  static V interleaved(V a, V b) {
    return interleaved<kFirst>(a, b, typename Counted<kWidth>::Type{});
  }
  template <int kFirst, int... kLanes>
  static V interleaved(V a, V b, Counts<kLanes...>) {
    return __builtin_shufflevector(a, b, (kFirst + kLanes / 2 + kLanes % 2 * kWidth)...);
  }

  /// Elements 0 to 3 of every tile from a line.
  static void parted(const float* line, V* to, int wanted) {
    const V a = load(line), b = load(line + kWidth);
    const V c = load(line + 2 * kWidth), d = load(line + 3 * kWidth);
    const V even = alternate<0>(a, b), odd = alternate<1>(a, b);
    const V more_even = alternate<0>(c, d), more_odd = alternate<1>(c, d);
    to[0] = alternate<0>(even, more_even);
    to[1] = alternate<0>(odd, more_odd);
    if (wanted == 2) return;
    to[2] = alternate<1>(even, more_even);
    to[3] = alternate<1>(odd, more_odd);
  }

  /// In place; elements `stride` apart.
  static void transform_input(V* d, int stride) {
    const V d0 = d[0], d1 = d[stride], d2 = d[2 * stride];
    const V d3 = d[3 * stride], d4 = d[4 * stride], d5 = d[5 * stride];
    d[0] = d4 + (d0 - 2.5F * d2);
    const V near = d4 - 2.0F * d2, near_odd = kHalfRoot * (d3 - 2.0F * d1);
    d[stride] = near + near_odd;
    d[2 * stride] = near - near_odd;
    const V far = d4 - 0.5F * d2, far_odd = kRoot * (d3 - 0.5F * d1);
    d[3 * stride] = far + far_odd;
    d[4 * stride] = far - far_odd;
    d[5 * stride] = d5 + (d1 - 2.5F * d3);
  }

  static void input(const float* lines, float* to, long stride) {
    V d[6][6];
#pragma GCC unroll 6
    for (int row = 0; row < 6; ++row) {
      parted(lines + (2 * row) * 4 * kWidth, d[row], 4);
      parted(lines + (2 * row + 1) * 4 * kWidth, d[row] + 4, 2);
      transform_input(d[row], 1);
    }
#pragma GCC unroll 6
    for (int column = 0; column < 6; ++column) {
      transform_input(&d[0][column], 6);
#pragma GCC unroll 6
      for (int row = 0; row < 6; ++row) store(to + (row * 6 + column) * stride, d[row][column]);
    }
  }

  /// Four outputs of six products.
  static void transform_output(const V* m, V* y) {
    const V near = m[1] + m[2], near_odd = kHalfRoot * (m[1] - m[2]);
    const V far = m[3] + m[4], far_odd = kRoot * (m[3] - m[4]);
    y[0] = m[0] + near + far;
    y[1] = near_odd + far_odd;
    y[2] = 0.5F * near + 2.0F * far;
    y[3] = 0.5F * near_odd + 2.0F * far_odd + m[5];
  }

  static void output(const float* from, long stride, float* lines) {
    V columns[6][4];
#pragma GCC unroll 6
    for (int column = 0; column < 6; ++column) {
      V m[6];
#pragma GCC unroll 6
      for (int row = 0; row < 6; ++row) m[row] = load(from + (row * 6 + column) * stride);
      transform_output(m, columns[column]);
    }
#pragma GCC unroll 4
    for (int row = 0; row < 4; ++row) {
      V m[6], y[4];
#pragma GCC unroll 6
      for (int column = 0; column < 6; ++column) m[column] = columns[column][row];
      transform_output(m, y);
      const V even = interleaved<0>(y[0], y[2]), more_even = interleaved<kWidth / 2>(y[0], y[2]);
      const V odd = interleaved<0>(y[1], y[3]), more_odd = interleaved<kWidth / 2>(y[1], y[3]);
      float* line = lines + row * 4 * kWidth;
      store(line, interleaved<0>(even, odd));
      store(line + kWidth, interleaved<kWidth / 2>(even, odd));
      store(line + 2 * kWidth, interleaved<0>(more_even, more_odd));
      store(line + 3 * kWidth, interleaved<kWidth / 2>(more_even, more_odd));
    }
  }

  static void finish(const float* from, long count, float bias, const float* added, float low,
                     float high, float* to) {
    long i = 0;
    for (; i + kWidth <= count; i += kWidth) {
      V value = load(from + i) + bias;
      if (added != nullptr) value += load(added + i);
      value = value < low ? V{} + low : value;
      store(to + i, value > high ? V{} + high : value);
    }
    for (; i < count; ++i) {
      float value = from[i] + bias;
      if (added != nullptr) value += added[i];
      value = value < low ? low : value;
      to[i] = value > high ? high : value;
    }
  }

  // Of filters half as many at a time, for they are transformed in double.
  static constexpr int kFilters = kWidth / 2;
  typedef double D __attribute__((vector_size(kWidth * 4)));
  typedef double LooseD __attribute__((vector_size(kWidth * 4), aligned(8), may_alias));

  static D load(const double* from) { return *reinterpret_cast<const LooseD*>(from); }

  /// A polynomial with x as coefficients at the nodes, over the products of their distances.
  static void transform_filter(const D* x, D* to) {
    constexpr double kHalf = 0.70710678118654752440, kTwo = 1.41421356237309504880;
    const D near = x[0] + 0.5 * x[2], far = x[0] + 2.0 * x[2];
    to[0] = x[0];
    to[1] = (near + kHalf * x[1]) * (-1 / 1.5);
    to[2] = (near - kHalf * x[1]) * (-1 / 1.5);
    to[3] = (far + kTwo * x[1]) * (1 / 6.0);
    to[4] = (far - kTwo * x[1]) * (1 / 6.0);
    to[5] = x[2];
  }

  static void filters(const float* from, long apart, long count, float* to, long stride) {
    for (long first = 0; first < count; first += kFilters) {
      const int now = count - first < kFilters ? static_cast<int>(count - first) : kFilters;
      double taps[9][kFilters] = {}, factors[kFilters];
      for (int i = 0; i < now; ++i)
        for (int tap = 0; tap < 9; ++tap) taps[tap][i] = from[(first + i) * apart + tap];
      D columns[3][6];
      for (int x = 0; x < 3; ++x) {
        const D column[3] = {load(taps[x]), load(taps[3 + x]), load(taps[6 + x])};
        transform_filter(column, columns[x]);
      }
      for (int row = 0; row < 6; ++row) {
        const D line[3] = {columns[0][row], columns[1][row], columns[2][row]};
        D made[6];
        transform_filter(line, made);
        for (int column = 0; column < 6; ++column) {
          *reinterpret_cast<LooseD*>(factors) = made[column];
          float* place = to + (row * 6 + column) * stride + first;
          for (int i = 0; i < now; ++i) place[i] = static_cast<float>(factors[i]);
        }
      }
    }
  }

  static constexpr hone::cpu::WinogradFunctions functions() {
    return {kWidth, input, output, finish, filters};
  }
};

}  // namespace
