// Attention of halves for few queries, as a language model has them when it writes: a block has the
// queries of all heads that share keys, 16 rows at most, and a part of the keys; its warps take 16
// keys each in turn. Each thread copies what it will multiply to shared memory of its own, kStages
// turns of which are on their way, so that none waits for another. A row is a query of a head: row % queries of the
// head row / queries of those that share. What parts found is put together by `combine`; one part
// alone writes results. Keys and values may be those of the past and behind them new ones; where a
// model wants both together, they are written where they are read. kPast: there are such of the
// past; kKeeps: both are wanted. kHead, kValue: elements of a key, of a value, multiples of 8;
// kMask: 0 none, 1 numbers that are added, 2 booleans; kMaskBits: of such a number; what else
// attention_keys.cu says.
//
// The depth of scores is counted in the order in which a thread has elements: threads t of four
// read 8 side by side, the first 4 are of one product, the others of the next. Columns of
// values are, too: number n of product e is element 8 * n + e.
constexpr int kWarps = 4, kStep = 16;
constexpr int kChunks = (kHead + 31) / 32, kValueChunks = (kValue + 63) / 64;
constexpr int kSlots = 2 * kChunks + 4 * kValueChunks;  // 16 bytes of each thread
constexpr int kStageBytes = kSlots * 32 * 16;           // of a warp
constexpr int kCombining = 256, kColumns = (kValue + 31) / 32 * 32;
constexpr int kGroups = kCombining / kColumns;
constexpr int kPitch = kValue + 1;  // of a row of sums: threads of 8 rows meet in no bank
constexpr float kLogarithm = 1.4426950408889634f;  // of e, base 2

/// What a part found out about a row: the largest score, the sum of shares, whether it sees a key.
struct Found {
  float most, sum, seen;
};

__device__ float quad_max(float x) {
  x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, 1));
  return fmaxf(x, __shfl_xor_sync(0xffffffffu, x, 2));
}
__device__ float quad_sum(float x) {
  x += __shfl_xor_sync(0xffffffffu, x, 1);
  return x + __shfl_xor_sync(0xffffffffu, x, 2);
}
__device__ float power_of_e(float x) { return power_of_2(x * kLogarithm); }
__device__ float mask_number(const void* mask, long long at) {
  if (kMask == 2) return ((const unsigned char*)mask)[at] != 0 ? 1 : 0;
  if (kMaskBits == 32) return ((const float*)mask)[at];
  const unsigned short half = ((const unsigned short*)mask)[at];
  return kBf16 ? from_bf16(half) : from_f16(half);
}
/// Element e of both, side by side.
__device__ unsigned both_of(const uint4& a, const uint4& b, int e) {
  const unsigned x = e < 2 ? a.x : e < 4 ? a.y : e < 6 ? a.z : a.w;
  const unsigned z = e < 2 ? b.x : e < 4 ? b.y : e < 6 ? b.z : b.w;
  return __byte_perm(x, z, e % 2 != 0 ? 0x7632 : 0x5410);
}
__device__ void put_result(unsigned short* to, float x) { *to = kBf16 ? to_bf16(x) : to_f16(x); }

/// Rows of keys or values: of the past, then new ones.
struct Rows {
  const unsigned short *past, *fresh;
  long long count, pitch;  // of the past; between new ones

  __device__ const unsigned short* at(long long j, int width) const {
    return kPast && j < count ? past + j * width : fresh + (j - count) * pitch;
  }
};

