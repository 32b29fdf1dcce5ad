// Products of halves on tensor cores, for compute capability 8.0 and later: a block's eight warps
// are two rows of four. A tile of an operand lies as it came from memory: rows of the depth
// (kAlong), or the depth's rows of its own elements. Rows have 8 elements more than are used, so
// that the banks that a warp reads are all different.
__device__ void multiply_add(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
  if (kIsBf16)
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, "
        "{%8,%9}, {%0,%1,%2,%3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
  else
    asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, "
        "{%8,%9}, {%0,%1,%2,%3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

/// Four blocks of 8 by 8 elements, whose rows lie at the addresses of lanes 0-7, 8-15 ..., each
/// turned round.
__device__ void load_turned(unsigned (&x)[4], const unsigned short* row) {
  const unsigned at = (unsigned)__cvta_generic_to_shared(row);
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(x[0]), "=r"(x[1]), "=r"(x[2]), "=r"(x[3])
               : "r"(at)
               : "memory");
}

__device__ unsigned pair(const unsigned short* at) { return *(const unsigned*)at; }

/// sums += tile of a * tile of b. kRows, kColumns, kDepth: of the tiles.
template <int kRows, int kColumns, int kDepth, bool kAlongA, bool kAlongB>
__device__ void multiply_tiles(const unsigned short* a, const unsigned short* b,
                               float (&sums)[kRows / 32][kColumns / 32][4]) {
  constexpr int kDown = kRows / 32, kRight = kColumns / 32, kPad = 8;
  constexpr int kStrideA = (kAlongA ? kDepth : kRows) + kPad;
  constexpr int kStrideB = (kAlongB ? kDepth : kColumns) + kPad;
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const int row = warp / 4 * (kRows / 2), column = warp % 4 * (kColumns / 4);
  const int group = lane / 4, in_group = lane % 4 * 2;
#pragma unroll
  for (int k = 0; k < kDepth; k += 16) {
    unsigned x[kDown][4], y[kRight][2];
#pragma unroll
    for (int i = 0; i < kDown; ++i) {
      if (kAlongA) {
        const unsigned short* at = a + (row + i * 16 + group) * kStrideA + k + in_group;
        x[i][0] = pair(at);
        x[i][1] = pair(at + 8 * kStrideA);
        x[i][2] = pair(at + 8);
        x[i][3] = pair(at + 8 * kStrideA + 8);
      } else {
        load_turned(x[i], a + (k + lane / 16 * 8 + lane % 8) * kStrideA + row + i * 16 +
                              lane / 8 % 2 * 8);
      }
    }
#pragma unroll
    for (int j = 0; j < kRight; j += 2) {
      if (kAlongB) {
#pragma unroll
        for (int t = 0; t < 2; ++t) {
          const unsigned short* at = b + (column + (j + t) * 8 + group) * kStrideB + k + in_group;
          y[j + t][0] = pair(at);
          y[j + t][1] = pair(at + 8);
        }
      } else {
        unsigned both[4];
        load_turned(both, b + (k + lane % 16) * kStrideB + column + j * 8 + lane / 16 * 8);
        y[j][0] = both[0];
        y[j][1] = both[1];
        y[j + 1][0] = both[2];
        y[j + 1][1] = both[3];
      }
    }
#pragma unroll
    for (int i = 0; i < kDown; ++i)
#pragma unroll
      for (int j = 0; j < kRight; ++j) multiply_add(sums[i][j], x[i], y[j]);
  }
}
