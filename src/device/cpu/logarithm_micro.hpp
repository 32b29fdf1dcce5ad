// Functions of f32 as polynomials, compiled once per instruction set that has FMA: products that
// are only added to are not rounded before, which the reductions below rely on. All fits are our
// own, by weighted least squares. Includes no code, as gemm_micro.hpp.
#pragma once

#include "device/cpu/lanes_micro.hpp"

namespace {

template <int kWidth>
struct LogarithmLanes : Lanes<kWidth> {
  using L = Lanes<kWidth>;
  using V = typename L::V;
  using I = typename L::I;
  using L::all, L::bits, L::magnitude, L::with_sign, L::reduced, L::power, L::clamped;

  static constexpr float kInfinity = __builtin_inff();
  // ln 2 in two parts: the product of the first one and an exponent is exact.
  static constexpr float kLn2 = 0.693147181f, kLn2High = 0.693145752f, kLn2Low = 1.42860677e-6f;
  template <unsigned long kCount>
  static V polynomial(V x, const float (&coefficients)[kCount]) {
    V p = all(coefficients[kCount - 1]);
    for (unsigned long i = kCount - 1; i-- > 0;) p = p * x + coefficients[i];
    return p;
  }

  static V sqrt(V x) {
    if constexpr (kWidth == 8) {
      return __builtin_ia32_sqrtps256(x);
    } else {
#if defined(__clang__) && defined(__AVX512F__)
      return __builtin_ia32_sqrtps512(x, 4);
#elif defined(__AVX512F__)
      return __builtin_ia32_sqrtps512_mask(x, V{}, static_cast<unsigned short>(-1), 4);
#endif
    }
  }

  /// As roundps numbers them: 0 to even, 1 down, 2 up; 8: without the flag of what is inexact.
  template <int kHow>
  static V rounded(V x) {
    if constexpr (kWidth == 8) {
      return __builtin_ia32_roundps256(x, kHow | 8);
    } else {
#ifdef __AVX512F__
      return __builtin_ia32_rndscaleps_mask(x, kHow | 8, V{}, static_cast<unsigned short>(-1), 4);
#endif
    }
  }

  /// log(u) + extra, which is small beside 1. u = 2^e * m with m around 1: e * ln 2 + log(m).
  static V log_plus(V u, V extra) {
    // (log(1 + f) - f + f^2 / 2) / f^3, as in device/cpu/emit/functions.cpp.
    static constexpr float kLog[] = {
        0.3333333134651184f,   -0.24999980628490448f, 0.2000068873167038f,
        -0.16669151186943054f, 0.1425115466117859f,   -0.12396705895662308f,
        0.1163467988371849f,   -0.11659899353981018f, 0.07332444936037064f};
    constexpr float kNormal = 1.17549435e-38f;
    // What is too small for an exponent of its own is scaled by 2^23.
    const V scaled = u < kNormal ? u * 8388608.0f : u;
    const V shift = u < kNormal ? all(-23.0f) : V{};
    const I exponent = (bits(scaled) - 0x3f3504f3) >> 23;
    const V f = bits(bits(scaled) - (exponent << 23)) - 1.0f;
    const V e = __builtin_convertvector(exponent, V) + shift;
    const V z = f * f;
    V small = polynomial(f, kLog) * f * z;
    small = e * kLn2Low + (small + extra);
    small = small - 0.5f * z;
    V result = e * kLn2High + (f + small);
    result = u == 0.0f ? all(-kInfinity) : result;
    result = u < kInfinity ? result : u;  // infinity, NaN
    return u < 0.0f ? all(__builtin_nanf("")) : result;
  }
  static V log(V x) { return log_plus(x, V{}); }
  /// log(1 + y): with what the sum 1 + y is short of.
  static V log1p(V y) {
    const V u = y + 1.0f;
    const V lost = (u > 2.0f ? 1.0f - (u - y) : y - (u - 1.0f)) / u;
    return log_plus(u, u < kInfinity ? lost : V{});
  }
  static V softplus(V x) { return (x > 0.0f ? x : V{}) + log1p(L::exp(-magnitude(x))); }

  /// exp(x) - 1, x up to 88.
  static V expm1(V x) {
    I n;
    const V e = reduced(clamped(x, -20.0f, 88.0f), n);
    const V scale = power(n);
    return e * scale + (scale - 1.0f);
  }
  /// exp(x) / 2 for x >= 0.
  static V half_exp(V x) {
    I n;
    const V e = reduced(clamped(x, 0.0f, 90.0f), n);
    const I half = n >> 1;  // in two steps: 2^n may be no float
    return (e + 1.0f) * power(half) * power(n - half - 1);
  }
  static V sinh(V x) {
    // (sinh(x) / x - 1) / x^2 of x^2 < 1.
    static constexpr float kSinh[] = {0.1666666716337204f, 0.008333350531756878f,
                                      0.0001983606634894386f, 2.817439735736116e-06f};
    const V z = x * x;
    const V near = x * z * polynomial(z, kSinh) + x;
    const V half = half_exp(magnitude(x));
    return z < 1.0f ? near : with_sign(half - 0.25f / half, x);
  }
  static V cosh(V x) {
    const V half = half_exp(magnitude(x));
    return half + 0.25f / half;
  }

  static constexpr float kLarge = 8192.0f;  // what 1 is nothing beside
  /// log(a + sqrt(a^2 + 1)) with the sign of x; where the 1 does not count, log(2 a).
  static V asinh(V x) {
    const V a = magnitude(x);
    const V squared = a * a;
    const V y = a + squared / (1.0f + sqrt(squared + 1.0f));
    const V u = y + 1.0f;
    const V lost = (u > 2.0f ? 1.0f - (u - y) : y - (u - 1.0f)) / u;
    const auto large = a > kLarge;
    return with_sign(log_plus(large ? a : u, large ? V{} : lost) + (large ? all(kLn2) : V{}), x);
  }
  static V acosh(V x) {
    const V t = x - 1.0f;
    const V y = t + sqrt(t * (t + 2.0f));
    const V u = y + 1.0f;
    const V lost = (u > 2.0f ? 1.0f - (u - y) : y - (u - 1.0f)) / u;
    const auto large = x > kLarge;
    const V result = log_plus(large ? x : u, large ? V{} : lost) + (large ? all(kLn2) : V{});
    return x < 1.0f ? all(__builtin_nanf("")) : result;
  }
  static V atanh(V x) {
    const V a = magnitude(x);
    return with_sign(0.5f * log1p((a + a) / (1.0f - a)), x);
  }
};

}  // namespace
