// Rows of f64, compiled once per instruction set. Includes no code, as gemm_micro.hpp.
#pragma once

#include "device/cpu/doubles.hpp"

namespace {

template <int kWidth>
struct DoubleLanes {
  typedef double V __attribute__((vector_size(kWidth * 8)));
  typedef long I __attribute__((vector_size(kWidth * 8)));
  typedef double Loose __attribute__((vector_size(kWidth * 8), aligned(8), may_alias));
};

template <int kWidth>
struct DoubleRows {
  using V = typename DoubleLanes<kWidth>::V;
  using I = typename DoubleLanes<kWidth>::I;
  using Loose = typename DoubleLanes<kWidth>::Loose;

  static V load(const double* from) { return *reinterpret_cast<const Loose*>(from); }
  static void store(double* to, V value) { *reinterpret_cast<Loose*>(to) = value; }
  static V all(double value) { return V{} + value; }
  static V bits(I value) { return reinterpret_cast<V>(value); }
  static I bits(V value) { return reinterpret_cast<I>(value); }

  static constexpr double kRounding = 6755399441055744.0;  // 1.5 * 2^52: no place for a fraction
  static constexpr double kLogHigh = 6.93147180369123816490e-01;  // log(2) in two parts
  static constexpr double kLogLow = 1.90821492927058770002e-10;

  /// 2^n of a whole number n to which kRounding was added, n in [-1022, 1023].
  static V power(V shifted) { return bits((bits(shifted) - 0x4338000000000000 + 1023) << 52); }

  /// exp(r) - 1 for |r| up to log(2) / 2: the series to the 13th power, the next term is below
  /// 5e-18.
  static V series(V r) {
    V p = all(1.0 / 6227020800) * r + 1.0 / 479001600;
    p = p * r + 1.0 / 39916800;
    p = p * r + 1.0 / 3628800;
    p = p * r + 1.0 / 362880;
    p = p * r + 1.0 / 40320;
    p = p * r + 1.0 / 5040;
    p = p * r + 1.0 / 720;
    p = p * r + 1.0 / 120;
    p = p * r + 1.0 / 24;
    p = p * r + 1.0 / 6;
    p = p * r + 0.5;
    return r + r * r * p;
  }

  static V exp(V x) {
    x = x < -746.0 ? all(-746.0) : x;
    x = x > 710.0 ? all(710.0) : x;  // NaN stays
    const V whole = (x * 1.44269504088896340736 + kRounding) - kRounding;
    const V e = series(x - whole * kLogHigh - whole * kLogLow);
    const V shifted = whole * 0.5 + kRounding;  // in two steps: the result may be subnormal
    const V half = shifted - kRounding;
    return (e + 1.0) * power(shifted) * power(whole - half + kRounding);
  }
  static V sigmoid(V x) { return 1.0 / (1.0 + exp(-x)); }

  /// With t = exp(-2 |x|) - 1 it is -t / (t + 2).
  static V tanh(V x) {
    constexpr long kSign = -__LONG_MAX__ - 1;
    const I sign = bits(x) & kSign;
    V a = bits(bits(x) ^ sign);
    a = a > 22.0 ? all(22.0) : a;
    const V shifted = a * -2.88539008177792681472 + kRounding;
    const V whole = shifted - kRounding;
    const V e = series(-2.0 * a - whole * kLogHigh - whole * kLogLow);
    const V scale = power(shifted);
    const V t = e * scale + (scale - 1.0);
    return bits((bits(t) & ~kSign) | sign) / (t + 2.0);
  }

  static V sqrt(V x) {
#if defined(__clang__) && defined(__AVX512F__)
    if constexpr (kWidth == 8) return __builtin_ia32_sqrtpd512(x, 4);
#elif defined(__AVX512F__)
    if constexpr (kWidth == 8)
      return __builtin_ia32_sqrtpd512_mask(x, V{}, static_cast<unsigned char>(-1), 4);
#elif defined(__AVX2__)
    if constexpr (kWidth == 4) return __builtin_ia32_sqrtpd256(x);
#endif
    for (int lane = 0; lane < kWidth; ++lane) x[lane] = __builtin_sqrt(x[lane]);
    return x;
  }