extern "C" __global__ void __launch_bounds__(kWarps * 32)
    attention_few(const unsigned short* q, const unsigned short* k, const unsigned short* v,
                  const void* mask, unsigned short* y, const void* lengths,
                  const unsigned short* past_k, const unsigned short* past_v,
                  unsigned short* __restrict__ all_k, unsigned short* __restrict__ all_v,
                  Found* found, float* sums,
                  long long heads, long long group, long long queries, long long keys,
                  long long scale_bits, long long past, long long parts, long long part_keys,
                  Heads of_q, Heads of_k, Heads of_v, Heads of_y, Mask of_mask) {
  let_others_begin();
  extern __shared__ uint4 memory[];
  float* room = (float*)memory;  // once all keys are done
  __shared__ Found of_warps[kWarps][16];
  const float infinity = __int_as_float(0x7f800000);
  const float scale = __int_as_float((int)scale_bits), fill = __int_as_float(kFill);
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, t = lane % 4, g = lane / 4;
  const unsigned block_head = blockIdx.x / (unsigned)parts;
  const unsigned part = blockIdx.x - block_head * (unsigned)parts;
  const unsigned kv_heads = (unsigned)(heads / group);
  const long long b = block_head / kv_heads, kv = block_head - (unsigned)b * kv_heads;
  const int rows = (int)(group * queries), of_head = (int)queries;
  const Rows key_rows{past_k + block_head * past * kHead,
                      k + b * of_k.batch + kv * of_k.head, past, of_k.row};
  const Rows value_rows{past_v + block_head * past * kValue,
                        v + b * of_v.batch + kv * of_v.head, past, of_v.row};
  all_k += block_head * keys * kHead;
  all_v += block_head * keys * kValue;
  // Of this thread: rows g and g + 8.
  long long query[2], masked[2];
  unsigned x[kChunks][2][4];  // queries, as products of four chunks want them
  wait_for_others();
#pragma unroll
  for (int r = 0; r < 2; ++r) {
    const int row = g + r * 8 < rows ? g + r * 8 : rows - 1;
    const long long h = kv * group + row / of_head;
    query[r] = row % of_head;
    masked[r] = b * of_mask.batch + h * of_mask.head + query[r] * of_mask.query;
    const unsigned short* from = q + b * of_q.batch + h * of_q.head + query[r] * of_q.row;
#pragma unroll
    for (int c = 0; c < kChunks; ++c) {
      uint4 eight = {};
      if (c * 32 + t * 8 < kHead) eight = *(const uint4*)(from + c * 32 + t * 8);
      x[c][0][r] = eight.x, x[c][0][r + 2] = eight.y;
      x[c][1][r] = eight.z, x[c][1][r + 2] = eight.w;
    }
  }
  const Keys seen_keys(lengths, b, keys, queries, past);
  if (kLengthMore != 0) {  // a cache may have room for many more than are there
    const unsigned turns = ((unsigned)seen_keys.valid + 63) / 64;
    part_keys = (turns + (unsigned)parts - 1) / (unsigned)parts * 64;
  }
  long long begin = part * part_keys, end = begin + part_keys;
  if (end > (kKeeps ? keys : seen_keys.valid)) end = kKeeps ? keys : seen_keys.valid;
  if (!kKeeps && begin < seen_keys.first(0)) begin = seen_keys.first(0) / kStep * kStep;
  float most[2] = {-infinity, -infinity}, sum[2] = {};
  float out[kValueChunks][8][4] = {};
  bool seen[2] = {};
  const unsigned ring = shared_address(memory) + (warp * kStages * kSlots * 32 + lane) * 16;
  const auto load = [&](long long j0, int stage) {
    const unsigned to = ring + stage * kStageBytes;
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      const long long j = j0 + i * 8 + g;
      const unsigned short* from = key_rows.at(j, kHead);
#pragma unroll
      for (int c = 0; c < kChunks; ++c) {
        const bool wanted = j < end && c * 32 + t * 8 < kHead;
        copy_16(to + (i * kChunks + c) * 512, wanted ? from + c * 32 + t * 8 : q, wanted);
      }
    }
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const long long j = j0 + i / 2 * 8 + t * 2 + i % 2;
      const unsigned short* from = value_rows.at(j, kValue);
#pragma unroll
      for (int c = 0; c < kValueChunks; ++c) {
        const bool wanted = j < end && c * 64 + g * 8 < kValue;
        copy_16(to + (2 * kChunks + i * kValueChunks + c) * 512,
                wanted ? from + c * 64 + g * 8 : q, wanted);
      }
    }
  };
  const long long first = begin + warp * kStep;
#pragma unroll
  for (int stage = 0; stage < kStages; ++stage) {
    const long long j0 = first + stage * kWarps * kStep;
    if (j0 < end) load(j0, stage);
    end_copies();
  }
  int stage = 0;
#pragma unroll 1
  for (long long j0 = first; j0 < end; j0 += kWarps * kStep) {
    wait_copies<kStages - 1>();
    const unsigned at = ring + stage * kStageBytes;
    uint4 own_k[2][kChunks], own_v[4][kValueChunks];
#pragma unroll
    for (int i = 0; i < 2; ++i)
#pragma unroll
      for (int c = 0; c < kChunks; ++c) {
        own_k[i][c] = load_16(at + (i * kChunks + c) * 512);
        const long long j = j0 + i * 8 + g;
        if (kKeeps && j < end && c * 32 + t * 8 < kHead)
          *(uint4*)(all_k + j * kHead + c * 32 + t * 8) = own_k[i][c];
      }
    float s[8] = {};
#pragma unroll
    for (int c = 0; c < kChunks; ++c)
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        multiply_add(s + i * 4, x[c][0], own_k[i][c].x, own_k[i][c].y);
        multiply_add(s + i * 4, x[c][1], own_k[i][c].z, own_k[i][c].w);
      }
    float now[2] = {most[0], most[1]};
