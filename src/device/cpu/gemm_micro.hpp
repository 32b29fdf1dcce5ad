// The inner loop of matrix multiplication, compiled once per instruction set. Includes nothing: an
// inline function shared with other files could be compiled here for a processor that lacks this
// instruction set, and be the copy that the linker keeps.
#pragma once

namespace {

/// c[kRows][kVectors * kWidth] += a * b, all of c in registers meanwhile.
template <int kRows, int kVectors, int kWidth>
void multiply(long depth, const float* a, const float* b, float* c, long stride) {
  typedef float Vector __attribute__((vector_size(kWidth * sizeof(float)), aligned(4), may_alias));
  Vector sums[kRows][kVectors];
  for (int i = 0; i < kRows; ++i)
    for (int j = 0; j < kVectors; ++j)
      sums[i][j] = *reinterpret_cast<const Vector*>(c + i * stride + j * kWidth);
  for (long d = 0; d < depth; ++d) {
    Vector columns[kVectors];
    for (int j = 0; j < kVectors; ++j)
      columns[j] = *reinterpret_cast<const Vector*>(b + j * kWidth);
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 4
      for (int j = 0; j < kVectors; ++j) sums[i][j] += a[i] * columns[j];
    }
    a += kRows;
    b += kVectors * kWidth;
  }
  for (int i = 0; i < kRows; ++i)
    for (int j = 0; j < kVectors; ++j)
      *reinterpret_cast<Vector*>(c + i * stride + j * kWidth) = sums[i][j];
}

}  // namespace
