// Attention of halves without scores in memory, on tensor cores: a block has 64 queries of one
// head, 16 of them for each warp, and walks through the keys in tiles of 64; scores and shares stay
// in registers. A row's largest score so far and its sum are corrected from tile to tile. kHead,
// kValue: elements of a key, of a value, multiples of 8; kMask: 0 none, 1 numbers that are added, 2
// booleans; kMaskBits: of such a number; kStages: tiles of keys in shared memory; kLast: how many
// keys behind its own place a query sees, kFirst: before it, -1: all; kSoftcap, kFill,
// kZeroUnseen, kZeroNan as the op has them.
struct Heads {
  long long batch, head, row;
};
struct Mask {
  long long batch, head, query, key, keys;
};

constexpr int kQueries = 64, kKeys = 64;
// In steps of 16 elements, with zeros behind the last; rows begin 16 bytes further among the banks
// than the one before.
constexpr int kSteps = (kHead + 15) / 16, kValueSteps = (kValue + 15) / 16;
constexpr int kPitch = kSteps * 32 + 16, kValuePitch = kValueSteps * 32 + 16;  // bytes
constexpr int kStageBytes = kKeys * (kPitch + kValuePitch);

__device__ void load_turned(unsigned (&x)[4], unsigned at) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(x[0]), "=r"(x[1]), "=r"(x[2]), "=r"(x[3]) : "r"(at) : "memory");
}
__device__ unsigned pair_of(float low, float high) {
  unsigned short x, y;
  if (kBf16) x = to_bf16(low), y = to_bf16(high);
  else x = to_f16(low), y = to_f16(high);
  return x | (unsigned)y << 16;
}
__device__ float quad_max(float x) {
  x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, 1));
  return fmaxf(x, __shfl_xor_sync(0xffffffffu, x, 2));
}
__device__ float quad_sum(float x) {
  x += __shfl_xor_sync(0xffffffffu, x, 1);
  return x + __shfl_xor_sync(0xffffffffu, x, 2);
}

/// Begins to copy 64 rows, zeros behind `rows` of them and behind their elements.
template <int kElements, int kRowBytes>
__device__ void copy_rows(unsigned to, const unsigned short* from, long long row,
                          long long rows) {
  constexpr int kChunks = (kElements + 15) / 16 * 2;
  for (int e = threadIdx.x; e < 64 * kChunks; e += 128) {
    const int r = e / kChunks, c = e % kChunks;
    const bool wanted = r < rows && c * 8 < kElements;
    copy_16(to + r * kRowBytes + c * 16, from + (wanted ? r * row + c * 8 : 0), wanted);
  }
}

