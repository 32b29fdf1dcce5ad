// What texts begin with: arithmetic of places (in I; U is I without a sign), conversions, and what
// C++ has otherwise than expressions of Hone.

/// A kernel may be launched so that it begins while the one before still runs. From here on that
/// has ended, and all before it, too.
__device__ void wait_for_others() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}
/// The next one may begin.
__device__ void let_others_begin() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}
__device__ I floor_div(I a, I b) {
  I q = a / b;
  return a % b != 0 && (a < 0) != (b < 0) ? q - 1 : q;
}
__device__ I least(I a, I b) { return a < b ? a : b; }
__device__ I most(I a, I b) { return a > b ? a : b; }
__device__ I broadcast_size(I a, I b) { return a == 1 ? b : a; }
__device__ I inside(long long a, I n) {
  return a < 0 ? 0 : a >= n ? (n > 0 ? n - 1 : 0) : (I)a;
}
__device__ float from_f16(unsigned short x) {
  float y;
  asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"(x));
  return y;
}
__device__ unsigned short to_f16(float x) {
  unsigned short y;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(y) : "f"(x));
  return y;
}
__device__ unsigned short to_f16(double x) {
  unsigned short y;
  asm("cvt.rn.f16.f64 %0, %1;" : "=h"(y) : "d"(x));
  return y;
}
__device__ float from_bf16(unsigned short x) { return __uint_as_float((unsigned)x << 16); }
__device__ unsigned short to_bf16(float x) {
#if __CUDA_ARCH__ >= 800
  unsigned short y;
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(y) : "f"(x));
  return y;