  /// The end of a row is the end of a vector that reaches back, computed first: `to` may be `from`.
  template <class F>
  static void map(long count, const double* from, double* to, F f) {
    if (count >= kWidth) {
      const long end = count - kWidth;
      const V last = f(load(from + end));
      for (long i = 0; i < end; i += kWidth) store(to + i, f(load(from + i)));
      return store(to + end, last);
    }
    double rest[kWidth] = {};
    for (long k = 0; k < count; ++k) rest[k] = from[k];
    store(rest, f(load(rest)));
    for (long k = 0; k < count; ++k) to[k] = rest[k];
  }

  static void exp_row(long count, const double* from, double* to) {
    map(count, from, to, [](V x) { return exp(x); });
  }
  static void sigmoid_row(long count, const double* from, double* to) {
    map(count, from, to, [](V x) { return sigmoid(x); });
  }
  static void tanh_row(long count, const double* from, double* to) {
    map(count, from, to, [](V x) { return tanh(x); });
  }
  static void sqrt_row(long count, const double* from, double* to) {
    map(count, from, to, [](V x) { return sqrt(x); });
  }
  static double exp_shifted_row(long count, double shift, const double* from, double* to) {
    map(count, from, to, [shift](V x) { return exp(x - shift); });
    V sums[2] = {};
    long i = 0;
    for (; i + 2 * kWidth <= count; i += 2 * kWidth)
      sums[0] += load(to + i), sums[1] += load(to + i + kWidth);
    sums[0] += sums[1];
    double total = 0;
    for (int lane = 0; lane < kWidth; ++lane) total += sums[0][lane];
    for (; i < count; ++i) total += to[i];
    return total;
  }
  static void affine_row(long count, double factor, double shift, const double* from, double* to) {
    map(count, from, to, [=](V x) { return x * factor + shift; });
  }

  static void standardize_row(long count, double center, double factor, double shift,
                              const double* from, double* to) {
    map(count, from, to, [=](V x) { return (x - center) * factor + shift; });
  }

  /// The best element, of `none` and those; NaN where one is.
  template <class Better>
  static double choose(long count, const double* from, double none, Better better) {
    constexpr int kVectors = 4;
    V best[kVectors] = {all(none), all(none), all(none), all(none)};
    I poison[2] = {};
    long i = 0;
    for (; i + kVectors * kWidth <= count; i += kVectors * kWidth)
      for (int k = 0; k < kVectors; ++k) {
        const V x = load(from + i + k * kWidth);
        best[k] = better(x, best[k]) ? x : best[k];
        poison[k % 2] |= x != x;
      }
    poison[0] |= poison[1];
    double result = none;
    for (int k = 0; k < kVectors; ++k)
      for (int lane = 0; lane < kWidth; ++lane)
        if (better(best[k][lane], result)) result = best[k][lane];
    for (int lane = 0; lane < kWidth; ++lane)
      if (poison[0][lane] != 0) return __builtin_nan("");
    for (; i < count; ++i)
      if (better(from[i], result) || from[i] != from[i]) result = from[i];
    return result;
  }
  static double max_row(long count, const double* from) {
    return choose(count, from, -__builtin_inf(), [](auto x, auto best) { return x > best; });
  }
  static double min_row(long count, const double* from) {
    return choose(count, from, __builtin_inf(), [](auto x, auto best) { return x < best; });
  }
};

template <int kWidth>
constexpr hone::cpu::DoubleFunctions functions_of_doubles() {
  using R = DoubleRows<kWidth>;
  return {R::exp_row,    R::sigmoid_row,     R::tanh_row, R::sqrt_row, R::exp_shifted_row,
          R::affine_row, R::standardize_row, R::max_row,  R::min_row};
}

}  // namespace
