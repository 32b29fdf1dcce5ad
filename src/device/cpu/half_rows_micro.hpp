// Compiled once per instruction set; see half_rows.hpp and gemm_micro.hpp. Widen::load gives a
// vector of floats.
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

}  // namespace