#pragma unroll
    for (int n = 0; n < 8; ++n) {
      const int r = n / 2 % 2;
      const long long j = j0 + n / 4 * 8 + t * 2 + n % 2;
      bool shown = j >= seen_keys.first(query[r]) && j < seen_keys.end(query[r]);
      if (kMask != 0) shown &= j < of_mask.keys;
      float score = capped(s[n] * scale);
      bool counts = shown;
      if (kMask != 0 && shown) {
        const float masks = mask_number(mask, masked[r] + j * of_mask.key);
        score = kMask == 1 ? score + masks : masks != 0 ? score : fill;
        counts = kMask == 1 ? masks != -infinity : masks != 0 || fill != -infinity;
      }
      seen[r] |= counts;
      s[n] = shown ? score : -infinity;
      now[r] = fmaxf(now[r], s[n]);
    }
    float base[2];
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      now[r] = quad_max(now[r]);
      base[r] = now[r] == -infinity ? 0 : now[r];
      const float less = most[r] == -infinity ? 0 : power_of_e(most[r] - base[r]);
      most[r] = now[r];
      sum[r] *= less;
#pragma unroll
      for (int c = 0; c < kValueChunks; ++c)
#pragma unroll
        for (int e = 0; e < 8; ++e) out[c][e][r * 2] *= less, out[c][e][r * 2 + 1] *= less;
    }
#pragma unroll
    for (int n = 0; n < 8; ++n) {
      s[n] = power_of_e(s[n] - base[n / 2 % 2]);
      sum[n / 2 % 2] += s[n];
    }
    const unsigned shares[4] = {pair_of(s[0], s[1]), pair_of(s[2], s[3]), pair_of(s[4], s[5]),
                                pair_of(s[6], s[7])};
#pragma unroll
    for (int i = 0; i < 4; ++i)
#pragma unroll
      for (int c = 0; c < kValueChunks; ++c) {
        own_v[i][c] = load_16(at + (2 * kChunks + i * kValueChunks + c) * 512);
        const long long j = j0 + i / 2 * 8 + t * 2 + i % 2;
        if (kKeeps && j < end && c * 64 + g * 8 < kValue)
          *(uint4*)(all_v + j * kValue + c * 64 + g * 8) = own_v[i][c];
        if (kKeeps && kLengthBits != 0 && j >= seen_keys.valid) own_v[i][c] = {};
      }
#pragma unroll
    for (int c = 0; c < kValueChunks; ++c) {
#pragma unroll
      for (int e = 0; e < 8; ++e)
        multiply_add(out[c][e], shares, both_of(own_v[0][c], own_v[1][c], e),
                     both_of(own_v[2][c], own_v[3][c], e));
    }
    if (j0 + kStages * kWarps * kStep < end) load(j0 + kStages * kWarps * kStep, stage);
    end_copies();
    stage = stage + 1 == kStages ? 0 : stage + 1;
  }
  // Warps bring what they have to one base, in memory that copies are through with.
#pragma unroll
  for (int r = 0; r < 2; ++r) {
    const float all = quad_sum(sum[r]);
    bool any = seen[r];
    any |= __shfl_xor_sync(0xffffffffu, (int)any, 1) != 0;
    any |= __shfl_xor_sync(0xffffffffu, (int)any, 2) != 0;
    if (t == 0) of_warps[warp][g + r * 8] = {most[r], all, any ? 1.0f : 0.0f};
  }
  __syncthreads();
  float less[2];
  Found both[2];
#pragma unroll
  for (int r = 0; r < 2; ++r) {
    both[r] = {-infinity, 0, 0};
    for (int w = 0; w < kWarps; ++w)
      both[r].most = fmaxf(both[r].most, of_warps[w][g + r * 8].most);
    const float base = both[r].most == -infinity ? 0 : both[r].most;
    for (int w = 0; w < kWarps; ++w) {
      const Found& each = of_warps[w][g + r * 8];
      both[r].sum += each.sum * power_of_e(each.most - base);
      both[r].seen = fmaxf(both[r].seen, each.seen);
    }
    less[r] = power_of_e(most[r] - base);
  }
  for (int turn = 0; turn < kWarps; ++turn) {
    if (turn == warp) {
#pragma unroll
      for (int n = 0; n < kValueChunks * 32; ++n) {
        const int c = n / 32, e = n / 4 % 8, r = n / 2 % 2;
        const int column = c * 64 + (t * 2 + n % 2) * 8 + e;
        if (column >= kValue) continue;
        float& place = room[(g + r * 8) * kPitch + column];
        const float more = out[c][e][n % 4] * less[r];
        place = turn == 0 ? more : place + more;
      }
    }
    __syncthreads();
  }
  if (t == 0 && warp == 0)
    for (int r = 0; r < 2; ++r) of_warps[0][g + r * 8] = both[r];
  __syncthreads();
  if (parts > 1) {
    const long long at = (long long)blockIdx.x * rows;
    for (int row = threadIdx.x; row < rows; row += kWarps * 32) found[at + row] = of_warps[0][row];
    for (int i = threadIdx.x; i < rows * kValue; i += kWarps * 32)
      sums[at * kValue + i] = room[i / kValue * kPitch + i % kValue];
    return;
  }
  for (int i = threadIdx.x; i < rows * kValue; i += kWarps * 32) {
    const int row = i / kValue, column = i % kValue;
    const Found& of = of_warps[0][row];
    const bool zero = !(of.sum > 0) &&
                      (kZeroNan || (kZeroUnseen && of.seen == 0) || seen_keys.valid <= 0);
    put_result(y + b * of_y.batch + (kv * group + row / of_head) * of_y.head +
                   row % of_head * of_y.row + column,
               zero ? 0 : room[row * kPitch + column] / of.sum);
  }
}

