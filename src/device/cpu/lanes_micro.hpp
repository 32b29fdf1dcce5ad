// Vectors of f32 and functions of them as polynomials. Includes nothing, as gemm_micro.hpp.
#pragma once

namespace {

template <int kWidth>
struct Scaled;

template <int kWidth>
struct Lanes {
  typedef float V __attribute__((vector_size(kWidth * 4)));
  typedef int I __attribute__((vector_size(kWidth * 4)));
  typedef float Loose __attribute__((vector_size(kWidth * 4), aligned(4), may_alias));

  static V load(const float* from) { return *reinterpret_cast<const Loose*>(from); }
  static void store(float* to, V value) { *reinterpret_cast<Loose*>(to) = value; }
  static V all(float value) { return V{} + value; }
  static V bits(I value) { return reinterpret_cast<V>(value); }
  static I bits(V value) { return reinterpret_cast<I>(value); }
  static V magnitude(V x) { return bits(bits(x) & 0x7fffffff); }
  static V with_sign(V x, V sign) { return bits(bits(x) | (bits(sign) & int(0x80000000))); }

  /// Every lane gets that of the lane `kStep` on, or as many before it.
  template <int kStep>
  static V swapped(V v) {
    if constexpr (kWidth == 4)
      return __builtin_shufflevector(v, v, 0 ^ kStep, 1 ^ kStep, 2 ^ kStep, 3 ^ kStep);
    else if constexpr (kWidth == 8)
      return __builtin_shufflevector(v, v, 0 ^ kStep, 1 ^ kStep, 2 ^ kStep, 3 ^ kStep, 4 ^ kStep,
                                     5 ^ kStep, 6 ^ kStep, 7 ^ kStep);
    else
      return __builtin_shufflevector(v, v, 0 ^ kStep, 1 ^ kStep, 2 ^ kStep, 3 ^ kStep, 4 ^ kStep,
                                     5 ^ kStep, 6 ^ kStep, 7 ^ kStep, 8 ^ kStep, 9 ^ kStep,
                                     10 ^ kStep, 11 ^ kStep, 12 ^ kStep, 13 ^ kStep, 14 ^ kStep,
                                     15 ^ kStep);
  }
  /// All lanes joined in halves: the first half with the second, and so on.
  template <class Join>
  static float joined(V v, Join join) {
    if constexpr (kWidth > 8) v = join(v, swapped<8>(v));
    if constexpr (kWidth > 4) v = join(v, swapped<4>(v));
    v = join(v, swapped<2>(v));
    return join(v, swapped<1>(v))[0];
  }

  /// 2^n for n in [-126, 127].
  static V power(I n) { return bits((n + 127) << 23); }

  /// exp(x) = 2^n * (1 + e): n and e, |x - n * log(2)| <= log(2) / 2. The series of exp to the 7th
  /// power: the next term is below 6e-9.
  static V reduced(V x, I& n) {
    const V shifted = x * 1.44269504f + 12582912.0f;  // 1.5 * 2^23 rounds to an integer
    const V whole = shifted - 12582912.0f;
    n = bits(shifted) - 0x4b400000;
    const V r = x - whole * 0.693145752f - whole * 1.42860677e-6f;  // log(2) in two parts
    V e = all(1.0f / 5040) * r + 1.0f / 720;
    e = e * r + 1.0f / 120;
    e = e * r + 1.0f / 24;
    e = e * r + 1.0f / 6;
    e = e * r + 0.5f;
    return r + r * r * e;
  }

  static V clamped(V x, float least, float most) {
    x = x < least ? all(least) : x;
    return x > most ? all(most) : x;  // NaN stays
  }

  /// exp(r) for |r| up to log(2) / 2. This fit and those of erf are those of
  /// device/cpu/emit/functions.cpp.
  static V exp_rest(V r) {
    V p = all(0.00138368295f) * r + 0.00837482233f;
    p = p * r + 0.0416682251f;
    p = p * r + 0.166664198f;
    p = p * r + 0.49999991f;
    p = p * r + 1.0f;
    return p * r + 1.0f;
  }

