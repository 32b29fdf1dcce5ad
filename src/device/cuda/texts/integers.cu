// Integers of 8 bits on tensor cores, summed in 32 bits; stands before tensor.cu. TYPE_A and TYPE_B
// say of the operands whether they have a sign.

/// Sums of 16 rows and 8 columns, 32 elements of the depth.
__device__ void multiply_add(int* d, const unsigned (&a)[4], unsigned b0, unsigned b1) {
#if __CUDA_ARCH__ >= 800
  asm volatile("mma.sync.aligned.m16n8k32.row.col.s32." TYPE_A "." TYPE_B ".s32 {%0,%1,%2,%3}, "
               "{%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
               : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
#else
#pragma unroll
  for (int i = 0; i < 4; ++i)
    asm volatile("mma.sync.aligned.m8n8k16.row.col.s32." TYPE_A "." TYPE_B ".s32 {%0,%1}, {%2}, "
                 "{%3}, {%0,%1};"
                 : "+r"(d[i % 2 * 2]), "+r"(d[i % 2 * 2 + 1]) : "r"(a[i]), "r"(i < 2 ? b0 : b1));
#endif
}

/// Sums are not looked at before: what reads them stays behind this.
template <int kCount> __device__ void take_sums(int (&sums)[kCount]) {
#pragma unroll
  for (int i = 0; i < kCount; ++i) asm volatile("" : "+r"(sums[i]) :: "memory");
}
__device__ void store_pair(unsigned to, int x, int y) {
  asm volatile("st.shared.v2.s32 [%0], {%1,%2};" :: "r"(to), "r"(x), "r"(y) : "memory");
}
__device__ void add_four(int* sums, unsigned at) {
  int x, y, z, w;
  asm volatile("ld.shared.v4.s32 {%0,%1,%2,%3}, [%4];"
               : "=r"(x), "=r"(y), "=r"(z), "=r"(w) : "r"(at) : "memory");
  sums[0] += x, sums[1] += y, sums[2] += z, sums[3] += w;
}
#if __CUDA_ARCH__ >= 900
/// Two numbers into another block's memory, which are counted there as a run's bytes are.
__device__ void send_pair(unsigned to, int x, int y, unsigned counter) {
  asm volatile("st.async.shared::cluster.mbarrier::complete_tx::bytes.v2.s32 [%0], {%1,%2}, [%3];"
               :: "r"(to), "r"(x), "r"(y), "r"(counter) : "memory");
}
#endif

/// Two numbers of columns, 32 bits each.
__device__ void load_two(int (&x)[2], unsigned at) {
  asm volatile("ld.shared.v2.s32 {%0,%1}, [%2];" : "=r"(x[0]), "=r"(x[1]) : "r"(at));
}
__device__ void load_words(int (&x)[16], unsigned at) {
#pragma unroll
  for (int i = 0; i < 16; i += 4)
    asm volatile("ld.shared.v4.s32 {%0,%1,%2,%3}, [%4];"
                 : "=r"(x[i]), "=r"(x[i + 1]), "=r"(x[i + 2]), "=r"(x[i + 3]) : "r"(at + i * 4));
}
__device__ void load_words(int (&x)[4], unsigned at) {
  asm volatile("ld.shared.v4.s32 {%0,%1,%2,%3}, [%4];"
               : "=r"(x[0]), "=r"(x[1]), "=r"(x[2]), "=r"(x[3]) : "r"(at));
}
__device__ void keep_word(unsigned at, int x) {
  asm volatile("st.shared.s32 [%0], %1;" :: "r"(at), "r"(x) : "memory");
}
__device__ void keep_word(unsigned at, float x) { keep_word(at, __float_as_int(x)); }

/// Two elements side by side.
__device__ unsigned load_short(unsigned at) {
  unsigned short x;
  asm volatile("ld.shared.u16 %0, [%1];" : "=h"(x) : "r"(at));
  return x;
}
__device__ void store_short(unsigned at, unsigned x) {
  asm volatile("st.shared.u16 [%0], %1;" :: "r"(at), "h"((unsigned short)x));
}
template <class T> __device__ void unpack(T (&x)[2], unsigned both) {
  x[0] = (T)both;
  x[1] = (T)(both >> 8);
}
template <class T> __device__ void unpack(T (&x)[16], const uint4& raw) {
  const unsigned words[4] = {raw.x, raw.y, raw.z, raw.w};
#pragma unroll
  for (int i = 0; i < 16; ++i) x[i] = (T)(words[i / 4] >> i % 4 * 8);
}
__device__ uint4 packed(const unsigned char (&x)[16]) {
  unsigned words[4] = {};
#pragma unroll
  for (int i = 0; i < 16; ++i) words[i / 4] |= (unsigned)x[i] << i % 4 * 8;
  return {words[0], words[1], words[2], words[3]};
}

/// One of the four bytes of a word, and all of them.
template <class T> struct ByteOf {
  unsigned word;
  int at;
  __device__ operator T() const { return (T)(word >> at * 8); }
};
template <class T> struct Bytes {
  unsigned word;
  __device__ ByteOf<T> operator[](int at) const { return {word, at}; }
};
__device__ float float_of(ByteOf<unsigned char> x) {
  return __uint_as_float(__byte_perm(x.word, 0x4b000000u, 0x7540u | x.at)) - 8388608.0f;
}
__device__ float float_of(ByteOf<signed char> x) {
  return __uint_as_float(__byte_perm(x.word ^ 0x80808080u, 0x4b000000u, 0x7540u | x.at)) -
         8388736.0f;
}
__device__ unsigned word_of(unsigned a, unsigned b, unsigned c, unsigned d) {
  return __byte_perm(__byte_perm(a, b, 0x0040), __byte_perm(c, d, 0x0040), 0x5410);
}
/// Numbers rounded (halves to even) within a range, then moved by a shift, as bytes. Where the range
/// is that of bytes, two conversions and one that packs are one instruction of 9.0.
template <int kLeast, int kMost, int kShift> __device__ unsigned bytes_of(const float (&x)[4]) {
  constexpr bool kPlain = kLeast >= 0 && kMost <= 255, kFits = kPlain || (kLeast >= -128 && kMost <= 127);
  int y[4];
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    float z = x[i];
    if (!kFits || kLeast != (kPlain ? 0 : -128)) z = fmaxf(z, kLeast);
    if (!kFits || kMost != (kPlain ? 255 : 127)) z = fminf(z, kMost);
    if (kFits) asm("cvt.rni.s32.f32 %0, %1;" : "=r"(y[i]) : "f"(z));
    else y[i] = whole_bits(z);
  }
  unsigned all;
  if (kPlain)
    asm("{.reg .b32 high;\n cvt.pack.sat.u8.s32.b32 high, %4, %3, 0;\n"
        " cvt.pack.sat.u8.s32.b32 %0, %2, %1, high;}"
        : "=r"(all) : "r"(y[0]), "r"(y[1]), "r"(y[2]), "r"(y[3]));
  else if (kFits)
    asm("{.reg .b32 high;\n cvt.pack.sat.s8.s32.b32 high, %4, %3, 0;\n"
        " cvt.pack.sat.s8.s32.b32 %0, %2, %1, high;}"
        : "=r"(all) : "r"(y[0]), "r"(y[1]), "r"(y[2]), "r"(y[3]));
  else all = word_of(y[0], y[1], y[2], y[3]);
  constexpr unsigned kShifts = (kShift & 255) * 0x01010101u;
  if (kShifts == 0) return all;
  if (kShifts == 0x80808080u) return all ^ kShifts;
  return (all & 0x7f7f7f7fu) + (kShifts & 0x7f7f7f7fu) ^ (all ^ kShifts) & 0x80808080u;
}
