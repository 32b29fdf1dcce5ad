// How attention_halves has its tiles and multiplies them by instructions of warpgroups, compute
// capability 9.0: kGroups warpgroups of 64 queries, tiles of kKeys keys, of which there are
// kStages. A tile is boxes of 64 elements of every row, which lie as warpgroup.cu says.
constexpr int kQueries = 64 * kGroups, kThreads = 128 * kGroups;
constexpr unsigned kAligned = 1024;
constexpr int kBoxes = (kHead + 63) / 64, kValueBoxes = (kValue + 63) / 64, kRowBytes = 128;
constexpr int kGroupBytes = kBoxes * 64 * kRowBytes, kQueryBytes = kGroups * kGroupBytes;
constexpr int kKeyBytes = kBoxes * kKeys * kRowBytes;
constexpr int kStageBytes = kKeyBytes + kValueBoxes * kKeys * kRowBytes;
/// Of a thread, of results.
constexpr int kSums = kValueBoxes * 32;

/// Begins to copy rows, zeros behind `rows` of them, and behind their elements up to a step of 16.
template <int kElements, int kRows>
__device__ void load_rows(unsigned to, const unsigned short* from, long long row,
                          long long rows) {
  constexpr int kChunks = (kElements + 15) / 16 * 2;
#pragma unroll
  for (int i = 0; i < (kRows * kChunks + kThreads - 1) / kThreads; ++i) {
    const int e = (int)threadIdx.x + i * kThreads, r = e / kChunks, c = e % kChunks;
    if (kRows * kChunks % kThreads != 0 && e >= kRows * kChunks) break;
    const bool wanted = r < rows && c * 8 < kElements;
    copy_16(to + (c / 8 * kRows + r) * kRowBytes + ((c % 8 ^ r % 8) << 4),
            from + (wanted ? r * row + c * 8 : 0), wanted);
  }
}
__device__ void load_queries(unsigned to, const unsigned short* from, long long row,
                             long long rows) {
#pragma unroll
  for (int g = 0; g < kGroups; ++g)
    load_rows<kHead, 64>(to + g * kGroupBytes, from + g * 64 * row, row, rows - g * 64);
}
__device__ void show_tiles() { show_to_products(); }

__device__ void begin_scores(float (&s)[kKeys / 2], unsigned tile_q, unsigned tile_k) {
  begin_products();
#pragma unroll
  for (int d = 0; d < (kHead + 15) / 16; ++d)
    multiply_add(s, tile_at(tile_q + threadIdx.x / 128 * kGroupBytes + d / 4 * 64 * kRowBytes) +
                        d % 4 * 2,
                 tile_at(tile_k + d / 4 * kKeys * kRowBytes) + d % 4 * 2, d);
  end_products();
}
__device__ void end_scores(float (&s)[kKeys / 2]) {
  wait_products<0>();
  take_sums(s);
}

__device__ void add_values(float (&out)[kSums], const unsigned (&shares)[kKeys / 16][4],
                           unsigned tile_v) {
  begin_products();
#pragma unroll
  for (int b = 0; b < kValueBoxes; ++b)
#pragma unroll
    for (int j = 0; j < kKeys / 16; ++j)
      multiply_add_rows(out + b * 32, shares[j],
                        turned_tile_at(tile_v + b * kKeys * kRowBytes) + j * 128);
  end_products();
  wait_products<0>();
  take_sums(out);
}