/// Powers of 2: scores are in units of that, for which they are multiplied by this.
constexpr float kLogarithm = 1.4426950408889634f;
__device__ float power(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

__device__ float mask_number(const void* mask, long long at) {
  if (kMask == 2) return ((const bool*)mask)[at] ? 1 : 0;
  const float x = kMaskBits == 32 ? ((const float*)mask)[at]
                  : kBf16         ? from_bf16(((const unsigned short*)mask)[at])
                                  : from_f16(((const unsigned short*)mask)[at]);
  return x * kLogarithm;
}
/// What the mask has for a thread's keys of a tile, of which there are `count`, in one row that
/// begins there.
__device__ void take_mask(float (&m)[16], const void* mask, long long at, long long step,
                          int count) {
  const int own = threadIdx.x % 4 * 2;
  if (step == 1 && count >= kKeys) {
#pragma unroll
    for (int n = 0; n < 16; ++n) m[n] = mask_number(mask, at + (own + n / 2 * 8 + n % 2));
  } else {
#pragma unroll
    for (int n = 0; n < 16; ++n) {
      const int j = own + n / 2 * 8 + n % 2;
      m[n] = j < count ? mask_number(mask, at + j * step) : 0;
    }
  }
}

extern "C" __global__ void __launch_bounds__(128)
    attention(const unsigned short* q, const unsigned short* k, const unsigned short* v,
              const void* mask, unsigned short* y, long long heads, long long group,
              long long queries, long long keys, long long scale_bits, Heads of_q, Heads of_k,
              Heads of_v, Heads of_y, Mask of_mask) {
  let_others_begin();
  extern __shared__ uint4 memory[];
  const unsigned tile_q = shared_address(memory), tiles = tile_q + kQueries * kPitch;
  const float infinity = __int_as_float(0x7f800000);
  const float scale = __int_as_float((int)scale_bits), fill = __int_as_float(kFill);
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  // Quotients of 64 bits take long.
  const unsigned blocks = (unsigned)((queries + kQueries - 1) / kQueries);
  const unsigned block_head = blockIdx.x / blocks, at_block = blockIdx.x - block_head * blocks;
  const unsigned at_batch = block_head / (unsigned)heads;
  const long long first = (long long)at_block * kQueries, b = at_batch;
  const long long h = block_head - at_batch * (unsigned)heads;
  const long long of_group = (unsigned)h / (unsigned)group;
  q += b * of_q.batch + h * of_q.head + first * of_q.row;
  k += b * of_k.batch + of_group * of_k.head;
  v += b * of_v.batch + of_group * of_v.head;
  y += b * of_y.batch + h * of_y.head;
  const long long masked = b * of_mask.batch + h * of_mask.head;
  // Keys that some of the queries sees.
  long long begin = 0, end = keys;
  if (kLast >= 0 && first + kQueries + kLast < end) end = first + kQueries + kLast;
  if (kFirst >= 0 && first - kFirst > 0) begin = (first - kFirst) / kKeys * kKeys;
  const auto load = [&](long long j0, int stage) {
    const unsigned to = tiles + stage * kStageBytes;
    copy_rows<kHead, kPitch>(to, k + j0 * of_k.row, of_k.row, keys - j0);
    copy_rows<kValue, kValuePitch>(to + kKeys * kPitch, v + j0 * of_v.row, of_v.row, keys - j0);
  };
  wait_for_others();
  copy_rows<kHead, kPitch>(tile_q, q, of_q.row, queries - first);
  if (kStages > 1 && begin < end) load(begin, 0);
  end_copies();
  float most[2] = {-infinity, -infinity}, sum[2] = {}, out[kValueSteps * 2][4] = {};
  bool seen[2] = {};
  int stage = 0;
  for (long long j0 = begin; j0 < end; j0 += kKeys) {
    if (kStages == 1) {
      __syncthreads();
      load(j0, 0);
      end_copies();
    }
    wait_copies<0>();
    __syncthreads();
    if (kStages > 1) {
      if (j0 + kKeys < end) load(j0 + kKeys, stage ^ 1);
      end_copies();
    }
    const unsigned tile_k = tiles + stage * kStageBytes, tile_v = tile_k + kKeys * kPitch;
    if (kStages > 1) stage ^= 1;
    // Masks come while scores are multiplied.
    const int row = (int)(warp * 16 + lane / 4), own = lane % 4 * 2;
    const long long masked_keys = kMask == 0 ? keys : of_mask.keys < keys ? of_mask.keys : keys;
    const int shown_keys = (int)(masked_keys - j0 < kKeys ? masked_keys - j0 : kKeys);
    float m[2][16];
    if (kMask != 0) {
      const long long i = first + row, last = queries - 1;
      const long long at = masked + j0 * of_mask.key;
      take_mask(m[0], mask, at + (i < last ? i : last) * of_mask.query, of_mask.key, shown_keys);
      if (of_mask.query == 0) {
#pragma unroll
        for (int n = 0; n < 16; ++n) m[1][n] = m[0][n];
      } else {
        take_mask(m[1], mask, at + (i + 8 < last ? i + 8 : last) * of_mask.query, of_mask.key,
                  shown_keys);
      }
    }
    float s[8][4] = {};
#pragma unroll
    for (int d = 0; d < kSteps; ++d) {
      unsigned x[4];
      load_blocks(x, tile_q + (warp * 16 + lane % 16) * kPitch + d * 32 + lane / 16 * 16);
#pragma unroll
      for (int n = 0; n < 8; n += 2) {
        unsigned z[4];
        load_blocks(z, tile_k + (n * 8 + lane % 8 + lane / 16 * 8) * kPitch + d * 32 +
                           lane / 8 % 2 * 16);
        multiply_add(s[n], x, z[0], z[1]);
        multiply_add(s[n + 1], x, z[2], z[3]);
      }
    }
#pragma unroll
    for (int n = 0; n < 8; ++n)
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        float score = s[n][e] * (kSoftcap != 0 ? scale : scale * kLogarithm);
        if (kSoftcap != 0) {
          const float cap = __int_as_float(kSoftcap);
          score = cap * kLogarithm * tanhf(score / cap);
        }
        const float masks = kMask == 0 ? 0 : m[e / 2][n * 2 + e % 2];
        if (kMask == 1) score += masks;
        if (kMask == 2) score = masks != 0 ? score : fill * kLogarithm;
        s[n][e] = score;
      }
    // Where some of the keys are hidden from some of the queries: which.
    const int to_last = kLast < 0 ? 0 : (int)(first + kLast - j0);  // of query 0, in the tile
    const int to_first = kFirst < 0 ? 0 : (int)(first - kFirst - j0);
    const bool whole = shown_keys >= kKeys && (kLast < 0 || to_last >= kKeys - 1) &&
                       (kFirst < 0 || to_first + kQueries - 1 <= 0);
    if (!whole || kZeroUnseen) {
#pragma unroll
      for (int n = 0; n < 8; ++n)
#pragma unroll
        for (int e = 0; e < 4; ++e) {
          const int j = own + n * 8 + e % 2, i = row + e / 2 * 8;
          const bool shown = j < shown_keys && (kLast < 0 || j <= to_last + i) &&
                             (kFirst < 0 || j >= to_first + i);
          const float masks = kMask == 0 ? 0 : m[e / 2][n * 2 + e % 2];
          seen[e / 2] |= shown && (kMask == 0 || (kMask == 1 ? masks != -infinity
                                                             : masks != 0 || fill != -infinity));
          if (!shown) s[n][e] = -infinity;
        }
    }
    float now[2] = {most[0], most[1]};
#pragma unroll
    for (int n = 0; n < 8; ++n)
#pragma unroll
      for (int e = 0; e < 4; ++e) now[e / 2] = fmaxf(now[e / 2], s[n][e]);
    float less[2], base[2], part[2] = {};
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      now[r] = quad_max(now[r]);
      base[r] = now[r] == -infinity ? 0 : now[r];
      less[r] = most[r] == -infinity ? 0 : power(most[r] - base[r]);
      most[r] = now[r];
    }
#pragma unroll
    for (int n = 0; n < 8; ++n)
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        s[n][e] = power(s[n][e] - base[e / 2]);
        part[e / 2] += s[n][e];
      }
