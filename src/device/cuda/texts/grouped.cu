// Sums of a convolution whose channels fall into groups. A thread has kRun filters (16 bytes), side
// by side, of kPixels results side by side, kStride columns of the picture apart. Of groups of less
// channels than that (kChannels, as many filters), its filters see the same channels; of larger
// ones they are in one group. Integers of the picture are less kZero; f32 has their sums exactly.
// A filter is kHigh by kWide, its elements kStepDown rows and kStep columns apart. Where kParts is
// more than 1, so many warps of a block share its rows and add up their sums.

/// Columns of the picture that a row of the filter sees.
constexpr int kSeen = (kPixels - 1) * kStride + (kWide - 1) * kStep + 1;

__device__ void numbers_of(float (&x)[8], const uint4& raw, const void*) {
  unpack(x, raw);
}
template <class T>
__device__ void numbers_of(float (&x)[16], const uint4& raw, const T*) {
  const unsigned words[4] = {raw.x, raw.y, raw.z, raw.w};
#pragma unroll
  for (int i = 0; i < 16; ++i) x[i] = float_of((T)(words[i / 4] >> i % 4 * 8));
}

/// sums += the picture's rows and columns from `y` and `x` on times the weight: `picture` is the
/// first channel of the image's first place, `weight` that of the first filter.
template <class Picture, class Weight>
__device__ void add_windows(float (&sums)[kPixels][kRun], const Picture* picture,
                            const Weight* weight, I y, I x, I high, I wide, I all, I filters) {
  constexpr bool kSmall = kChannels < kRun;
  constexpr int kChunks = kSmall ? 1 : kChannels / kRun, kRows = kSmall ? kChannels : kRun;
  constexpr unsigned kNothing = (kZero & 0xff) * 0x01010101u;
  // A thread of one result has registers for all that it reads, which then comes at once.
  constexpr int kRowsEach = (kHigh + kParts - 1) / kParts;
  constexpr bool kAtOnce = kPixels == 1 && kChunks == 1 && kRowsEach * kSeen <= kMostAtOnce;
  const int part = kParts == 1 ? 0 : threadIdx.x / 32;
#pragma unroll (kAtOnce ? kRowsEach : 1)
  for (int r = part; r < kHigh; r += kParts) {
    const I line = y + r * kStepDown;
    const bool there = line >= 0 && line < high;
    if (!kAtOnce && !there) continue;
#pragma unroll 1
    for (int q = 0; q < kChunks; ++q) {
      uint4 raw[kSeen];
      const Picture* from = picture + (line * wide + x) * all + q * kRun;
#pragma unroll
      for (int i = 0; i < kSeen; ++i) {
        const bool in = there && x + i >= 0 && x + i < wide;
        raw[i] = in ? *(const uint4*)(from + i * all)
                    : make_uint4(kNothing, kNothing, kNothing, kNothing);
      }
      const Weight* w = weight + (I)(r * kWide * kChannels + q * kRun) * filters;
      float seen[kSeen][kRun];
#pragma unroll
      for (int i = 0; i < kSeen; ++i) {
        numbers_of(seen[i], raw[i], picture);
#pragma unroll
        for (int e = 0; kZero != 0 && e < kRun; ++e) seen[i][e] -= kZero;
      }
#pragma unroll
      for (int s = 0; s < kWide; ++s)
#pragma unroll
        for (int j = 0; j < kRows; ++j) {
          float of[kRun];
          numbers_of(of, __ldg((const uint4*)(w + (s * kChannels + j) * filters)), weight);
#pragma unroll
          for (int p = 0; p < kPixels; ++p)
#pragma unroll
            for (int e = 0; e < kRun; ++e)
              sums[p][e] +=
                  seen[p * kStride + s * kStep][kSmall ? e / kRows * kRows + j : j] * of[e];
        }
    }
  }
}

/// The sums of all parts, in the first warp, which alone gets true.
__device__ bool join_parts(float (&sums)[kPixels][kRun]) {
  __shared__ float others[kParts > 1 ? kParts - 1 : 1][kPixels * kRun][32];
  const int part = threadIdx.x / 32, lane = threadIdx.x % 32;
#pragma unroll
  for (int i = 0; part > 0 && i < kPixels * kRun; ++i)
    others[part - 1][i][lane] = sums[i / kRun][i % kRun];
  __syncthreads();
  if (part > 0) return false;
#pragma unroll
  for (int from = 0; from < kParts - 1; ++from)
#pragma unroll
    for (int i = 0; i < kPixels * kRun; ++i) sums[i / kRun][i % kRun] += others[from][i][lane];
  return true;
}
