// Products of halves with weights of 4 or 8 bits, on tensor cores. They become halves in registers:
// rows of the weights are the rows of a product m16n8k16, rows of x its columns. Four threads of a
// row have four chunks along the depth, and x is read in the same order. The text before this one
// (nbits_weights) says how weights lie.
constexpr int kWords = kBits == 4 ? 2 : 1;  // products of 32 bits of each of the four threads
constexpr int kStepChunks = 4, kSteps = (kChunks + kStepChunks - 1) / kStepChunks;

__device__ unsigned less_2(unsigned x, unsigned y) {
  unsigned z;
  asm("sub.rn.f16x2 %0, %1, %2;" : "=r"(z) : "r"(x), "r"(y));
  return z;
}
__device__ unsigned times_2(unsigned x, unsigned y) {
  unsigned z;
  asm("mul.rn.f16x2 %0, %1, %2;" : "=r"(z) : "r"(x), "r"(y));
  return z;
}
/// What a thread reads of a row: numbers side by side, their scale and zero point, twice each.
struct Chunk {
  uint4 raw;
  unsigned scale, zero;
};
/// Bits of halves that are 1024 more than small integers.
constexpr unsigned kThousands = 0x64006400u;

__device__ Chunk chunk_at(const unsigned char* weights, const void* scales, const void* zeros,
                          int n, int chunk) {
  Chunk x;
  x.raw = uint4{0, 0, 0, 0};
  x.scale = 0, x.zero = kThousands;
  if (n >= kColumns || chunk >= kChunks) return x;
  x.raw = read_once(weights + (long long)n * kRowBytes + chunk * 16);
  const int block = chunk * kChunk / kBlock;
  const long long at = (long long)n * kBlocks + block;
  x.scale = to_f16(number_at(scales, at)) * 0x10001u;
  if (kZeros == 0) x.zero = kThousands + (1u << kBits - 1) * 0x10001u;
  if (kZeros == 1) x.zero = kThousands + zero_at(zeros, n, block) * 0x10001u;
  if (kZeros == 2) x.zero = to_f16(number_at(zeros, at)) * 0x10001u;
  return x;
}
__device__ unsigned word_of(const uint4& x, int w) {
  return w == 0 ? x.x : w == 1 ? x.y : w == 2 ? x.z : x.w;
}
/// Number pair i of a word, as halves.
__device__ unsigned pair_at(const Chunk& x, unsigned word, int i) {
  constexpr unsigned kMask = kBits == 4 ? 0x000f000fu : 0x00ff00ffu;
  unsigned numbers = word >> i * kBits & kMask | kThousands;
  if (kZeros == 2) numbers = less_2(numbers, kThousands);
  return times_2(less_2(numbers, x.zero), x.scale);
}
/// Word w of two rows as operands of product p.
__device__ void operand_of(unsigned (&a)[4], const Chunk& x, const Chunk& z, int w, int p) {
  const unsigned one = word_of(x.raw, w), other = word_of(z.raw, w);
  a[0] = pair_at(x, one, 2 * p), a[1] = pair_at(z, other, 2 * p);
  a[2] = pair_at(x, one, 2 * p + 1), a[3] = pair_at(z, other, 2 * p + 1);
}
/// Halves of x that go with word w.
__device__ uint4 part_of(const unsigned short* x, int w) {
  if (kBits == 4) return ((const uint4*)x)[w];
  const uint2 two = ((const uint2*)x)[w];
  return uint4{two.x, two.y, 0, 0};
}

