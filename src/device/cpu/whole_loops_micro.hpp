// Loops over rows of integers and truths: plain ones, which the compiler makes vectors
// of. Includes no code, as gemm_micro.hpp.
#pragma once

#include "device/cpu/element_loops.hpp"

namespace {

using hone::cpu::ElementLoops;

template <int kNumber>
struct NumberOf;
template <>
struct NumberOf<ElementLoops::i8> {
  using T = signed char;
};
template <>
struct NumberOf<ElementLoops::u8> {
  using T = unsigned char;
};
template <>
struct NumberOf<ElementLoops::i16> {
  using T = short;
};
template <>
struct NumberOf<ElementLoops::u16> {
  using T = unsigned short;
};
template <>
struct NumberOf<ElementLoops::i32> {
  using T = int;
};
template <>
struct NumberOf<ElementLoops::u32> {
  using T = unsigned;
};
template <>
struct NumberOf<ElementLoops::i64> {
  using T = long;
};
template <>
struct NumberOf<ElementLoops::u64> {
  using T = unsigned long;
};
template <>
struct NumberOf<ElementLoops::f32> {
  using T = float;
};
template <>
struct NumberOf<ElementLoops::f64> {
  using T = double;
};

template <int kNumber>
using Of = typename NumberOf<kNumber>::T;
/// The unsigned number of this width.
template <int kWidth>
using Bits = Of<2 * kWidth + 1>;

/// to[i] = f(i), which reads elements i alone: `to` may be what it reads.
template <class R, class F>
inline void each(long count, void* to, F f) {
  R* results = static_cast<R*>(to);
#ifndef __clang__
#pragma GCC ivdep
#endif
  for (long i = 0; i < count; ++i) results[i] = f(i);
}

template <class T, class R, class F>
inline void pair(long count, const void* a, const void* b, void* to, F f) {
  const T *x = static_cast<const T*>(a), *y = static_cast<const T*>(b);
  each<R>(count, to, [=](long i) { return f(x[i], y[i]); });
}
template <class T, class R, class F>
inline void single(long count, const void* from, void* to, F f) {
  const T* x = static_cast<const T*>(from);
  each<R>(count, to, [=](long i) { return f(x[i]); });
}

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
