// The functions over rows. Compiled once per instruction set that has FMA; includes no code, as
// gemm_micro.hpp.
#pragma once

#include "device/cpu/angles_micro.hpp"
#include "device/cpu/vector_functions.hpp"

namespace {

template <int kWidth>
struct FunctionRows {
  using L = FunctionLanes<kWidth>;
  using V = typename L::V;
  using I = typename L::I;

  template <class F>
  static void map(long count, const float* from, float* to, F f) {
    long i = 0;
    for (; i + kWidth <= count; i += kWidth) L::store(to + i, f(L::load(from + i)));
    if (i == count) return;
    float rest[kWidth] = {};
    for (long k = i; k < count; ++k) rest[k - i] = from[k];
    L::store(rest, f(L::load(rest)));
    for (long k = i; k < count; ++k) to[k] = rest[k - i];
  }
  template <V (*kFunction)(V)>
  static void row(long count, const float* from, float* to) {
    map(count, from, to, [](V x) { return kFunction(x); });
  }
  /// Blocks with larger angles than the vectors take go the slow way.
  template <V (*kFunction)(V), double (*kSlow)(double)>
  static void angles(long count, const float* from, float* to) {
    constexpr long kBlock = 128;
    for (long first = 0; first < count; first += kBlock) {
      const long size = count - first < kBlock ? count - first : kBlock;
      I inside = I{} - 1;
      long i = first;
      for (; i + kWidth <= first + size; i += kWidth)
        inside &= L::magnitude(L::load(from + i)) <= L::kMostAngle;
      bool all = true;
      for (int lane = 0; lane < kWidth; ++lane) all &= inside[lane] != 0;
      for (; i < first + size; ++i) all &= __builtin_fabsf(from[i]) <= L::kMostAngle;
      if (all) row<kFunction>(size, from + first, to + first);
      else
        for (i = first; i < first + size; ++i) to[i] = static_cast<float>(kSlow(double{from[i]}));
    }
  }
  static double slow_sin(double x) { return __builtin_sin(x); }
  static double slow_cos(double x) { return __builtin_cos(x); }
  static double slow_tan(double x) { return __builtin_tan(x); }

  static void softsign(long count, const float* from, float* to) {
    map(count, from, to, [](V x) { return x / (1.0f + L::magnitude(x)); });
  }
  static void reciprocal(long count, const float* from, float* to) {
    map(count, from, to, [](V x) { return 1.0f / x; });
  }
  static void leaky(long count, float factor, const float* from, float* to) {
    map(count, from, to, [factor](V x) { return x < 0.0f ? x * factor : x; });
  }
  static void elu(long count, float above, float below, float slope, const float* from, float* to) {
    map(count, from, to, [=](V x) { return x < 0.0f ? below * L::expm1(x * slope) : x * above; });
  }
};

template <int kWidth>
constexpr hone::cpu::VectorFunctions functions_of_vectors() {
  using R = FunctionRows<kWidth>;
  using L = FunctionLanes<kWidth>;
  return {R::template row<L::log>,
          R::template angles<L::template sine<0>, R::slow_sin>,
          R::template angles<L::template sine<1>, R::slow_cos>,
          R::template angles<L::tan, R::slow_tan>,
          R::template row<L::asin>,
          R::template row<L::acos>,
          R::template row<L::atan>,
          R::template row<L::sinh>,
          R::template row<L::cosh>,
          R::template row<L::asinh>,
          R::template row<L::acosh>,
          R::template row<L::atanh>,
          R::template row<L::softplus>,
          R::softsign,
          R::template row<L::sqrt>,
          R::reciprocal,
          R::template row<L::template rounded<1>>,
          R::template row<L::template rounded<2>>,
          R::template row<L::template rounded<0>>,
          R::leaky,
          R::elu};
}

}  // namespace
