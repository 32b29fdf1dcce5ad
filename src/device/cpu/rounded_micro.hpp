// Compiled once per instruction set; see rounded.hpp and gemm_micro.hpp.
#pragma once

#include "device/cpu/rounded.hpp"

namespace {

/// Dot adds to the lanes of I the products of four unsigned and four signed bytes each.
template <class Dot>
struct Rounded {
  static constexpr int kWidth = Dot::kWidth;
  static constexpr int kVectors = static_cast<int>(hone::cpu::kNibbleColumns) / kWidth;
  typedef float V __attribute__((vector_size(kWidth * 4)));
  typedef float Loose __attribute__((vector_size(kWidth * 4), aligned(4), may_alias));
  typedef int I __attribute__((vector_size(kWidth * 4)));
  typedef unsigned U __attribute__((vector_size(kWidth * 4)));
  typedef unsigned Words __attribute__((vector_size(kWidth * 4), aligned(4), may_alias));

  static int four(const signed char* bytes) {
    int value;
    __builtin_memcpy(&value, bytes, sizeof value);
    return value;
  }

  /// kRows rows by kPanels panels.
  template <int kBits, int kRows, int kPanels>
  static void multiply_block(const hone::cpu::RoundedProduct& p, long row, long panel) {
    constexpr int kIn = 32 / kBits;  // numbers in a word
    constexpr int kAll = kPanels * kVectors;
    const hone::cpu::NibblePanel* panels = p.panels + panel;
    const signed char* bytes[kRows];
    for (int r = 0; r < kRows; ++r) bytes[r] = p.a.bytes + (row + r) * p.a.row;
    V sums[kRows][kAll] = {};
    long word = 0;
    for (long block = 0; block < p.a.blocks; ++block) {
      const long left = panels->depth - word;
      const long end = word + (panels->block < left ? panels->block : left);
      I dots[kRows][kAll] = {};
      for (; word < end; ++word)
#pragma GCC unroll 4
        for (int v = 0; v < kAll; ++v) {
          const U all = *reinterpret_cast<const Words*>(panels[v / kVectors].words +
                                                        word * hone::cpu::kNibbleColumns +
                                                        v % kVectors * kWidth);
          if constexpr (kBits == 4) {
            const U low = all & 0x0f0f0f0fu, high = all >> 4 & 0x0f0f0f0fu;
#pragma GCC unroll 8
            for (int r = 0; r < kRows; ++r) {
              dots[r][v] = Dot::add(dots[r][v], low, four(bytes[r] + word * kIn));
              dots[r][v] = Dot::add(dots[r][v], high, four(bytes[r] + word * kIn + 4));
            }
          } else {
#pragma GCC unroll 8
            for (int r = 0; r < kRows; ++r)
              dots[r][v] = Dot::add_wide(dots[r][v], all, four(bytes[r] + word * kIn));
          }
        }
#pragma GCC unroll 4
      for (int v = 0; v < kAll; ++v) {
        const long at = block * hone::cpu::kNibbleColumns + v % kVectors * kWidth;
        const V scale = *reinterpret_cast<const Loose*>(panels[v / kVectors].scales + at);
        const float* shifts = panels[v / kVectors].shifts;
        const V shift = shifts == nullptr ? scale * -static_cast<float>(1 << (kBits - 1))
                                          : V(*reinterpret_cast<const Loose*>(shifts + at));
#pragma GCC unroll 8
        for (int r = 0; r < kRows; ++r) {
          const long of = (row + r) * p.a.blocks + block;
          const V dot = __builtin_convertvector(dots[r][v], V) * scale;
          sums[r][v] += dot * p.a.scales[of] + shift * p.a.sums[of];
        }
      }
    }
    for (int r = 0; r < kRows; ++r)
      for (int v = 0; v < kAll; ++v) {
        float results[kWidth];
        *reinterpret_cast<Loose*>(results) = sums[r][v];
        const long column = panel * hone::cpu::kNibbleColumns + v * kWidth;
        for (long j = 0; j < kWidth && column + j < p.columns; ++j)
          p.c[(row + r) * p.c_row + column + j] =
              results[j] + (p.bias == nullptr ? 0.0f : p.bias[column + j]);
      }
  }

  /// Rows in groups that registers hold, the largest first.
  template <int kBits, int kRows, int kPanels>
  static void multiply_rows(const hone::cpu::RoundedProduct& p, long row, long panel) {
    for (; row + kRows <= p.rows; row += kRows)
      multiply_block<kBits, kRows, kPanels>(p, row, panel);
    if constexpr (kRows > 1) multiply_rows<kBits, kRows / 2, kPanels>(p, row, panel);
  }
  template <int kBits>
  static void multiply(const hone::cpu::RoundedProduct& p) {
    long panel = 0;
    // Of few rows several panels at once: no sum waits for the one before.
    if (p.rows < Dot::kRows)
      for (; panel + Dot::kPanels <= p.panel_count; panel += Dot::kPanels)
        multiply_rows<kBits, Dot::kRows / Dot::kPanels, Dot::kPanels>(p, 0, panel);
    for (; panel < p.panel_count; ++panel) multiply_rows<kBits, Dot::kRows, 1>(p, 0, panel);
  }

  static void round(long count, bool parted, const float* from, signed char* to, float* scale,
                    float* sum) {
    typedef float Eight __attribute__((vector_size(32)));
    typedef float LooseEight __attribute__((vector_size(32), aligned(4), may_alias));
    typedef int Ints __attribute__((vector_size(32)));
    typedef signed char Bytes __attribute__((vector_size(8)));
    Eight most{}, bad{};
    for (long i = 0; i < count; i += 8) {
      const Eight x = *reinterpret_cast<const LooseEight*>(from + i);
      const Eight size = x < 0.0f ? -x : x;
      most = size > most ? size : most;
      bad += x * 0.0f;
    }
    float largest = 0, wrong = 0;
    for (int i = 0; i < 8; ++i) largest = most[i] > largest ? most[i] : largest, wrong += bad[i];
    const float inverse = largest > 1e-30f ? 127.0f / largest : 0.0f;
    Ints total{};
    for (long i = 0; i < count; i += 8) {
      const Eight x = *reinterpret_cast<const LooseEight*>(from + i);
      Eight scaled = x * inverse;
      if (wrong != wrong) scaled = Eight{};
      // 1.5 * 2^23: what is left of the sum is an integer, the nearest one.
      const Ints number = reinterpret_cast<Ints>(scaled + 12582912.0f) - 0x4b400000;
      total += number;
      Bytes bytes = __builtin_convertvector(number, Bytes);
      if (parted) bytes = __builtin_shufflevector(bytes, bytes, 0, 2, 4, 6, 1, 3, 5, 7);
      __builtin_memcpy(to + i, &bytes, sizeof bytes);
    }
    int all = 0;
    for (int i = 0; i < 8; ++i) all += total[i];
    *scale = largest > 1e-30f ? largest / 127.0f : 0.0f;
    if (wrong != wrong) *scale = wrong;
    *sum = *scale * static_cast<float>(all);
  }

  static constexpr hone::cpu::RoundedFunctions functions() {
    return {multiply<4>, multiply<8>, round};
  }
};

}  // namespace
