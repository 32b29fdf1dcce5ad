// Compiled once per instruction set; see half_rows.hpp and gemm_micro.hpp. Widen::load gives a
// vector of floats; Bytes, Pairs and Words are kWidth bytes, half as many, and half as many
// words.
#pragma once

#include "device/cpu/half_rows.hpp"

namespace {

template <class Widen, int kRows>
void multiply_halves(const hone::cpu::HalfRows& rows) {
  using V = typename Widen::V;
  constexpr long kWidth = Widen::kWidth;
  constexpr int kSets = kRows == 1 ? 4 : kRows == 2 ? 2 : 1;  // that no sum waits for another
  V sums[kSets][kRows][2] = {};
  const unsigned short* from = rows.panel;
  const auto add = [&](long at, int set) __attribute__((always_inline)) {
    const V first = Widen::load(from), second = Widen::load(from + kWidth);
    from += 2 * kWidth;
#pragma GCC unroll 4
    for (int i = 0; i < kRows; ++i) {
      const float a = rows.a[i * rows.a_row + at];
      sums[set][i][0] += a * first;
      sums[set][i][1] += a * second;
    }
  };
  long at = 0;
  for (; at + 4 <= rows.depth; at += 4)
#pragma GCC unroll 4
    for (int step = 0; step < 4; ++step) add(at + step, step % kSets);
  for (; at < rows.depth; ++at) add(at, 0);
  for (int i = 0; i < kRows; ++i) {
    float row[2 * kWidth];
    for (int v = 0; v < 2; ++v) {
      V sum = sums[0][i][v];
      for (int set = 1; set < kSets; ++set) sum += sums[set][i][v];
      __builtin_memcpy(row + v * kWidth, &sum, sizeof sum);
    }
    for (long j = 0; j < rows.columns; ++j) rows.c[i * rows.c_row + j] = row[j];
  }
}

template <class Widen>
void multiply_half_rows(const hone::cpu::HalfRows& all) {
  hone::cpu::HalfRows rows = all;
  for (long left = all.rows; left > 0;) {
    const long done = left >= 4 ? 4 : left >= 2 ? 2 : 1;
    if (done == 4) multiply_halves<Widen, 4>(rows);
    else if (done == 2) multiply_halves<Widen, 2>(rows);
    else multiply_halves<Widen, 1>(rows);
    rows.a += done * rows.a_row;
    rows.c += done * rows.c_row;
    left -= done;
  }
}

inline float code_at(const hone::cpu::CodeRows& rows, const unsigned char* row, long at) {
  if (!rows.pairs) return static_cast<float>(static_cast<signed char>(row[at]));
  return static_cast<float>((row[at / 2] >> (at % 2 * 4) & 15) - 8);
}

/// kWidth codes, from place `at` (a multiple of kWidth) on.
template <class Widen>
typename Widen::V codes_at(const hone::cpu::CodeRows& rows, const unsigned char* row, long at) {
  if (!rows.pairs) {
    typename Widen::Bytes bytes;
    __builtin_memcpy(&bytes, row + at, sizeof bytes);
    return __builtin_convertvector(bytes, typename Widen::V);
  }
  typename Widen::Pairs pairs;
  __builtin_memcpy(&pairs, row + at / 2, sizeof pairs);
  // Every byte twice, the first one of both without its high bits, the second one shifted.
  const auto words = __builtin_convertvector(pairs, typename Widen::Words);
  const typename Widen::Words both = (words & 15) | (words >> 4 << 8);
  const auto bytes = reinterpret_cast<typename Widen::Bytes>(both);
  return __builtin_convertvector(bytes, typename Widen::V) - 8.0F;
}

template <class Widen>
void widen_code_rows(const hone::cpu::CodeRows& rows) {
  using V = typename Widen::V;
  constexpr long kWidth = Widen::kWidth;
  const long bytes = rows.pairs ? rows.length / 2 : rows.length;
  const V one = V{} + rows.scales[0];
  float* to = rows.to;
  for (long row = 0; row < rows.rows; ++row, to += rows.length) {
    const unsigned char* codes = rows.codes + row * bytes;
    long at = 0;
    for (; at + kWidth <= rows.length; at += kWidth) {
      V scales = one;
      if (!rows.one_scale) __builtin_memcpy(&scales, rows.scales + at, sizeof scales);
      const V numbers = codes_at<Widen>(rows, codes, at) * scales;
      __builtin_memcpy(to + at, &numbers, sizeof numbers);
    }
    for (; at < rows.length; ++at)
      to[at] = code_at(rows, codes, at) * rows.scales[rows.one_scale ? 0 : at];
  }
}

}  // namespace