/// Of few rows of x: a block has 16 columns and eight warps, which part the depth; each has up to
/// kAhead steps of weights on their way. kTiles: of 8 rows.
constexpr int kWarps = 8, kAhead = 4;
template <int kTiles>
__device__ void multiply_few(const unsigned short* x, const unsigned char* weights,
                             const void* scales, const void* zeros, const unsigned short* bias,
                             const unsigned short* added, unsigned short* y, long long rows) {
  __shared__ float sums[kWarps][kTiles * 8][17];
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, t = lane % 4, g = lane / 4;
  const int n = blockIdx.x * 16 + g;
  float c[kTiles][4] = {};
  Chunk own[kAhead][2];
  const auto take = [&](int i, int step) {
    own[i][0] = chunk_at(weights, scales, zeros, n, step * kStepChunks + t);
    own[i][1] = chunk_at(weights, scales, zeros, n + 8, step * kStepChunks + t);
  };
#pragma unroll
  for (int i = 0; i < kAhead; ++i) take(i, warp + i * kWarps);
  wait_for_others();  // weights are constants
#pragma unroll 1
  for (int first = warp; first < kSteps; first += kWarps * kAhead) {
#pragma unroll
    for (int i = 0; i < kAhead; ++i) {
      const int step = first + i * kWarps, chunk = step * kStepChunks + t;
      if (step >= kSteps) break;
#pragma unroll
      for (int w = 0; w < 4; ++w) {
        uint4 part[kTiles];
#pragma unroll
        for (int j = 0; j < kTiles; ++j) {
          const int row = j * 8 + g;
          part[j] = uint4{0, 0, 0, 0};
          if (row < rows && chunk < kChunks)
            part[j] = part_of(x + (long long)row * kDepth + chunk * kChunk, w);
        }
#pragma unroll
        for (int p = 0; p < kWords; ++p) {
          unsigned a[4];
          operand_of(a, own[i][0], own[i][1], w, p);
#pragma unroll
          for (int j = 0; j < kTiles; ++j)
            multiply_add(c[j], a, p == 0 ? part[j].x : part[j].z, p == 0 ? part[j].y : part[j].w);
        }
      }
      take(i, step + kWarps * kAhead);
    }
  }
#pragma unroll
  for (int j = 0; j < kTiles; ++j)
#pragma unroll
    for (int e = 0; e < 4; ++e) sums[warp][j * 8 + t * 2 + e % 2][g + e / 2 * 8] = c[j][e];
  __syncthreads();
  for (int i = threadIdx.x; i < kTiles * 128; i += kWarps * 32) {
    const int row = i / 16, column = blockIdx.x * 16 + i % 16;
    if (row >= rows || column >= kColumns) continue;
    float sum = 0;
#pragma unroll
    for (int w = 0; w < kWarps; ++w) sum += sums[w][row][i % 16];
    const long long to = (long long)row * kColumns + column;
    if (kBias) sum += from_f16(bias[column]);
    if (kAdds) sum += from_f16(added[to]);
    y[to] = to_f16(sum);
  }
}

extern "C" __global__ void __launch_bounds__(kWarps * 32)
    few(const unsigned short* x, const unsigned char* weights, const void* scales,
        const void* zeros, const unsigned short* bias, const unsigned short* added,
        unsigned short* y, long long rows) {
  let_others_begin();
  multiply_few<1>(x, weights, scales, zeros, bias, added, y, rows);
}
extern "C" __global__ void __launch_bounds__(kWarps * 32)
    several(const unsigned short* x, const unsigned char* weights, const void* scales,
            const void* zeros, const unsigned short* bias, const unsigned short* added,
            unsigned short* y, long long rows) {
  let_others_begin();
  multiply_few<2>(x, weights, scales, zeros, bias, added, y, rows);
}

/// Of many rows: a block has kMany of them and 16 columns for each warp. x comes to shared memory,
/// kStages steps ahead; the 16 bytes of number s of a row are at number s ^ (s / 8 + row % 2 * 2)
/// of it, so that threads that read at once meet in no bank.
constexpr int kMany = 64, kManyTiles = kMany / 8, kStages = 3;
constexpr int kStepBytes = kStepChunks * kChunk * 2, kUnits = kStepBytes / 16;  // of a row of x
constexpr int kManyBytes = kMany * kStepBytes;
__device__ int unit_place(int row, int unit) { return unit ^ (unit / 8 + row % 2 * 2) & 3; }

