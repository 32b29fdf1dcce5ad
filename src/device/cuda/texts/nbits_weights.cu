// Weights of 4 or 8 bits in blocks with a scale each, as they are stored but for the order of
// numbers within 32 bits: pair i of neighbours is at bits i * kBits and i * kBits + 16. kDepth,
// kColumns: of the product; kBlock: numbers that share a scale, a multiple of 32; kRowBytes: of a
// row along the depth; kZeros: zero points: 0 none are given, 1 packed, 2 numbers; kNumberBits: of
// those and of scales, 32 or 16; kNumbersBf16; kBias: one is added; kAdds: a tensor like the
// result is. What takes 16 bytes has kChunk
// numbers.
constexpr int kChunk = 128 / kBits, kChunks = kDepth / kChunk;
constexpr int kBlocks = (kDepth + kBlock - 1) / kBlock;

__device__ uint4 read_once(const unsigned char* from) {
  uint4 x;
  asm("ld.global.nc.L1::no_allocate.v4.u32 {%0,%1,%2,%3}, [%4];"
      : "=r"(x.x), "=r"(x.y), "=r"(x.z), "=r"(x.w) : "l"(from));
  return x;
}
__device__ float number_at(const void* numbers, long long at) {
  if (kNumberBits == 32) return ((const float*)numbers)[at];
  const unsigned short half = ((const unsigned short*)numbers)[at];
  return kNumbersBf16 ? from_bf16(half) : from_f16(half);
}
__device__ unsigned zero_at(const void* zeros, int n, int block) {
  constexpr int kInByte = 8 / kBits, kZeroRow = (kBlocks + kInByte - 1) / kInByte;
  const unsigned byte = ((const unsigned char*)zeros)[(long long)n * kZeroRow + block / kInByte];
  return byte >> block % kInByte * kBits & (1u << kBits) - 1;
}
