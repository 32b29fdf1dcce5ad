// Attention of halves without scores in memory, on tensor cores: a warp has 16 queries of one head
// and walks through the keys in tiles; scores and shares stay in registers. A row's largest score
// so far and its sum are corrected from tile to tile. The text before this one (attention_warps,
// attention_groups) says how tiles lie and are multiplied: kQueries, kKeys, kStages, kThreads,
// load_rows, load_queries, begin_scores, add_values and more; sums of a warp's 16 rows lie as
// mma.sync has them. kHead, kValue: elements of a key, of a value, multiples of 8; kMask: 0 none, 1
// numbers that are added, 2 booleans; kMaskBits: of such a number; kMaskRows: 1: it has one row for
// all queries, else 2; kBlocks: that share a multiprocessor; what else attention_keys.cu says.

__device__ float quad_max(float x) {
  x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, 1));
  return fmaxf(x, __shfl_xor_sync(0xffffffffu, x, 2));
}
__device__ float quad_sum(float x) {
  x += __shfl_xor_sync(0xffffffffu, x, 1);
  return x + __shfl_xor_sync(0xffffffffu, x, 2);
}
constexpr float kLogarithm = 1.4426950408889634f;  // of e, base 2

/// Numbers of a mask side by side as they lie in memory: two, and both of them as numbers.
template <int kBits> struct Shown {
  unsigned raw;
  __device__ void take(const char* mask, int at) {
    raw = *(const unsigned*)((const unsigned short*)mask + at);
  }
  __device__ void take(const char* mask, int first, int second) {
    const unsigned short* of = (const unsigned short*)mask;
    raw = of[first] | (unsigned)of[second] << 16;
  }
  __device__ float number(int e) const {
    const unsigned short half = (unsigned short)(raw >> e * 16);
    return kBf16 ? from_bf16(half) : from_f16(half);
  }
};
template <> struct Shown<32> {
  float2 raw;
  __device__ void take(const char* mask, int at) {
    raw = *(const float2*)((const float*)mask + at);
  }
  __device__ void take(const char* mask, int first, int second) {
    raw = {((const float*)mask)[first], ((const float*)mask)[second]};
  }
  __device__ float number(int e) const { return e == 0 ? raw.x : raw.y; }
};
template <> struct Shown<8> {
  unsigned short raw;
  __device__ void take(const char* mask, int at) {
    raw = *(const unsigned short*)((const unsigned char*)mask + at);
  }
  __device__ void take(const char* mask, int first, int second) {
    const unsigned char* of = (const unsigned char*)mask;
    raw = (unsigned short)(of[first] | of[second] << 8);
  }
  __device__ float number(int e) const { return (raw >> e * 8 & 255) != 0 ? 1 : 0; }
};

/// What the mask has for a thread's keys of a tile, of which there are `count`, side by side from
/// there on. `pairs`: two are read at once.
template <int kBits>
__device__ void take_mask(Shown<kBits> (&m)[kKeys / 8], const void* mask, long long at, int count,
                          bool pairs) {
  const char* from = (const char*)mask + at * (kBits / 8);
  const int own = (int)threadIdx.x % 4 * 2;
  if (pairs && count >= kKeys) {
#pragma unroll
    for (int n = 0; n < kKeys / 8; ++n) m[n].take(from, own + n * 8);
  } else {
#pragma unroll
    for (int n = 0; n < kKeys / 8; ++n) {
      const int j = own + n * 8, last = count - 1;
      m[n].raw = {};
      if (count > 0) m[n].take(from, j < last ? j : last, j < last ? j + 1 : last);
    }
  }
}

