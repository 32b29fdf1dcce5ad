// Integers whose operands are added up beside their products, for zero points; stands behind
// tensor.cu.

/// Four elements side by side, added to a sum.
template <bool kSigned> __device__ int add_up(int sum, unsigned four) {
  return kSigned ? __dp4a((int)four, 0x01010101, sum)
                 : (int)__dp4a(four, 0x01010101u, (unsigned)sum);
}

/// As multiply_warp; what a thread has seen of rows (of 16: the lane's fourth, and 8 further) and
/// of columns (of 8: the lane's fourth) is added to `rows` and `columns`.
template <int kDown, int kRight>
__device__ void multiply_warp(int (&sums)[kDown][kRight * 4], int (&rows)[kDown][2],
                              int (&columns)[kRight], unsigned a, unsigned b) {
  const unsigned lane = threadIdx.x % 32;
  const unsigned row_a = lane % 16, row_b = lane % 8 + lane / 16 * 8;
#pragma unroll
  for (unsigned k = 0; k < 8; k += 2) {
    unsigned x[kDown][4];
#pragma unroll
    for (int i = 0; i < kDown; ++i) {
      load_blocks(x[i], a + (i * 16 + row_a) * 128 + ((k + lane / 16 ^ row_a % 8) << 4));
#pragma unroll
      for (int part = 0; part < 4; ++part)
        rows[i][part % 2] = add_up<kSignedA>(rows[i][part % 2], x[i][part]);
    }
#pragma unroll
    for (int j = 0; j < kRight; j += 2) {
      unsigned y[4];
      load_blocks(y, b + (j * 8 + row_b) * 128 + ((k + lane / 8 % 2 ^ row_b % 8) << 4));
#pragma unroll
      for (int part = 0; part < 4; ++part)
        columns[j + part / 2] = add_up<kSignedB>(columns[j + part / 2], y[part]);
#pragma unroll
      for (int i = 0; i < kDown; ++i) {
        multiply_add(sums[i] + j * 4, x[i], y[0], y[1]);
        multiply_add(sums[i] + j * 4 + 4, x[i], y[2], y[3]);
      }
    }
  }
}

/// Sums of (a - a_zero) * (b - b_zero), `count` products each.
template <int kDown, int kRight>
__device__ void take_zeros(int (&sums)[kDown][kRight * 4], int (&rows)[kDown][2],
                           int (&columns)[kRight], int a_zero, int b_zero, int count) {
  constexpr unsigned kAll = 0xffffffffu;
  const int lane = threadIdx.x % 32;
  const int both = count * a_zero * b_zero;
#pragma unroll
  for (int i = 0; i < kDown; ++i)
#pragma unroll
    for (int h = 0; h < 2; ++h) {
      rows[i][h] += __shfl_xor_sync(kAll, rows[i][h], 1);
      rows[i][h] += __shfl_xor_sync(kAll, rows[i][h], 2);
    }
#pragma unroll
  for (int j = 0; j < kRight; ++j) {
    columns[j] += __shfl_xor_sync(kAll, columns[j], 1);
    columns[j] += __shfl_xor_sync(kAll, columns[j], 2);
#pragma unroll
    for (int e = 0; e < 2; ++e) {
      const int column = __shfl_sync(kAll, columns[j], (lane % 4 * 2 + e) * 4);
#pragma unroll
      for (int i = 0; i < kDown; ++i)
#pragma unroll
        for (int h = 0; h < 2; ++h)
          sums[i][j * 4 + h * 2 + e] += both - a_zero * column - b_zero * rows[i][h];
    }
  }
}