__device__ float block_fold(float x, bool sums) {
  __shared__ float of_warps[kCombining / 32];
  for (int d = 16; d > 0; d >>= 1) {
    const float y = __shfl_xor_sync(0xffffffffu, x, d);
    x = sums ? x + y : fmaxf(x, y);
  }
  __syncthreads();
  if (threadIdx.x % 32 == 0) of_warps[threadIdx.x / 32] = x;
  __syncthreads();
  x = of_warps[0];
  for (int w = 1; w < kCombining / 32; ++w)
    x = sums ? x + of_warps[w] : fmaxf(x, of_warps[w]);
  return x;
}

/// A block for each row, whose parts are kMostParts at most: each thread looks at one or two of
/// them, then groups of threads sum parts of all columns.
extern "C" __global__ void __launch_bounds__(kCombining)
    combine(unsigned short* y, const void* lengths, const Found* found, const float* sums,
            long long heads, long long group, long long queries, long long keys, long long past,
            long long parts, Heads of_y) {
  let_others_begin();
  __shared__ float weights[kMostParts], of_groups[kGroups * kColumns];
  const float infinity = __int_as_float(0x7f800000);
  const int rows = (int)(group * queries), of_head = (int)queries, count = (int)parts;
  const unsigned kv_heads = (unsigned)(heads / group), block_head = blockIdx.x / (unsigned)rows;
  const int row = (int)(blockIdx.x - block_head * (unsigned)rows);
  const long long b = block_head / kv_heads, kv = block_head - (unsigned)b * kv_heads;
  found += (long long)block_head * count * rows + row;
  sums += ((long long)block_head * count * rows + row) * kValue;
  wait_for_others();
  constexpr int kTurns = (kMostParts + kCombining - 1) / kCombining;
  Found own[kTurns];
  float most = -infinity, all = 0, seen = 0;
#pragma unroll
  for (int i = 0; i < kTurns; ++i) {
    const int p = (int)threadIdx.x + i * kCombining;
    own[i] = {-infinity, 0, 0};
    if (p < count) own[i] = found[p * rows];
    most = fmaxf(most, own[i].most);
    seen = fmaxf(seen, own[i].seen);
  }
  most = block_fold(most, false);
  seen = block_fold(seen, false);
  const float base = most == -infinity ? 0 : most;
#pragma unroll
  for (int i = 0; i < kTurns; ++i) {
    const int p = (int)threadIdx.x + i * kCombining;
    const float weight = power_of_e(own[i].most - base);
    all += own[i].sum * weight;
    if (p < count) weights[p] = weight;
  }
  all = block_fold(all, true);  // weights are there, too
  const int column = threadIdx.x % kColumns, own_group = threadIdx.x / kColumns;
  float sum = 0;
  if (column < kValue && own_group < kGroups) {
#pragma unroll 8
    for (int p = own_group; p < count; p += kGroups)
      sum += sums[(long long)p * rows * kValue + column] * weights[p];
  }
  if (own_group < kGroups) of_groups[own_group * kColumns + column] = sum;
  __syncthreads();
  if (own_group > 0 || column >= kValue) return;
  for (int i = 1; i < kGroups; ++i) sum += of_groups[i * kColumns + column];
  const Keys seen_keys(lengths, b, keys, queries, past);
  const bool zero =
      !(all > 0) && (kZeroNan || (kZeroUnseen && seen == 0) || seen_keys.valid <= 0);
  y += b * of_y.batch + (kv * group + row / of_head) * of_y.head + row % of_head * of_y.row;
  put_result(y + column, zero ? 0 : sum / all);
}
