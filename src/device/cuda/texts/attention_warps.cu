// How attention_halves has its tiles and multiplies them by instructions of single warps: four
// warps of 16 queries, tiles of 64 keys, of which there are kStages.
constexpr int kQueries = 64, kKeys = 64, kThreads = 128;
constexpr unsigned kAligned = 16;
// In steps of 16 elements, with zeros behind the last; rows begin 16 bytes further among the banks
// than the one before.
constexpr int pitch_of(int elements) { return (elements + 15) / 16 * 32 + 16; }  // bytes
constexpr int kSteps = (kHead + 15) / 16, kValueSteps = (kValue + 15) / 16;
constexpr int kPitch = pitch_of(kHead), kValuePitch = pitch_of(kValue);
constexpr int kQueryBytes = kQueries * kPitch, kKeyBytes = kKeys * kPitch;
constexpr int kStageBytes = kKeyBytes + kKeys * kValuePitch;
/// Of a thread, of results; a row has them in steps of 32 columns.
constexpr int kSums = (kValue + 31) / 32 * 16;

__device__ void load_turned(unsigned (&x)[4], unsigned at) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(x[0]), "=r"(x[1]), "=r"(x[2]), "=r"(x[3]) : "r"(at) : "memory");
}
/// Begins to copy rows, zeros behind `rows` of them and behind their elements.
template <int kElements, int kRows>
__device__ void load_rows(unsigned to, const unsigned short* from, long long row,
                          long long rows) {
  constexpr int kChunks = (kElements + 15) / 16 * 2;
  for (int e = threadIdx.x; e < kRows * kChunks; e += kThreads) {
    const int r = e / kChunks, c = e % kChunks;
    const bool wanted = r < rows && c * 8 < kElements;
    copy_16(to + r * pitch_of(kElements) + c * 16, from + (wanted ? r * row + c * 8 : 0), wanted);
  }
}
__device__ void load_queries(unsigned to, const unsigned short* from, long long row,
                             long long rows) {
  load_rows<kHead, kQueries>(to, from, row, rows);
}
__device__ void show_tiles() {}

__device__ void begin_scores(float (&s)[kKeys / 2], unsigned tile_q, unsigned tile_k) {
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
#pragma unroll
  for (int n = 0; n < kKeys / 2; ++n) s[n] = 0;
#pragma unroll
  for (int d = 0; d < kSteps; ++d) {
    unsigned x[4];
    load_blocks(x, tile_q + (warp * 16 + lane % 16) * kPitch + d * 32 + lane / 16 * 16);
#pragma unroll
    for (int n = 0; n < kKeys / 8; n += 2) {
      unsigned z[4];
      load_blocks(z, tile_k + (n * 8 + lane % 8 + lane / 16 * 8) * kPitch + d * 32 +
                         lane / 8 % 2 * 16);
      multiply_add(s + n * 4, x, z[0], z[1]);
      multiply_add(s + n * 4 + 4, x, z[2], z[3]);
    }
  }
}
__device__ void end_scores(float (&)[kKeys / 2]) {}

__device__ void add_values(float (&out)[kSums], const unsigned (&shares)[kKeys / 16][4],
                           unsigned tile_v) {
  const int lane = threadIdx.x % 32;
#pragma unroll
  for (int j = 0; j < kKeys / 16; ++j)
#pragma unroll
    for (int d = 0; d < kValueSteps; ++d) {
      unsigned z[4];
      load_turned(z, tile_v + (j * 16 + lane % 16) * kValuePitch + d * 32 + lane / 16 * 16);
      multiply_add(out + d * 8, shares[j], z[0], z[1]);
      multiply_add(out + d * 8 + 4, shares[j], z[2], z[3]);
    }
}