#endif
  unsigned b = __float_as_uint(x);
  if (x != x) return (unsigned short)(b >> 16 | 0x40);
  return (unsigned short)(b + 0x7fff + (b >> 16 & 1) >> 16);
}
__device__ unsigned short to_bf16(double x) {
  float y = (float)x;
  unsigned b = __float_as_uint(y);
  if ((b & 0x7fff) == 0 && (b & 0x8000) && (double)y != x)
    b += ((double)y < x) == (x > 0) ? 1 : -1;
  return to_bf16(__uint_as_float(b));
}
template <class T> __device__ T least_real(T a, T b) { return a != a || a < b ? a : b; }
template <class T> __device__ T most_real(T a, T b) { return a != a || a > b ? a : b; }
/// Powers of 2; what is below all normal numbers is 0.
__device__ float power_of_2(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
/// To 6e-7, what is left to 1 to 3e-4 of itself: that is a power of 2, whose exponent is nearly a
/// polynomial (fitted up to 4; behind 6 it would turn round).
__device__ float erf_of_half(float x) {
  float z = fabsf(x);
#if __CUDA_ARCH__ >= 800
  asm("min.NaN.f32 %0, %0, %1;" : "+f"(z) : "f"(6.0f));
#else
  z = z > 6 ? 6 : z;
#endif
  const float p =
      z * (-1.6279392f +
           z * (-0.9179995f +
                z * (-0.15028287f +
                     z * (0.031725723f + z * (-0.004162766f + z * 0.00024600897f)))));
  return copysignf(1.0f - power_of_2(p), x);
}
/// x / 2 * (1 + erf(x * sqrt(1/2))), as far as halves have digits: to 1.5e-5, and to 1e-4 of itself
/// above 6e-5. What is left to max(x, 0) is |x| times a share, found as above.
__device__ float gelu_of_half(float x) {
  float z = fabsf(x);
#if __CUDA_ARCH__ >= 800
  asm("min.NaN.f32 %0, %0, %1;" : "+f"(z) : "f"(65536.0f));
#else
  z = z > 65536 ? 65536 : z;
#endif
  const float p =
      -1.0f + z * (-1.14976339f +
                   z * (-0.463346459f +
                        z * (-0.0486495187f + z * (0.00592282234f - z * 0.0003285382f))));
  return fmaxf(x, 0.0f) - z * power_of_2(p);
}
__device__ float floor_mod(float a, float b) {
  float r = fmodf(a, b);
  if (r != r) return r;
  if (r == 0) return copysignf(r, b);
  return (r < 0) != (b < 0) ? r + b : r;
}
__device__ double floor_mod(double a, double b) {
  double r = fmod(a, b);
  if (r != r) return r;
  if (r == 0) return copysign(r, b);
  return (r < 0) != (b < 0) ? r + b : r;
}
/// Within a range, the least of it where x is no number.
__device__ float clamped(float x, float least, float most) {
  return fminf(fmaxf(x, least), most);
}
__device__ double clamped(double x, double least, double most) {
  return fmin(fmax(x, least), most);
}
/// The nearest whole number, of halves the even one, of numbers up to 2^21; and that in its lower
/// bits. Other ways to round are slow; it is not taken together with a product.
__device__ float whole(float x) { return __fadd_rn(__fadd_rn(x, 12582912.0f), -12582912.0f); }
__device__ int whole_bits(float x) { return __float_as_int(__fadd_rn(x, 12582912.0f)); }
/// Integers of 8 bits, without the slow conversion.
__device__ float float_of(unsigned char x) {
  return __uint_as_float(0x4b000000u | x) - 8388608.0f;
}
__device__ float float_of(signed char x) {
  return __uint_as_float(0x4b000000u | (unsigned char)(x ^ 0x80)) - 8388736.0f;
}
/// The sum in 64 bits, rounded once.
__device__ float sum_as_f32(int a, int b) {
  const int sum = (int)((unsigned)a + (unsigned)b);
  if (((a ^ sum) & (b ^ sum)) < 0) return (float)((long long)a + b);
  return (float)sum;
}
template <class T> __device__ T quotient(T a, T b) {
  if (b == 0) return 0;
  if ((T)-1 < (T)0 && b == (T)-1) return (T)(0 - (unsigned long long)a);
  return a / b;
}
template <class T> __device__ T rest(T a, T b) {
  if (b == 0 || ((T)-1 < (T)0 && b == (T)-1)) return 0;
  return a % b;
}
template <class T> __device__ T floor_rest(T a, T b) {
  T r = rest(a, b);
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}
template <class T> __device__ T integer_power(T base, T exponent) {
  if ((T)-1 < (T)0 && exponent < 0)
    return base == (T)1 ? 1 : base == (T)-1 ? (exponent & 1 ? -1 : 1) : 0;
  unsigned long long result = 1, square = (unsigned long long)base;
  unsigned long long left = (unsigned long long)exponent;
  for (; left != 0; left >>= 1, square *= square)
    if (left & 1) result *= square;
  return (T)result;
}
__device__ long long to_integer(double x) {
  return x != x ? 0 : x >= 9223372036854775807.0 ? 9223372036854775807ll
       : x <= -9223372036854775808.0 ? -9223372036854775807ll - 1 : (long long)x;
}
__device__ unsigned long long to_unsigned(double x) {
  if (x != x) return 0;
  if (x < 0) return (unsigned long long)to_integer(x);
  return x >= 18446744073709551615.0 ? 18446744073709551615ull : (unsigned long long)x;
}

/// Elements side by side: 16 bytes, as far as there are so many, are read and written at a time.
template <class T, int kCount>
struct alignas(sizeof(T) * kCount < 16 ? sizeof(T) * kCount : 16) Run {
  T x[kCount];
};
template <class T, int kCount> __device__ void take(Run<T, kCount>& run, const T* from) {
  run = *(const Run<T, kCount>*)from;
}
template <class T, int kCount> __device__ void put(T* to, const Run<T, kCount>& run) {
  *(Run<T, kCount>*)to = run;
}
template <class T, int kCount> __device__ void fill(Run<T, kCount>& run, T x) {
#pragma unroll
  for (int i = 0; i < kCount; ++i) run.x[i] = x;
}
/// From an address that may be no multiple of 16.
template <class T, int kCount> __device__ void take_loose(Run<T, kCount>& run, const T* from) {
  if ((unsigned long long)from % alignof(Run<T, kCount>) == 0) return take(run, from);
#pragma unroll
  for (int i = 0; i < kCount; ++i) run.x[i] = from[i];
}
template <class T, int kCount> __device__ void put_loose(T* to, const Run<T, kCount>& run) {
  if ((unsigned long long)to % alignof(Run<T, kCount>) == 0) return put(to, run);
#pragma unroll
  for (int i = 0; i < kCount; ++i) to[i] = run.x[i];
}
