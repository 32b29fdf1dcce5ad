// Attention of f32 without scores in memory: a block has 32 queries of one head, four of them for
// each warp, and walks through the keys in tiles of 64. A row's largest score so far and its sum
// are corrected from tile to tile. kHead, kValue: elements of a key, of a value; kMask: 0 none, 1
// numbers that are added, 2 booleans; what else attention_keys.cu says.

__device__ float warp_max(float x) {
  for (int d = 16; d > 0; d >>= 1) x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, d));
  return x;
}
__device__ float warp_sum(float x) {
  for (int d = 16; d > 0; d >>= 1) x += __shfl_xor_sync(0xffffffffu, x, d);
  return x;
}

constexpr int kRows = 4, kQueries = 32, kKeys = 64;
constexpr int kQ = kHead + 4, kV = kValue;
constexpr int kLanes = (kValue + 31) / 32;  // elements of a value that a lane has

extern "C" __global__ void __launch_bounds__(256)
    attention(const float* q, const float* k, const float* v, const void* mask, float* y,
              const void* lengths, long long heads, long long group, long long queries,
              long long keys, long long scale_bits, long long past, Heads of_q, Heads of_k,
              Heads of_v, Heads of_y, Mask of_mask) {
  let_others_begin();
  wait_for_others();
  extern __shared__ float4 memory[];
  float* tq = (float*)memory;
  float* tk = tq + kQueries * kQ;
  float* tv = tk + kKeys * kQ;
  float* tp = tv + kKeys * kV;
  const float infinity = __int_as_float(0x7f800000);
  const float scale = __int_as_float((int)scale_bits), fill = __int_as_float(kFill);
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const long long tiles = (queries + kQueries - 1) / kQueries;
  const long long first = blockIdx.x % tiles * kQueries, head = blockIdx.x / tiles;
  const long long b = head / heads, h = head % heads;
  q += b * of_q.batch + h * of_q.head;
  k += b * of_k.batch + h / group * of_k.head;
  v += b * of_v.batch + h / group * of_v.head;
  y += b * of_y.batch + h * of_y.head;
  const long long masked = b * of_mask.batch + h * of_mask.head;
  const Keys seen_keys(lengths, b, keys, queries, past);
  const long long valid = seen_keys.valid;
  for (int e = threadIdx.x; e < kQueries * kHead; e += 256) {
    const int i = e / kHead, d = e % kHead;
    tq[i * kQ + d] = first + i < queries ? q[(first + i) * of_q.row + d] * scale : 0;
  }
  float most[kRows], sum[kRows], out[kRows][kLanes];
  bool seen[kRows];
  for (int r = 0; r < kRows; ++r) {
    most[r] = -infinity;
    sum[r] = 0;
    seen[r] = false;
    for (int l = 0; l < kLanes; ++l) out[r][l] = 0;
  }
  const long long begin = seen_keys.first(first) / kKeys * kKeys;
  const long long end = seen_keys.end(first + kQueries - 1);
  for (long long j0 = begin; j0 < end; j0 += kKeys) {
    __syncthreads();
    for (int e = threadIdx.x; e < kKeys * kHead; e += 256) {
      const int j = e / kHead, d = e % kHead;
      tk[j * kQ + d] = j0 + j < valid ? k[(j0 + j) * of_k.row + d] : 0;
    }
    for (int e = threadIdx.x; e < kKeys * kValue; e += 256) {
      const int j = e / kValue, d = e % kValue;
      tv[j * kV + d] = j0 + j < valid ? v[(j0 + j) * of_v.row + d] : 0;
    }
    __syncthreads();
    float s[kRows][2] = {};
    for (int d = 0; d < kHead; d += 4) {
      const float4 a = *(const float4*)(tk + lane * kQ + d);
      const float4 c = *(const float4*)(tk + (lane + 32) * kQ + d);
#pragma unroll
      for (int r = 0; r < kRows; ++r) {
        const float4 x = *(const float4*)(tq + (warp * kRows + r) * kQ + d);
        s[r][0] += x.x * a.x + x.y * a.y + x.z * a.z + x.w * a.w;
        s[r][1] += x.x * c.x + x.y * c.y + x.z * c.z + x.w * c.w;
      }
    }
#pragma unroll
    for (int r = 0; r < kRows; ++r) {
      const long long i = first + warp * kRows + r;
      for (int half = 0; half < 2; ++half) {
        const long long j = j0 + lane + 32 * half;
        const bool shown = j >= seen_keys.first(i) && j < seen_keys.end(i);
        float score = capped(s[r][half]);
        bool counts = shown;
        if (kMask != 0 && i < queries && j < of_mask.keys) {
          const long long at = masked + i * of_mask.query + j * of_mask.key;
          if (kMask == 1) {
            const float added = ((const float*)mask)[at];
            score += added;
            counts &= added != -infinity;
          } else {
            const bool chosen = ((const bool*)mask)[at];
            score = chosen ? score : fill;
            counts &= chosen || fill != -infinity;
          }
        } else if (kMask != 0 && j >= of_mask.keys) {
          score = -infinity;
          counts = false;
        }
        seen[r] |= counts;
        s[r][half] = shown ? score : -infinity;
      }
      const float now = fmaxf(most[r], warp_max(fmaxf(s[r][0], s[r][1])));
      const float base = now == -infinity ? 0 : now;
      const float less = most[r] == -infinity ? 0 : expf(most[r] - base);
      most[r] = now;
      float part = 0;
      for (int half = 0; half < 2; ++half) {
        const float p = expf(s[r][half] - base);
        tp[(warp * kRows + r) * kKeys + lane + 32 * half] = p;
        part += p;
      }
      sum[r] = sum[r] * less + warp_sum(part);
      for (int l = 0; l < kLanes; ++l) out[r][l] *= less;
    }
    __syncwarp();
    for (int j = 0; j < kKeys; j += 4) {
      float x[4][kLanes];
#pragma unroll
      for (int t = 0; t < 4; ++t)
#pragma unroll
        for (int l = 0; l < kLanes; ++l)
          x[t][l] = lane + 32 * l < kValue ? tv[(j + t) * kV + lane + 32 * l] : 0;
#pragma unroll
      for (int r = 0; r < kRows; ++r) {
        const float4 p = *(const float4*)(tp + (warp * kRows + r) * kKeys + j);
#pragma unroll
        for (int l = 0; l < kLanes; ++l)
          out[r][l] += p.x * x[0][l] + p.y * x[1][l] + p.z * x[2][l] + p.w * x[3][l];
      }
    }
    __syncwarp();
  }
  for (int r = 0; r < kRows; ++r) {
    const long long i = first + warp * kRows + r;
    const bool any = __any_sync(0xffffffffu, seen[r]);
    if (i >= queries) continue;
    // Keys that are all hidden have no largest score, and shares of 0 / 0; so do scores that are
    // not numbers.
    const bool wrong = !(sum[r] > 0);
    const bool zero = wrong && (kZeroNan || (kZeroUnseen && !any) || valid <= 0);
    for (int l = 0; l < kLanes; ++l)
      if (lane + 32 * l < kValue)
        y[i * of_y.row + lane + 32 * l] = zero ? 0 : out[r][l] / sum[r];
  }
}
