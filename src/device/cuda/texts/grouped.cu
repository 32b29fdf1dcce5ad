// Sums of a convolution whose channels fall into groups. A thread has 8 filters, side by side, of
// kPixels results side by side, kStride columns of the picture apart. Of groups of less than 8
// channels (kChannels, as many filters), 8 filters see the same 8 channels; of larger ones they are
// in one group.
// A filter is kHigh by kWide, its elements kStepDown rows and kStep columns apart.

/// Columns of the picture that a row of the filter sees.
constexpr int kSeen = (kPixels - 1) * kStride + (kWide - 1) * kStep + 1;

/// sums += the picture's rows and columns from `y` and `x` on times the weight: `picture` is the
/// first channel of the image's first place, `weight` that of the first filter.
__device__ void add_windows(float (&sums)[kPixels][8], const unsigned short* picture,
                            const unsigned short* weight, I y, I x, I high, I wide, I all,
                            I filters) {
  constexpr int kChunks = kChannels < 8 ? 1 : kChannels / 8, kRows = kChannels < 8 ? kChannels : 8;
  // A thread of one result has registers for all that it reads, which then comes at once.
  constexpr bool kAtOnce = kPixels == 1 && kChunks == 1;
#pragma unroll (kAtOnce ? kHigh : 1)
  for (int r = 0; r < kHigh; ++r) {
    const I line = y + r * kStepDown;
    const bool there = line >= 0 && line < high;
    if (!kAtOnce && !there) continue;
#pragma unroll 1
    for (int q = 0; q < kChunks; ++q) {
      uint4 raw[kSeen];
      const unsigned short* from = picture + (line * wide + x) * all + q * 8;
#pragma unroll
      for (int i = 0; i < kSeen; ++i) {
        const bool in = there && x + i >= 0 && x + i < wide;
        raw[i] = in ? *(const uint4*)(from + i * all) : make_uint4(0, 0, 0, 0);
      }
      const unsigned short* w = weight + (I)(r * kWide * kChannels + q * 8) * filters;
      float seen[kSeen][8];
#pragma unroll
      for (int i = 0; i < kSeen; ++i) unpack(seen[i], raw[i]);
#pragma unroll
      for (int s = 0; s < kWide; ++s)
#pragma unroll
        for (int j = 0; j < kRows; ++j) {
          float of[8];
          unpack(of, __ldg((const uint4*)(w + (s * kChannels + j) * filters)));
#pragma unroll
          for (int p = 0; p < kPixels; ++p)
#pragma unroll
            for (int e = 0; e < 8; ++e)
              sums[p][e] +=
                  seen[p * kStride + s * kStep][kChannels < 8 ? e / kRows * kRows + j : j] * of[e];
        }
    }
  }
}
