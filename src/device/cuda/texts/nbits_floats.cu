// Products of f32 with weights of 4 or 8 bits (nbits_weights), by multiply-adds.

__device__ float real_zero_at(const void* zeros, int n, int block) {
  if (kZeros == 0) return (float)(1 << kBits - 1);
  if (kZeros == 1) return (float)zero_at(zeros, n, block);
  return number_at(zeros, (long long)n * kBlocks + block);
}
/// Number i of a word: a whole one.
__device__ float whole_at(unsigned word, int i) {
  constexpr unsigned kMask = (1u << kBits) - 1;
  return __uint_as_float(0x4b000000u | word >> i / 2 * kBits + i % 2 * 16 & kMask) - 8388608.0f;
}
__device__ unsigned word_of(const uint4& x, int w) {
  return w == 0 ? x.x : w == 1 ? x.y : w == 2 ? x.z : x.w;
}
constexpr int kInWord = 32 / kBits;

/// Of few rows of x, kRows at a time: a block has kOwn columns, its warps part the depth.
constexpr int kRows = 4, kOwn = 4, kWarps = 4;
extern "C" __global__ void __launch_bounds__(kWarps * 32)
    few(const float* x, const unsigned char* weights, const void* scales, const void* zeros,
        const float* bias, const float* added, float* y, long long rows) {
  let_others_begin();
  __shared__ float sums[kWarps][kRows][kOwn];
  wait_for_others();
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, n = blockIdx.x * kOwn;
  const long long first = (long long)blockIdx.y * kRows;
  x += first * kDepth, y += first * kColumns;
  const int count = rows - first < kRows ? (int)(rows - first) : kRows;
  float sum[kRows][kOwn] = {};
#pragma unroll 1
  for (int chunk = threadIdx.x; chunk < kChunks; chunk += kWarps * 32) {
    uint4 raw[kOwn];
    float scale[kOwn], zero[kOwn];
    const int block = chunk * kChunk / kBlock;
#pragma unroll
    for (int c = 0; c < kOwn; ++c) {
      const int column = n + c < kColumns ? n + c : kColumns - 1;
      raw[c] = read_once(weights + (long long)column * kRowBytes + chunk * 16);
      scale[c] = number_at(scales, (long long)column * kBlocks + block);
      zero[c] = real_zero_at(zeros, column, block);
    }
    float part[kRows][kOwn] = {};
#pragma unroll
    for (int w = 0; w < 4; ++w)
#pragma unroll
      for (int i = 0; i < kInWord; i += 4) {
        float4 own[kRows];
#pragma unroll
        for (int r = 0; r < kRows; ++r)
          if (r < count)
            own[r] = *(const float4*)(x + (long long)r * kDepth + chunk * kChunk + w * kInWord + i);
          else own[r] = float4{0, 0, 0, 0};
#pragma unroll
        for (int c = 0; c < kOwn; ++c) {
          const unsigned word = word_of(raw[c], w);
          float weight[4];
#pragma unroll
          for (int e = 0; e < 4; ++e) weight[e] = whole_at(word, i + e) - zero[c];
#pragma unroll
          for (int r = 0; r < kRows; ++r)
            part[r][c] += own[r].x * weight[0] + own[r].y * weight[1] + own[r].z * weight[2] +
                          own[r].w * weight[3];
        }
      }
#pragma unroll
    for (int r = 0; r < kRows; ++r)
#pragma unroll
      for (int c = 0; c < kOwn; ++c) sum[r][c] += part[r][c] * scale[c];
  }
#pragma unroll
  for (int r = 0; r < kRows; ++r)
#pragma unroll
    for (int c = 0; c < kOwn; ++c) {
      float all = sum[r][c];
      for (int d = 16; d > 0; d >>= 1) all += __shfl_xor_sync(0xffffffffu, all, d);
      if (lane == 0) sums[warp][r][c] = all;
    }
  __syncthreads();
  const int r = threadIdx.x / kOwn, c = threadIdx.x % kOwn;
  if (r >= count || n + c >= kColumns) return;
  float all = kBias ? bias[n + c] : 0;
#pragma unroll
  for (int w = 0; w < kWarps; ++w) all += sums[w][r][c];
  const long long to = (long long)r * kColumns + n + c;
  y[to] = kAdds ? all + added[first * kColumns + to] : all;
}

/// Of many rows: a block has kTile of them and as many columns, a thread 4 x 4 of its results.
constexpr int kTile = 64, kStep = 32;
extern "C" __global__ void __launch_bounds__(256)
    many(const float* x, const unsigned char* weights, const void* scales, const void* zeros,
         const float* bias, const float* added, float* y, long long rows) {
  let_others_begin();
  __shared__ float of_x[kStep][kTile + 4], of_weights[kStep][kTile + 4];
  wait_for_others();
  const int n = blockIdx.x * kTile, down = threadIdx.x / 16 * 4, right = threadIdx.x % 16 * 4;
  const long long first = (long long)blockIdx.y * kTile;
  float sum[4][4] = {};
#pragma unroll 1
  for (int k = 0; k < kDepth; k += kStep) {
    __syncthreads();
    for (int i = threadIdx.x; i < kTile * (kStep / 4); i += 256) {
      const int row = i / (kStep / 4), at = i % (kStep / 4) * 4;
      float4 four{0, 0, 0, 0};
      if (first + row < rows) four = *(const float4*)(x + (first + row) * kDepth + k + at);
      of_x[at][row] = four.x, of_x[at + 1][row] = four.y;
      of_x[at + 2][row] = four.z, of_x[at + 3][row] = four.w;
    }
    for (int i = threadIdx.x; i < kTile * (kStep / kInWord); i += 256) {
      const int row = i / (kStep / kInWord), w = i % (kStep / kInWord);
      const int column = n + row < kColumns ? n + row : kColumns - 1;
      const unsigned word =
          ((const unsigned*)(weights + (long long)column * kRowBytes))[k / kInWord + w];
      const float zero = real_zero_at(zeros, column, k / kBlock);
      const float scale = number_at(scales, (long long)column * kBlocks + k / kBlock);
#pragma unroll
      for (int e = 0; e < kInWord; ++e)
        of_weights[w * kInWord + e][row] = (whole_at(word, e) - zero) * scale;
    }
    __syncthreads();
#pragma unroll
    for (int j = 0; j < kStep; ++j) {
      const float4 a = *(const float4*)&of_x[j][down], b = *(const float4*)&of_weights[j][right];
      const float p[4] = {a.x, a.y, a.z, a.w}, q[4] = {b.x, b.y, b.z, b.w};
#pragma unroll
      for (int r = 0; r < 4; ++r)
#pragma unroll
        for (int c = 0; c < 4; ++c) sum[r][c] += p[r] * q[c];
    }
  }
#pragma unroll
  for (int r = 0; r < 4; ++r)
#pragma unroll
    for (int c = 0; c < 4; ++c) {
      const int column = n + right + c;
      if (first + down + r >= rows || column >= kColumns) continue;
      const long long to = (first + down + r) * kColumns + column;
      float all = sum[r][c];
      if (kBias) all += bias[column];
      if (kAdds) all += added[to];
      y[to] = all;
    }
}
