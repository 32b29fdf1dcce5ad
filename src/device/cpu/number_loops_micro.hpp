// Numbers by their place in ElementLoops, and loops over rows of them. Includes no code, as
// gemm_micro.hpp.
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

template <bool kFirst, class A, class B>
struct Chosen {
  using T = A;
};
template <class A, class B>
struct Chosen<false, A, B> {
  using T = B;
};

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

}  // namespace
