// Compiled once per instruction set; see wide_product.hpp and gemm_micro.hpp.
#pragma once

#include "device/cpu/wide_product.hpp"

namespace {

/// kBytes: of a vector.
template <class T, int kBytes, int kRows>
void wide_block(const hone::cpu::WideBlock& block) {
  typedef T Vector __attribute__((vector_size(kBytes), aligned(sizeof(T)), may_alias));
  typedef T Element __attribute__((may_alias));
  constexpr int kVectors = 2, kWidth = kBytes / static_cast<int>(sizeof(T));
  constexpr int kColumns = kVectors * kWidth;
  Vector sums[kRows][kVectors] = {};
  const auto* a = static_cast<const Element*>(block.a);
  const auto* panel = static_cast<const Element*>(block.panel);
  for (long d = 0; d < block.depth; ++d, a += block.a_depth, panel += kColumns) {
    Vector columns[kVectors];
    for (int j = 0; j < kVectors; ++j)
      columns[j] = *reinterpret_cast<const Vector*>(panel + j * kWidth);
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i) {
      const T factor = a[i * block.a_row];
#pragma GCC unroll 2
      for (int j = 0; j < kVectors; ++j) sums[i][j] += factor * columns[j];
    }
  }
  auto* c = static_cast<Element*>(block.c);
  for (int i = 0; i < kRows; ++i, c += block.c_row) {
    if (block.columns == kColumns) {
      for (int j = 0; j < kVectors; ++j) {
        auto* to = reinterpret_cast<Vector*>(c + j * kWidth);
        *to = block.accumulates ? *to + sums[i][j] : sums[i][j];
      }
      continue;
    }
    T row[kColumns];
    for (int j = 0; j < kVectors; ++j) *reinterpret_cast<Vector*>(row + j * kWidth) = sums[i][j];
    for (long j = 0; j < block.columns; ++j) c[j] = block.accumulates ? c[j] + row[j] : row[j];
  }
}

template <class T, int kBytes>
void wide_rows(const hone::cpu::WideBlock& block) {
  switch (block.rows) {
    case 1: return wide_block<T, kBytes, 1>(block);
    case 2: return wide_block<T, kBytes, 2>(block);
    case 3: return wide_block<T, kBytes, 3>(block);
    case 4: return wide_block<T, kBytes, 4>(block);
    case 5: return wide_block<T, kBytes, 5>(block);
    default: return wide_block<T, kBytes, 6>(block);
  }
}

template <int kBytes>
constexpr hone::cpu::WideProducts wide_products_of() {
  return {2 * kBytes, wide_rows<double, kBytes>, wide_rows<unsigned long, kBytes>,
          wide_rows<unsigned int, kBytes>};
}

}  // namespace
