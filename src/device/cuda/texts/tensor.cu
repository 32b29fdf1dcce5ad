// Products on tensor cores. In shared memory a tile is rows of 128 bytes of the depth (64 halves);
// the 16 bytes of number c of a row are at number c ^ row % 8 of it, so that no two
// that are read or written at once lie in the same banks. kBf16 says which halves.
__device__ unsigned shared_address(const void* place) {
  return (unsigned)__cvta_generic_to_shared(place);
}

/// A number that the compiler knows nothing about: it makes no two loops of one that counts to it,
/// between which sums would be moved while they are made.
__device__ void forget(int& x) { asm volatile("" : "+r"(x)); }
__device__ void forget(long long& x) { asm volatile("" : "+l"(x)); }

/// 16 bytes into shared memory while others work; zeros where they are not wanted.
__device__ void copy_16(unsigned to, const void* from, bool wanted) {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;"
               :: "r"(to), "l"(from), "r"(wanted ? 16 : 0) : "memory");
#else
  const uint4 x = wanted ? *(const uint4*)from : uint4{0, 0, 0, 0};
  asm volatile("st.shared.v4.u32 [%0], {%1,%2,%3,%4};"
               :: "r"(to), "r"(x.x), "r"(x.y), "r"(x.z), "r"(x.w) : "memory");
#endif
}
__device__ void end_copies() {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}
/// All groups of copies but the last kBehind have come.
template <int kBehind> __device__ void wait_copies() {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.wait_group %0;" :: "n"(kBehind) : "memory");
#endif
}
__device__ void store_16(unsigned to, const unsigned (&x)[4]) {
  asm volatile("st.shared.v4.u32 [%0], {%1,%2,%3,%4};"
               :: "r"(to), "r"(x[0]), "r"(x[1]), "r"(x[2]), "r"(x[3]) : "memory");
}
__device__ void store_pair(unsigned to, float x, float y) {
  asm volatile("st.shared.v2.f32 [%0], {%1,%2};" :: "r"(to), "f"(x), "f"(y) : "memory");
}
__device__ void add_four(float* sums, unsigned at) {
  float x, y, z, w;
  asm volatile("ld.shared.v4.f32 {%0,%1,%2,%3}, [%4];"
               : "=f"(x), "=f"(y), "=f"(z), "=f"(w) : "r"(at) : "memory");
  sums[0] += x, sums[1] += y, sums[2] += z, sums[3] += w;
}

/// Four blocks of 8 by 8 halves.
__device__ void load_blocks(unsigned (&x)[4], unsigned at) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(x[0]), "=r"(x[1]), "=r"(x[2]), "=r"(x[3]) : "r"(at) : "memory");
}
__device__ void multiply_add(float* d, const unsigned (&a)[4], unsigned b0, unsigned b1) {
  if (kBf16)
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, "
                 "{%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
  else
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, "
                 "{%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

/// Sums of a warp, 32 bytes of the depth at a time: kDown blocks of 16 rows from `a` on, kRight of 8 columns from `b` on (even).
template <int kDown, int kRight, class Sum>
__device__ void multiply_warp(Sum (&sums)[kDown][kRight * 4], unsigned a, unsigned b) {
  const unsigned lane = threadIdx.x % 32;
  const unsigned row_a = lane % 16, row_b = lane % 8 + lane / 16 * 8;
#pragma unroll
  for (unsigned k = 0; k < 8; k += 2) {
    unsigned x[kDown][4];
#pragma unroll
    for (int i = 0; i < kDown; ++i)
      load_blocks(x[i], a + (i * 16 + row_a) * 128 + ((k + lane / 16 ^ row_a % 8) << 4));
#pragma unroll
    for (int j = 0; j < kRight; j += 2) {
      unsigned y[4];
      load_blocks(y, b + (j * 8 + row_b) * 128 + ((k + lane / 8 % 2 ^ row_b % 8) << 4));
#pragma unroll
      for (int i = 0; i < kDown; ++i) {
        multiply_add(sums[i] + j * 4, x[i], y[0], y[1]);
        multiply_add(sums[i] + j * 4 + 4, x[i], y[2], y[3]);
      }
    }
  }
}

__device__ unsigned load_word(unsigned at) {
  unsigned x;
  asm volatile("ld.shared.u32 %0, [%1];" : "=r"(x) : "r"(at));
  return x;
}
__device__ void store_word(unsigned at, unsigned x) {
  asm volatile("st.shared.u32 [%0], %1;" :: "r"(at), "r"(x));
}
__device__ uint4 load_16(unsigned at) {
  uint4 x;
  asm volatile("ld.shared.v4.u32 {%0,%1,%2,%3}, [%4];"
               : "=r"(x.x), "=r"(x.y), "=r"(x.z), "=r"(x.w) : "r"(at));
  return x;
}

/// Numbers as elements side by side.
__device__ unsigned pair_of(float low, float high) {
  unsigned both;
  if (kBf16) asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(high), "f"(low));
  else asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(high), "f"(low));
  return both;
}
/// Elements side by side, as numbers.
__device__ void unpack(float (&x)[2], unsigned word) {
  const unsigned short low = (unsigned short)word, high = (unsigned short)(word >> 16);
  x[0] = kBf16 ? from_bf16(low) : from_f16(low);
  x[1] = kBf16 ? from_bf16(high) : from_f16(high);
}
__device__ void unpack(float (&x)[8], const uint4& raw) {
  const unsigned words[4] = {raw.x, raw.y, raw.z, raw.w};
#pragma unroll
  for (int i = 0; i < 8; ++i) {
    const unsigned short half = (unsigned short)(words[i / 2] >> i % 2 * 16);
    x[i] = kBf16 ? from_bf16(half) : from_f16(half);
  }
}
__device__ uint4 packed(const unsigned short (&x)[8]) {
  return {x[0] | (unsigned)x[1] << 16, x[2] | (unsigned)x[3] << 16, x[4] | (unsigned)x[5] << 16,
          x[6] | (unsigned)x[7] << 16};
}