/// Four words of each of four threads side by side: number i of thread t becomes t of thread i.
__device__ void turn_quad(unsigned (&x)[4]) {
  const bool odd = threadIdx.x % 2 != 0, high = threadIdx.x / 2 % 2 != 0;
#pragma unroll
  for (int i = 0; i < 4; i += 2) {
    const unsigned other = __shfl_xor_sync(0xffffffffu, odd ? x[i] : x[i + 1], 1);
    if (odd) x[i] = other;
    else x[i + 1] = other;
  }
#pragma unroll
  for (int i = 0; i < 2; ++i) {
    const unsigned other = __shfl_xor_sync(0xffffffffu, high ? x[i] : x[i + 2], 2);
    if (high) x[i] = other;
    else x[i + 2] = other;
  }
}

extern "C" __global__ void __launch_bounds__(kThreads, kBlocks)
    attention(const unsigned short* q, const unsigned short* k, const unsigned short* v,
              const void* mask, unsigned short* y, const void* lengths, long long heads,
              long long group, long long queries, long long keys, long long scale_bits,
              long long past, Heads of_q, Heads of_k, Heads of_v, Heads of_y, Mask of_mask) {
  let_others_begin();
  extern __shared__ uint4 memory[];
  const unsigned tile_q = shared_address(memory) + kAligned - 1 & ~(kAligned - 1u);
  const unsigned tiles = tile_q + kQueryBytes;
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
  constexpr int kShownBits = kMask == 2 ? 8 : kMaskBits == 32 ? 32 : 16;
  const bool pairs = masked % 2 == 0 && of_mask.query % 2 == 0 &&
                     (unsigned long long)mask % (kShownBits / 4) == 0;
  wait_for_others();
  const Keys seen_keys(lengths, b, keys, queries, past);
  const long long valid = seen_keys.valid;
  // Keys that some of the queries sees.
  const long long begin = seen_keys.first(first) / kKeys * kKeys;
  const long long end = seen_keys.end(first + kQueries - 1);
  const auto load = [&](long long j0, int stage) {
    const unsigned to = tiles + stage * kStageBytes;
    load_rows<kHead, kKeys>(to, k + j0 * of_k.row, of_k.row, valid - j0);
    load_rows<kValue, kKeys>(to + kKeyBytes, v + j0 * of_v.row, of_v.row, valid - j0);
  };
  load_queries(tile_q, q, of_q.row, queries - first);
#pragma unroll
  for (int s = 0; s < kStages; ++s) {
    if (begin + s * kKeys < end) load(begin + s * kKeys, s);
    end_copies();
  }
  const int row = (int)(warp * 16 + lane / 4), own = lane % 4 * 2;
  const long long masked_keys = kMask == 0 || of_mask.keys > valid ? valid : of_mask.keys;
  const auto shown_at = [&](long long j0) {
    return (int)(masked_keys - j0 < kKeys ? masked_keys - j0 : kKeys);
  };
  // Of the tile that is next: they are asked for long before.
  Shown<kShownBits> m[kMaskRows][kKeys / 8];
  const auto ask_for_mask = [&](long long j0) {
#pragma unroll
    for (int r = 0; r < kMaskRows; ++r) {
      const long long i = first + row + r * 8, last = queries - 1;
      take_mask(m[r], mask, masked + j0 + (i < last ? i : last) * of_mask.query, shown_at(j0),
                pairs);
    }
  };
  if (kMask != 0 && begin < end) ask_for_mask(begin);
  // Scores are as they come where a factor is all that is missing.
  const bool raw = kMask == 0 && kSoftcap == 0 && scale > 0;
  const float factor = raw ? scale * kLogarithm : kLogarithm;
  float most[2] = {-infinity, -infinity}, sum[2] = {}, out[kSums] = {};
  bool seen[2] = {};
  int stage = 0;
#pragma unroll 1
  for (long long j0 = begin; j0 < end; j0 += kKeys) {
    wait_copies<kStages - 1>();
    show_tiles();
    __syncthreads();
    const unsigned tile_k = tiles + stage * kStageBytes, tile_v = tile_k + kKeyBytes;
    float s[kKeys / 2];
    begin_scores(s, tile_q, tile_k);
    const int shown_keys = shown_at(j0);
    end_scores(s);
    if (!raw) {
#pragma unroll
      for (int n = 0; n < kKeys / 2; ++n) {
        float score = capped(s[n] * scale);
        if (kMask != 0) {
          const float masks = m[n / 2 % kMaskRows][n / 4].number(n % 2);
          score = kMask == 1 ? score + masks : masks != 0 ? score : fill;
        }
        s[n] = score;
      }
    }
    // Where some of the keys are hidden from some of the queries: which.
    const long long place = seen_keys.place + first - j0;  // of query 0, in the tile
    const int to_last = kLast < 0 ? 0 : (int)(place + kLast);
    const int to_first = kFirst < 0 ? 0 : (int)(place - kFirst);
    const bool whole = shown_keys >= kKeys && (kLast < 0 || to_last >= kKeys - 1) &&
                       (kFirst < 0 || to_first + kQueries - 1 <= 0);
    if (!whole || kZeroUnseen) {
#pragma unroll
      for (int n = 0; n < kKeys / 2; ++n) {
        const int j = own + n / 4 * 8 + n % 2, r = n / 2 % 2, i = row + r * 8;
        const bool shown = j < shown_keys && (kLast < 0 || j <= to_last + i) &&
                           (kFirst < 0 || j >= to_first + i);
        const float masks = kMask == 0 ? 0 : m[r % kMaskRows][n / 4].number(n % 2);
        seen[r] |= shown && (kMask == 0 || (kMask == 1 ? masks != -infinity
                                                       : masks != 0 || fill != -infinity));
        if (!shown) s[n] = -infinity;
      }
    }
    if (kMask != 0 && j0 + kKeys < end) ask_for_mask(j0 + kKeys);
    float now[2] = {most[0], most[1]};
#pragma unroll
    for (int n = 0; n < kKeys / 2; ++n) now[n / 2 % 2] = fmaxf(now[n / 2 % 2], s[n]);
    float less[2], base[2], part[2] = {};
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      now[r] = quad_max(now[r]);
      base[r] = now[r] == -infinity ? 0 : now[r] * factor;
      less[r] = most[r] == -infinity ? 0 : power_of_2(most[r] * factor - base[r]);
      most[r] = now[r];
    }
#pragma unroll
    for (int n = 0; n < kKeys / 2; ++n) {
      s[n] = power_of_2(__fmaf_rn(s[n], factor, -base[n / 2 % 2]));
      part[n / 2 % 2] += s[n];
    }
#pragma unroll
    for (int r = 0; r < 2; ++r) sum[r] = sum[r] * less[r] + part[r];
    if (j0 != begin) {
#pragma unroll
      for (int d = 0; d < kSums; ++d) out[d] *= less[d / 2 % 2];
    }
    unsigned shares[kKeys / 16][4];
#pragma unroll
    for (int n = 0; n < kKeys / 4; ++n) shares[n / 4][n % 4] = pair_of(s[2 * n], s[2 * n + 1]);
    add_values(out, shares, tile_v);
    if (j0 + kStages * kKeys < end) {
      __syncthreads();
      load(j0 + kStages * kKeys, stage);
    }
    end_copies();
    if (kStages > 1) stage = stage + 1 == kStages ? 0 : stage + 1;
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
    const bool zero = wrong && (kZeroNan || (kZeroUnseen && !any) || valid <= 0);
    const float share = 1 / all;
#pragma unroll
    for (int c = 0; c < kSums / 4; c += 4) {
      unsigned words[4];
#pragma unroll
      for (int d = 0; d < 4; ++d)
        words[d] = zero ? 0u : pair_of(out[(c + d) * 4 + 2 * r] * share,
                                       out[(c + d) * 4 + 2 * r + 1] * share);
      turn_quad(words);
      const int column = (c + lane % 4) * 8;
      if (i < queries && column < kValue)
        *(uint4*)(y + i * of_y.row + column) = {words[0], words[1], words[2], words[3]};
    }
  }
}