template <int kOwnWarps>
__device__ void multiply_many(const unsigned short* x, const unsigned char* weights,
                              const void* scales, const void* zeros, const unsigned short* bias,
                              const unsigned short* added, unsigned short* y, long long rows) {
  extern __shared__ uint4 memory[];
  const unsigned room = shared_address(memory);
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, t = lane % 4, g = lane / 4;
  const int n = (blockIdx.x * kOwnWarps + warp) * 16 + g;
  const long long first = (long long)blockIdx.y * kMany;
  x += first * kDepth;
  rows -= first;
  const auto load = [&](int step, int stage) {
    for (int i = threadIdx.x; i < kMany * kUnits; i += kOwnWarps * 32) {
      const int row = i / kUnits, unit = i % kUnits;
      const int at = step * kUnits + unit;
      const bool wanted = row < rows && at * 8 < kDepth;
      copy_16(room + stage * kManyBytes + row * kStepBytes + unit_place(row, unit) * 16,
              x + (wanted ? (long long)row * kDepth + at * 8 : 0), wanted);
    }
  };
  float c[kManyTiles][4] = {};
  Chunk next[2] = {chunk_at(weights, scales, zeros, n, t),
                   chunk_at(weights, scales, zeros, n + 8, t)};
  wait_for_others();  // weights are constants
#pragma unroll
  for (int s = 0; s < kStages - 1; ++s) {
    if (s < kSteps) load(s, s);
    end_copies();
  }
  int stage = 0;
#pragma unroll 1
  for (int step = 0; step < kSteps; ++step) {
    wait_copies<kStages - 2>();
    __syncthreads();
    const Chunk own[2] = {next[0], next[1]};
    const int ahead = (step + 1) * kStepChunks + t;
    next[0] = chunk_at(weights, scales, zeros, n, ahead);
    next[1] = chunk_at(weights, scales, zeros, n + 8, ahead);
    const int behind = step + kStages - 1;
    if (behind < kSteps) load(behind, stage == 0 ? kStages - 1 : stage - 1);
    end_copies();
    const unsigned at = room + stage * kManyBytes;
#pragma unroll
    for (int w = 0; w < 4; ++w) {
      unsigned a[kWords][4];
#pragma unroll
      for (int p = 0; p < kWords; ++p) operand_of(a[p], own[0], own[1], w, p);
#pragma unroll
      for (int j = 0; j < kManyTiles; ++j) {
        const int row = j * 8 + g;
        const int unit = kBits == 4 ? t * 4 + w : t * 2 + w / 2;
        const unsigned from = at + row * kStepBytes + unit_place(row, unit) * 16;
        if (kBits == 4) {
          const uint4 part = load_16(from);
          multiply_add(c[j], a[0], part.x, part.y);
          multiply_add(c[j], a[kWords - 1], part.z, part.w);
        } else {
          multiply_add(c[j], a[0], load_word(from + w % 2 * 8), load_word(from + w % 2 * 8 + 4));
        }
      }
    }
    stage = stage + 1 == kStages ? 0 : stage + 1;
  }
#pragma unroll
  for (int j = 0; j < kManyTiles; ++j)
#pragma unroll
    for (int e = 0; e < 4; ++e) {
      const int row = j * 8 + t * 2 + e % 2, column = n + e / 2 * 8;
      if (row >= rows || column >= kColumns) continue;
      const long long to = (first + row) * kColumns + column;
      float sum = c[j][e];
      if (kBias) sum += from_f16(bias[column]);
      if (kAdds) sum += from_f16(added[to]);
      y[to] = to_f16(sum);
    }
}

extern "C" __global__ void __launch_bounds__(128)
    many(const unsigned short* x, const unsigned char* weights, const void* scales,
         const void* zeros, const unsigned short* bias, const unsigned short* added,
         unsigned short* y, long long rows) {
  let_others_begin();
  multiply_many<4>(x, weights, scales, zeros, bias, added, y, rows);
}
extern "C" __global__ void __launch_bounds__(256)
    most_rows(const unsigned short* x, const unsigned char* weights, const void* scales,
              const void* zeros, const unsigned short* bias, const unsigned short* added,
              unsigned short* y, long long rows) {
  let_others_begin();
  multiply_many<8>(x, weights, scales, zeros, bias, added, y, rows);
}
