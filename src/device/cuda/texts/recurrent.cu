// States that are carried along sequences: what the elements of a sequence add to the gates is one
// product for all of them (sums_of_inputs); then a block takes a sequence, its warps the elements of
// the state. F is what is computed in, S what operands are stored as.

/// to[row][column] = x[row] * w[column] + what of_column(column) says: tiles of 64 by 64, of a
/// thread 4 by 4.
template <class F, class S, class OfColumn>
__device__ void sums_of_inputs(F* to, const S* x, const S* w, I rows, I columns, I depth,
                               const OfColumn& of_column) {
  __shared__ F a[16][65], b[16][65];
  const int mine = threadIdx.x % 16 * 4, ours = threadIdx.x / 16 * 4;
  const I across = (columns + 63) / 64, tiles = (rows + 63) / 64 * across;
  for (I tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
    const I row = tile / across * 64, column = tile % across * 64;
    F sums[4][4] = {};
    for (I k = 0; k < depth; k += 16) {
      for (int e = threadIdx.x; e < 16 * 64; e += 256) {
        const int i = e / 16, d = e % 16;
        const bool in = k + d < depth;
        a[d][i] = in && row + i < rows ? number(x[(row + i) * depth + k + d]) : (F)0;
        b[d][i] = in && column + i < columns ? number(w[(column + i) * depth + k + d]) : (F)0;
      }
      __syncthreads();
      for (int d = 0; d < 16; ++d)
        for (int i = 0; i < 4; ++i)
          for (int j = 0; j < 4; ++j) sums[i][j] += a[d][ours + i] * b[d][mine + j];
      __syncthreads();
    }
    for (int i = 0; i < 4; ++i)
      for (int j = 0; j < 4; ++j)
        if (row + ours + i < rows && column + mine + j < columns)
          to[(row + ours + i) * columns + column + mine + j] =
              sums[i][j] + of_column(column + mine + j);
  }
}

/// sums[g] = row `at` + g * apart of r, times the state; all threads of the warp have them.
template <int kGates, class F, class S>
__device__ void sums_of_state(F (&sums)[kGates], const S* r, I at, I apart, const F* state, int n) {
#pragma unroll
  for (int g = 0; g < kGates; ++g) sums[g] = 0;
  for (int k = threadIdx.x % 32; k < n; k += 32) {
    const F x = state[k];
#pragma unroll
    for (int g = 0; g < kGates; ++g) sums[g] += number(r[(at + g * apart) * n + k]) * x;
  }
#pragma unroll
  for (int g = 0; g < kGates; ++g)
    for (int other = 16; other > 0; other /= 2)
      sums[g] += __shfl_xor_sync(0xffffffffu, sums[g], other);
}