#pragma unroll
    for (int r = 0; r < 2; ++r) sum[r] = sum[r] * less[r] + part[r];
#pragma unroll
    for (int d = 0; d < kValueSteps * 2; ++d)
#pragma unroll
      for (int e = 0; e < 4; ++e) out[d][e] *= less[e / 2];
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      const unsigned x[4] = {pair_of(s[2 * j][0], s[2 * j][1]), pair_of(s[2 * j][2], s[2 * j][3]),
                             pair_of(s[2 * j + 1][0], s[2 * j + 1][1]),
                             pair_of(s[2 * j + 1][2], s[2 * j + 1][3])};
#pragma unroll
      for (int d = 0; d < kValueSteps; ++d) {
        unsigned z[4];
        load_turned(z, tile_v + (j * 16 + lane % 16) * kValuePitch + d * 32 + lane / 16 * 16);
        multiply_add(out[2 * d], x, z[0], z[1]);
        multiply_add(out[2 * d + 1], x, z[2], z[3]);
      }
    }
  }
#pragma unroll
  for (int r = 0; r < 2; ++r) {
    const float all = quad_sum(sum[r]);
    bool any = seen[r];
    any |= __shfl_xor_sync(0xffffffffu, (int)any, 1) != 0;
    any |= __shfl_xor_sync(0xffffffffu, (int)any, 2) != 0;
    const long long i = first + warp * 16 + lane / 4 + r * 8;
    // Keys that are all hidden have no largest score, and shares of 0 / 0; so do scores that are
    // not numbers.
    const bool wrong = !(all > 0);
    const bool zero = wrong && (kZeroNan || (kZeroUnseen && !any));
    if (i >= queries) continue;
    const float share = 1 / all;
#pragma unroll
    for (int d = 0; d < kValueSteps * 2; ++d)
      if (d * 8 < kValue)
        *(unsigned*)(y + i * of_y.row + d * 8 + lane % 4 * 2) =
            zero ? 0u : pair_of(out[d][2 * r] * share, out[d][2 * r + 1] * share);
  }
}
