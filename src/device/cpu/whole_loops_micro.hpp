// Loops over rows of integers and truths: plain ones, which the compiler makes vectors
// of. Includes no code, as gemm_micro.hpp.
#pragma once

#include "device/cpu/number_loops_micro.hpp"

namespace {

// One name for each: a table is made of their addresses.
template <int kWidth>
struct BitLoops {
  using T = Bits<kWidth>;
  static constexpr unsigned kBits = 8 * sizeof(T);
  static void add(long count, const void* a, const void* b, void* to) {
    pair<T, T>(count, a, b, to, [](T x, T y) { return static_cast<T>(x + y); });
  }
  static void subtract(long count, const void* a, const void* b, void* to) {
    pair<T, T>(count, a, b, to, [](T x, T y) { return static_cast<T>(x - y); });
  }
  static void multiply(long count, const void* a, const void* b, void* to) {
    // Of 16 bits in unsigned numbers: as int a product may overflow.
    pair<T, T>(count, a, b, to, [](T x, T y) {
      if constexpr (sizeof(T) < 4) return static_cast<T>(unsigned{x} * y);
      else return x * y;
    });
  }
  static void equal(long count, const void* a, const void* b, void* to) {
    pair<T, unsigned char>(count, a, b, to,
                           [](T x, T y) { return static_cast<unsigned char>(x == y); });
  }
  static void shift_left(long count, const void* a, const void* b, void* to) {
    pair<T, T>(count, a, b, to, [](T x, T y) {
      const T shifted = static_cast<T>(x << (y & (kBits - 1)));
      return y < kBits ? shifted : T{0};
    });
  }
  static void shift_right(long count, const void* a, const void* b, void* to) {
    pair<T, T>(count, a, b, to, [](T x, T y) {
      const T shifted = static_cast<T>(x >> (y & (kBits - 1)));
      return y < kBits ? shifted : T{0};
    });
  }
  static void negate(long count, const void* from, void* to) {
    single<T, T>(count, from, to, [](T x) { return static_cast<T>(T{0} - x); });
  }
  static void not_zero(long count, const void* from, void* to) {
    single<T, unsigned char>(count, from, to,
                             [](T x) { return static_cast<unsigned char>(x != 0); });
  }
  static void choose(long count, const unsigned char* condition, const void* a, const void* b,
                     void* to) {
    const T *x = static_cast<const T*>(a), *y = static_cast<const T*>(b);
    each<T>(count, to, [=](long i) {
      const T chosen = x[i], other = y[i];
      return condition[i] != 0 ? chosen : other;
    });
  }
};

template <int kNumber>
struct WholeLoops {
  using T = Of<kNumber>;
  static constexpr bool kSigned = kNumber % 2 == 0;
  static void least(long count, const void* a, const void* b, void* to) {
    pair<T, T>(count, a, b, to, [](T x, T y) { return x < y ? x : y; });
  }
  static void most(long count, const void* a, const void* b, void* to) {
    pair<T, T>(count, a, b, to, [](T x, T y) { return x > y ? x : y; });
  }
  static void less(long count, const void* a, const void* b, void* to) {
    pair<T, unsigned char>(count, a, b, to,
                           [](T x, T y) { return static_cast<unsigned char>(x < y); });
  }
  static void less_equal(long count, const void* a, const void* b, void* to) {
    pair<T, unsigned char>(count, a, b, to,
                           [](T x, T y) { return static_cast<unsigned char>(x <= y); });
  }
  /// By way of floats with more digits than quotients have. The smallest by -1 wraps.
  static void divide(long count, const void* a, const void* b, void* to) {
    pair<T, T>(count, a, b, to, [](T x, T y) {
      if constexpr (sizeof(T) < 4) {
        const float quotient = static_cast<float>(x) / static_cast<float>(y == 0 ? T{1} : y);
        return static_cast<T>(y == 0 ? 0 : static_cast<int>(quotient));
      } else if constexpr (kSigned) {
        const T divisor = y == 0 || y == -1 ? T{1} : y;
        const T quotient = static_cast<T>(static_cast<double>(x) / static_cast<double>(divisor));
        const T negated = static_cast<T>(0U - static_cast<unsigned>(x));
        return y == 0 ? T{0} : y == -1 ? negated : quotient;
      } else {
        const double quotient = static_cast<double>(x) / static_cast<double>(y == 0 ? T{1} : y);
        return y == 0 ? T{0} : static_cast<T>(static_cast<long>(quotient));
      }
    });
  }
  /// By the divisor's inverse, which is a little more than it is: quotients that are whole do not
  /// fall below it, and others lie further below the next whole number than that.
  static void divide_by(long count, const void* a, const void* b, void* to) {
    const T divisor = *static_cast<const T*>(b);
    using Real = typename Chosen<(sizeof(T) < 4), float, double>::T;
    constexpr Real kMore = sizeof(T) < 4 ? Real{0x1p-20} : Real{0x1p-50};
    const Real inverse = 1 / static_cast<Real>(divisor == 0 ? T{1} : divisor) * (1 + kMore);
    if (divisor == 0) return single<T, T>(count, a, to, [](T) { return T{0}; });
    if (kSigned && divisor == T(-1))
      return single<T, T>(count, a, to,
                          [](T x) { return static_cast<T>(0U - static_cast<unsigned>(x)); });
    single<T, T>(count, a, to, [inverse](T x) {
      using Whole = typename Chosen<sizeof(T) == 4 && !kSigned, long, int>::T;
      return static_cast<T>(static_cast<Whole>(static_cast<Real>(x) * inverse));
    });
  }
  static void smallest(long count, const void* from, void* to) {
    const T* x = static_cast<const T*>(from);
    T found = x[0];
    for (long i = 1; i < count; ++i) found = x[i] < found ? x[i] : found;
    *static_cast<T*>(to) = found;
  }
  static void largest(long count, const void* from, void* to) {
    const T* x = static_cast<const T*>(from);
    T found = x[0];
    for (long i = 1; i < count; ++i) found = x[i] > found ? x[i] : found;
    *static_cast<T*>(to) = found;
  }
  static void absolute(long count, const void* from, void* to) {
    using U = Of<kNumber | 1>;
    single<T, T>(count, from, to,
                 [](T x) { return x < 0 ? static_cast<T>(U{0} - static_cast<U>(x)) : x; });
  }
  static void sign(long count, const void* from, void* to) {
    single<T, T>(count, from, to, [](T x) { return static_cast<T>((x > 0) - (x < 0)); });
  }
  static void relu(long count, const void* from, void* to) {
    single<T, T>(count, from, to, [](T x) { return x > 0 ? x : T{0}; });
  }
};

}  // namespace
