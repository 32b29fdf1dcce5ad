// Compiled once per instruction set: see IntegerWinogradFunctions in winograd.hpp.
#pragma once

#include "device/cpu/joined_vectors.hpp"
#include "device/cpu/winograd_micro.hpp"

namespace {

/// kWidth: tiles in a vector, of two words or one sum each.
template <int kWidth>
struct IntegerWinograd {
  typedef short Words __attribute__((vector_size(kWidth * 4)));
  typedef int Signed __attribute__((vector_size(kWidth * 4)));
  // Unsigned numbers may wrap.
  typedef unsigned Pairs __attribute__((vector_size(kWidth * 4)));
  typedef unsigned LoosePairs __attribute__((vector_size(kWidth * 4), aligned(1), may_alias));

  static Pairs load(const void* from) { return *static_cast<const LoosePairs*>(from); }
  static void store(void* to, Pairs value) { *static_cast<LoosePairs*>(to) = value; }

  static constexpr unsigned kEven = 0x00ff00ff;  // bytes

  /// Even words of a, odd words of b.
  static Words blended(Pairs a, Pairs b) {
    return reinterpret_cast<Words>((a & 0xffffu) | (b & 0xffff0000u));
  }

  /// The first `wanted` of four bytes of each tile of two lines, as words less `zero`.
  static void columns(Pairs a, Pairs b, short zero, Words* to, int wanted) {
    const Pairs a_even = a & kEven, a_odd = (a >> 8) & kEven;
    const Pairs b_even = b & kEven, b_odd = (b >> 8) & kEven;
    to[0] = blended(a_even, b_even << 16) - zero;
    to[1] = blended(a_odd, b_odd << 16) - zero;
    if (wanted == 2) return;
    to[2] = blended(a_even >> 16, b_even) - zero;
    to[3] = blended(a_odd >> 16, b_odd) - zero;
  }

  /// In place; elements `stride` apart.
  static void transform_input(Words* d, int stride) {
    const Words d0 = d[0], d1 = d[stride], d2 = d[2 * stride];
    const Words d3 = d[3 * stride], d4 = d[4 * stride], d5 = d[5 * stride];
    const Words near = d4 - (d2 << 2), near_odd = d3 - (d1 << 2);
    const Words far = d4 - d2, far_odd = (d3 - d1) << 1;
    d[0] = (d0 << 2) + (near - d2);
    d[stride] = near + near_odd;
    d[2 * stride] = near - near_odd;
    d[3 * stride] = far + far_odd;
    d[4 * stride] = far - far_odd;
    d[5 * stride] = (d5 - d3) - (far_odd << 1);
  }

  /// Of each tile the four bytes at its place. Neighbours come in one load, halves of a vector in
  /// one each.
  template <int kTogether>
  static Pairs gathered(const unsigned char* line, const int* places) {
    const auto copied = [](const auto& vector) {
      Pairs value;
      __builtin_memcpy(&value, &vector, sizeof value);
      return value;
    };
    constexpr int kHalf = kWidth / 2;
    using Half = typename Some<kHalf>::Type;
    if constexpr (kTogether == kWidth) return load(line + places[0]);
    else if constexpr (kTogether == kHalf)
      return copied(joined(loaded<Half>(line + places[0]), loaded<Half>(line + places[kHalf])));
    else return copied(at_places<kWidth>(line, places));
  }
  /// How many tiles lie side by side: all of a vector, each half, or nobody knows. Each lies four
  /// bytes behind the one before, or more.
  static int together(const int* places) {
    constexpr int kHalf = kWidth / 2;
    if (places[kWidth - 1] - places[0] == 4 * (kWidth - 1)) return kWidth;
    const bool halves = places[kHalf - 1] - places[0] == 4 * (kHalf - 1) &&
                        places[kWidth - 1] - places[kHalf] == 4 * (kHalf - 1);
    return halves ? kHalf : 1;
  }