  /// exp(x) for x from -87.33 to 88.
  static V exp_normal(V x) {
    constexpr float kShift = 12582912.0f + 127;  // rounds to an integer, plus an exponent's bias
    const V shifted = x * 1.44269504f + kShift;
    const V whole = shifted - kShift;
    return exp_rest(x - whole * 0.693145752f - whole * 1.42860677e-6f) * bits(bits(shifted) << 23);
  }
  /// exp(x) for x up to 0: what would be no normal number is 0. NaN stays.
  static V exp_negative(V x) { return x < -87.33f ? V{} : exp_normal(x); }

  /// Of infinities, too; results may be subnormal.
  static V exp(V x) {
    x = clamped(x, -104.0f, 89.0f);
    const V shifted = x * 1.44269504f + 12582912.0f;  // 1.5 * 2^23 rounds to an integer
    const V whole = shifted - 12582912.0f;
    const V p = exp_rest(x - whole * 0.693145752f - whole * 1.42860677e-6f);
#ifdef __AVX512F__
    if constexpr (kWidth == 16) return Scaled<kWidth>::by_power(p, whole);
#endif
    const I n = bits(shifted) - 0x4b400000;
    const I half = n >> 1;  // in two steps
    return p * power(half) * power(n - half);
  }

  /// above / (1 + exp(-x)); 0 where exp(-x) is more than exp_normal makes.
  static V over_exp(V above, V x) {
    constexpr float kMost = 88.37f;  // exp_normal's
    const V made = above / (1.0f + exp_normal(clamped(-x, -87.33f, kMost)));
    return x < -kMost ? V{} : made;
  }
  static V sigmoid(V x) { return over_exp(all(1.0f), x); }

  /// With t = exp(-2 |x|) - 1 it is -t / (t + 2). h: what is left of |x| beside halves of log(2).
  static V tanh(V x) {
    V a = magnitude(x);
    a = a > 20.0f ? all(20.0f) : a;
    const V shifted = a * -2.88539008f + 12582912.0f;  // 1.5 * 2^23 rounds to an integer
    const V whole = shifted - 12582912.0f;
    const V h = a + whole * 0.346572876f + whole * 7.14303385e-7f;
    V p = all(64 * 0.00138368295f) * h - 32 * 0.00837482233f;  // exp_normal's fit, of -2 h
    p = p * h + 16 * 0.0416682251f;
    p = p * h - 8 * 0.166664198f;
    p = p * h + 4 * 0.49999991f;
    p = p * h - 2.0f;
    const V scale = power(bits(shifted) - 0x4b400000);
    const V t = p * h * scale + (scale - 1.0f);
    return with_sign(magnitude(t), x) / (t + 2.0f);
  }

  /// Below 1 a polynomial in x^2 of erf(x) / x, from there on 1 - exp(polynomial).
  static V erf(V x) {
    const V u = x * x;
    V near = all(7.853857823647559e-05f) * u - 0.0008010193123482168f;
    near = near * u + 0.005188327748328447f;
    near = near * u - 0.026853812858462334f;
    near = near * u + 0.1128358542919159f;
    near = near * u - 0.3761262595653534f;
    near = near * u + 0.128379167f;
    near = near * x + x;
    V a = magnitude(x);
    a = a > 3.95f ? all(3.95f) : a;
    V far = all(-2.1686850232072175e-05f) * a + 0.0004413363431234926f;
    far = far * a - 0.004204561933875084f;
    far = far * a + 0.025208257138729095f;
    far = far * a - 0.10841857641935349f;
    far = far * a - 0.6332198977470398f;
    far = far * a - 1.1295784711837769f;
    far = far * a + 0.000188040328794159f;
    const V beyond = with_sign(1.0f - exp_normal(far), x);
    return u < 1.0f ? near : (u != u ? x : beyond);
  }
};

template <int kWidth>
struct Scaled {
  using V = typename Lanes<kWidth>::V;
#ifdef __AVX512F__
  /// value * 2^whole, whatever that is.
  static V by_power(V value, V whole) {
    return __builtin_ia32_scalefps512_mask(value, whole, value, static_cast<unsigned short>(-1), 4);
  }
#endif
};

}  // namespace
