// Elements of less than 16 bits: small floats (their formats are those of base/float_format.hpp),
// and parts of bytes, the first one in the lowest bits.

constexpr int kIeee = 0, kFn = 1, kFnuz = 2, kFinite = 3;

template <int width, int mantissa, int bias, int special, unsigned largest, unsigned nan>
struct Small {
  static __device__ float from(unsigned code) {
    const unsigned magnitude = code & ((1u << (width - 1)) - 1);
    const bool negative = code >> (width - 1) & 1;
    if (special == kFnuz && code == nan) return __uint_as_float(0x7fc00000u);
    if (special != kFinite && magnitude > largest) {
      const unsigned bits = special == kIeee && magnitude == largest + 1 ? 0x7f800000u : 0x7fc00000u;
      return __uint_as_float(bits | (negative ? 0x80000000u : 0u));
    }
    const unsigned exponent = magnitude >> mantissa;
    const unsigned fraction = magnitude & ((1u << mantissa) - 1);
    const unsigned significand = exponent == 0 ? fraction : fraction | 1u << mantissa;
    const int scale = (exponent == 0 ? 1 : (int)exponent) - bias - mantissa;
    const float value = (float)significand * __int_as_float((127 + scale) << 23);
    return negative ? -value : value;
  }

  /// To the nearest one, halves to even; what is too large, to the largest.
  static __device__ unsigned char to(double value) {
    const unsigned long long infinity = 0x7ffull << 52;
    const unsigned long long bits = (unsigned long long)__double_as_longlong(value);
    const unsigned long long magnitude = bits & 0x7fffffffffffffffull;
    const unsigned sign = (unsigned)(bits >> 63) << (width - 1);
    if (magnitude > infinity)
      return (unsigned char)(special == kFnuz || special == kFinite ? nan : sign | nan);
    const unsigned long long code = magnitude == infinity ? largest + 1ull : rounded(magnitude);
    if (code > largest) return (unsigned char)(sign | largest);
    if (special == kFnuz && code == 0) return 0;
    return (unsigned char)(sign | (unsigned)code);
  }

  static __device__ unsigned long long rounded(unsigned long long magnitude) {
    const int exponent = (int)(magnitude >> 52) - 1023 + bias;
    const unsigned long long whole = (magnitude & 0xfffffffffffffull) | 0x10000000000000ull;
    const int below = exponent >= 1 ? 0 : 1 - exponent;
    if (below > mantissa + 1) return 0;
    const int dropped = 52 - mantissa + below;
    const unsigned long long half = 1ull << (dropped - 1), kept = whole >> dropped;
    return ((whole + half - 1 + (kept & 1)) >> dropped) +
           ((unsigned long long)(exponent >= 1 ? exponent - 1 : 0) << mantissa);
  }
};

typedef Small<8, 3, 7, kFn, 0x7e, 0x7f> small_f8e4m3fn;
typedef Small<8, 3, 8, kFnuz, 0x7f, 0x80> small_f8e4m3fnuz;
typedef Small<8, 2, 15, kIeee, 0x7b, 0x7e> small_f8e5m2;
typedef Small<8, 2, 16, kFnuz, 0x7f, 0x80> small_f8e5m2fnuz;
typedef Small<4, 1, 1, kFinite, 0x7, 0x8> small_f4e2m1;

/// Powers of two.
struct small_f8e8m0 {
  static __device__ float from(unsigned code) {
    return __uint_as_float(code == 255 ? 0x7fc00000u : code == 0 ? 0x00400000u : code << 23);
  }
};

template <int width>
struct SmallSigned {
  static __device__ signed char from(unsigned code) {
    return (signed char)((int)(code << (32 - width)) >> (32 - width));
  }
  static __device__ signed char to(long long value) { return from((unsigned)value); }
};
template <int width>
struct SmallUnsigned {
  static __device__ unsigned char from(unsigned code) {
    return (unsigned char)(code & ((1u << width) - 1));
  }
  static __device__ unsigned char to(long long value) { return from((unsigned)value); }
};
typedef SmallSigned<4> small_i4;
typedef SmallSigned<2> small_i2;
typedef SmallUnsigned<4> small_u4;
typedef SmallUnsigned<2> small_u2;

/// The code of an element of which there are several in a byte.
template <int width>
__device__ unsigned part_of(const void* bytes, I at) {
  const unsigned byte = ((const unsigned char*)bytes)[at / (8 / width)];
  return byte >> (int)(at % (8 / width)) * width & ((1u << width) - 1);
}