  template <int kTogether>
  static void input_vector(const hone::cpu::IntegerWinogradLines& lines, const int* places,
                           unsigned* to, long stride) {
    const unsigned flip = lines.is_signed ? 0x80808080u : 0u;
    const auto less = static_cast<short>(lines.zero + (lines.is_signed ? 128 : 0));
    Words d[6][6];
#pragma GCC unroll 6
    for (int row = 0; row < 6; ++row) {
      const unsigned char* a = lines.first + row * lines.line;
      const unsigned char* b = lines.second + row * lines.line;
      columns(gathered<kTogether>(a, places) ^ flip, gathered<kTogether>(b, places) ^ flip, less,
              d[row], 4);
      columns(gathered<kTogether>(a + 4, places) ^ flip, gathered<kTogether>(b + 4, places) ^ flip,
              less, d[row] + 4, 2);
      transform_input(d[row], 1);
    }
#pragma GCC unroll 6
    for (int column = 0; column < 6; ++column) {
      transform_input(&d[0][column], 6);
#pragma GCC unroll 6
      for (int row = 0; row < 6; ++row)
        store(to + (row * 6 + column) * stride, reinterpret_cast<Pairs>(d[row][column]));
    }
  }

  static void input(const hone::cpu::IntegerWinogradLines& lines, const int* places, long vectors,
                    unsigned* to, long stride) {
    for (; vectors > 0; --vectors, places += kWidth, to += kWidth) {
      switch (together(places)) {
        case kWidth: input_vector<kWidth>(lines, places, to, stride); break;
        case kWidth / 2: input_vector<kWidth / 2>(lines, places, to, stride); break;
        default: input_vector<1>(lines, places, to, stride);
      }
    }
  }

  /// Four outputs of six products, 3 times 8, 4, 2 and 2 too large.
  static void transform_output(const Pairs* m, Pairs* y) {
    const Pairs near = m[1] + m[2], near_odd = m[1] - m[2];
    const Pairs far = m[3] + m[4], far_odd = m[3] - m[4];
    y[0] = m[0] + far - (near << 2);
    y[1] = far_odd - (near_odd << 1);
    y[2] = far - near;
    y[3] = (far_odd << 1) - near_odd + m[5];
  }
  /// Of a row or column of outputs: which power of two they are too large by.
  static constexpr int kShift[4] = {3, 2, 1, 1};

  template <int kFirst>
  static Pairs interleaved(Pairs a, Pairs b) {
    using Floats = Winograd<kWidth>;
    using V = typename Floats::V;
    return reinterpret_cast<Pairs>(
        Floats::template interleaved<kFirst>(reinterpret_cast<V>(a), reinterpret_cast<V>(b)));
  }

  static void output(const unsigned* from, long stride, int bias, int* lines) {
    constexpr unsigned kNinth = 954437177;  // its product with 9 is 1, of 32 bits
    Pairs columns[6][4];
#pragma GCC unroll 6
    for (int column = 0; column < 6; ++column) {
      Pairs m[6];
#pragma GCC unroll 6
      for (int row = 0; row < 6; ++row) m[row] = load(from + (row * 6 + column) * stride);
      transform_output(m, columns[column]);
    }
#pragma GCC unroll 4
    for (int row = 0; row < 4; ++row) {
      Pairs m[6], y[4];
#pragma GCC unroll 6
      for (int column = 0; column < 6; ++column) m[column] = columns[column][row];
      transform_output(m, y);
#pragma GCC unroll 4
      for (int column = 0; column < 4; ++column) {
        const Signed large = reinterpret_cast<Signed>(y[column] * kNinth);
        const Signed exact = (large >> (kShift[row] + kShift[column])) + bias;
        y[column] = reinterpret_cast<Pairs>(exact);
      }
      const Pairs even = interleaved<0>(y[0], y[2]);
      const Pairs more_even = interleaved<kWidth / 2>(y[0], y[2]);
      const Pairs odd = interleaved<0>(y[1], y[3]);
      const Pairs more_odd = interleaved<kWidth / 2>(y[1], y[3]);
      int* line = lines + row * 4 * kWidth;
      store(line, interleaved<0>(even, odd));
      store(line + kWidth, interleaved<kWidth / 2>(even, odd));
      store(line + 2 * kWidth, interleaved<0>(more_even, more_odd));
      store(line + 3 * kWidth, interleaved<kWidth / 2>(more_even, more_odd));
    }
  }

  static constexpr hone::cpu::IntegerWinogradFunctions functions() { return {input, output}; }
};

}  // namespace
