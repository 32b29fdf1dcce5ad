// Compiled once per instruction set; see nibbles.hpp and gemm_micro.hpp.
#pragma once

#include "device/cpu/nibbles.hpp"

namespace {

template <int kWidth>
struct NibbleVectors {
  typedef float V __attribute__((vector_size(kWidth * 4)));
  typedef float Loose __attribute__((vector_size(kWidth * 4), aligned(4), may_alias));
  typedef int I __attribute__((vector_size(kWidth * 4)));
  typedef unsigned U __attribute__((vector_size(kWidth * 4)));
  typedef unsigned Words __attribute__((vector_size(kWidth * 4), aligned(4), may_alias));
  static constexpr int kVectors = static_cast<int>(hone::cpu::kNibbleColumns) / kWidth;
};

/// each(place along the depth, vector of columns, weights).
template <int kWidth, int kBits, class Each>
[[gnu::always_inline]] inline void each_weight(const hone::cpu::NibblePanel& panel,
                                               const Each& each) {
  constexpr int kIn = 32 / kBits;  // numbers in a word
  using N = NibbleVectors<kWidth>;
  const unsigned* from = panel.words;
  const float *scales = panel.scales, *shifts = panel.shifts;
  for (long first = 0; first < panel.depth; first += panel.block) {
    typename N::V scale[N::kVectors], shift[N::kVectors];
    for (int v = 0; v < N::kVectors; ++v) {
      scale[v] = *reinterpret_cast<const typename N::Loose*>(scales + v * kWidth);
      if (shifts == nullptr) shift[v] = scale[v] * -static_cast<float>(1 << (kBits - 1));
      else shift[v] = *reinterpret_cast<const typename N::Loose*>(shifts + v * kWidth);
    }
    const long left = panel.depth - first, end = first + (panel.block < left ? panel.block : left);
    for (long word = first; word < end; ++word, from += hone::cpu::kNibbleColumns) {
#pragma GCC unroll 4
      for (int v = 0; v < N::kVectors; ++v) {
        typename N::U all = *reinterpret_cast<const typename N::Words*>(from + v * kWidth);
#pragma GCC unroll 8
        for (int i = 0; i < kIn; ++i, all >>= kBits) {
          const auto number = reinterpret_cast<typename N::I>(all & ((1u << kBits) - 1));
          each(kIn * word + i, v,
               __builtin_convertvector(number, typename N::V) * scale[v] + shift[v]);
        }
      }
    }
    scales += hone::cpu::kNibbleColumns;
    if (shifts != nullptr) shifts += hone::cpu::kNibbleColumns;
  }
}

template <int kWidth, int kBits, int kRows>
void multiply_nibbles(const hone::cpu::NibbleRows& rows) {
  using N = NibbleVectors<kWidth>;
  using V = typename N::V;
  // Two sums, so that none waits for the one before.
  V sums[kRows][N::kVectors][2] = {};
  each_weight<kWidth, kBits>(
      rows.panel, [&](long at, int v, V weights) __attribute__((always_inline)) {
        const float* a = rows.a + at;
#pragma GCC unroll 8
        for (int i = 0; i < kRows; ++i, a += rows.a_row) sums[i][v][at & 1] += *a * weights;
      });
  for (int i = 0; i < kRows; ++i) {
    float row[hone::cpu::kNibbleColumns];
    for (int v = 0; v < N::kVectors; ++v)
      *reinterpret_cast<typename N::Loose*>(row + v * kWidth) = sums[i][v][0] + sums[i][v][1];
    for (long j = 0; j < rows.columns; ++j)
      rows.c[i * rows.c_row + j] = row[j] + (rows.bias == nullptr ? 0.0f : rows.bias[j]);
  }
}

/// `kMost`: rows whose sums registers hold.
template <int kWidth, int kBits, int kMost>
void multiply_nibble_groups(const hone::cpu::NibbleRows& all) {
  for (long done = 0; done < all.rows; done += kMost) {
    hone::cpu::NibbleRows rows = all;
    rows.a += done * all.a_row;
    rows.c += done * all.c_row;
    switch (all.rows - done) {
      case 1: multiply_nibbles<kWidth, kBits, 1>(rows); break;
      case 2: multiply_nibbles<kWidth, kBits, 2>(rows); break;
      case 3: multiply_nibbles<kWidth, kBits, (kMost < 3 ? kMost : 3)>(rows); break;
      case 4: multiply_nibbles<kWidth, kBits, (kMost < 4 ? kMost : 4)>(rows); break;
      case 5: multiply_nibbles<kWidth, kBits, (kMost < 5 ? kMost : 5)>(rows); break;
      case 6: multiply_nibbles<kWidth, kBits, (kMost < 6 ? kMost : 6)>(rows); break;
      case 7: multiply_nibbles<kWidth, kBits, (kMost < 7 ? kMost : 7)>(rows); break;
      default: multiply_nibbles<kWidth, kBits, kMost>(rows);
    }
  }
}
template <int kWidth, int kMost>
void multiply_nibble_rows(const hone::cpu::NibbleRows& all) {
  if (all.panel.bits == 4) multiply_nibble_groups<kWidth, 4, kMost>(all);
  else multiply_nibble_groups<kWidth, 8, kMost>(all);
}

template <int kWidth>
void unpack_nibbles(const hone::cpu::NibblePanel& panel, float* to, long stride) {
  using N = NibbleVectors<kWidth>;
  using V = typename N::V;
  const auto put = [&](long at, int v, V weights) __attribute__((always_inline)) {
    *reinterpret_cast<typename N::Loose*>(to + at * stride + v * kWidth) = weights;
  };
  if (panel.bits == 4) each_weight<kWidth, 4>(panel, put);
  else each_weight<kWidth, 8>(panel, put);
}

}  // namespace
