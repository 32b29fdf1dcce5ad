// Compiled once per instruction set; see bytes.hpp and gemm_micro.hpp. Sums of products may be
// contracted here: those of small integers with f32 are exact in f64, contracted or not.
#pragma once

#include "device/cpu/byte_numbers.hpp"
#include "device/cpu/bytes.hpp"
#include "device/cpu/quick_sums_micro.hpp"

namespace {

/// Sums and products, a vector of F64 at a time; the others have as many elements.
template <class U8, class I8, class I32, class F32, class F64>
struct Pairs {
  static constexpr long kLanes = sizeof(U8);

  /// One operand.
  template <class Vector>
  struct Operand {
    const unsigned char* from;
    bool single;
    I32 zero, only;

    Operand(const unsigned char* from, bool single, int zero_point)
        : from(from), single(single), zero(I32{} + zero_point), only{} {
      if (single) only = some(0, 1);
    }
    /// `count` elements from `i` on, at most kLanes, and others; of a single one all are it.
    I32 some(long i, long count) const {
      unsigned char bytes[kLanes];
      for (long lane = 0; lane < kLanes; ++lane) bytes[lane] = from[i + (lane < count ? lane : 0)];
      return numbers_of<I32, Vector>(bytes) - zero;
    }
    I32 at(long i) const { return single ? only : numbers_of<I32, Vector>(from + i) - zero; }
  };

  static I32 rounded(F64 value, double least) {
    const F64 low = F64{} + least, high = low + 255.0;
    value = value > low ? value : low;  // NaN too
    value = value < high ? value : high;
    constexpr double kRounding = 6755399441055744.0;  // 1.5 * 2^52: no place for a fraction
    const F64 whole = (value + kRounding) - kRounding;
    return __builtin_convertvector(whole, I32);
  }

  template <class Vector, class Each>
  static void run(const hone::cpu::BytePair& pair, const Each& each) {
    const Operand<Vector> a(pair.a, pair.a_single, pair.a_zero);
    const Operand<Vector> b(pair.b, pair.b_single, pair.b_zero);
    const double least = pair.is_signed ? -128 : 0;
    long i = 0;
    for (; i + kLanes <= pair.count; i += kLanes)
      store_bytes<U8>(rounded(each(a.at(i), b.at(i)), least), pair.to + i);
    if (i == pair.count) return;
    const long left = pair.count - i;
    const I32 p = a.single ? a.only : a.some(i, left), q = b.single ? b.only : b.some(i, left);
    unsigned char results[kLanes];
    store_bytes<U8>(rounded(each(p, q), least), results);
    for (long k = 0; k < left; ++k) pair.to[i + k] = results[k];
  }

  static void add(const hone::cpu::BytePair& pair, double a_ratio, double b_ratio, double zero) {
    const auto each = [&](I32 p, I32 q) {
      return __builtin_convertvector(p, F64) * a_ratio + __builtin_convertvector(q, F64) * b_ratio +
             zero;
    };
    if (pair.is_signed) run<I8>(pair, each);
    else run<U8>(pair, each);
  }

  static void multiply(const hone::cpu::BytePair& pair, float ratio, float zero) {
    const auto each = [&](I32 p, I32 q) {
      const F64 product = __builtin_convertvector(p * q, F64) * static_cast<double>(ratio);
      const F32 scaled = __builtin_convertvector(product, F32);  // rounded for the first time
      return __builtin_convertvector(scaled + zero, F64);
    };
    if (pair.is_signed) run<I8>(pair, each);
    else run<U8>(pair, each);
  }
};

template <class Vector, int kCount, int kStep>
void raise_some(const unsigned char* from, unsigned char* to) {
  const auto next = reinterpret_cast<Vector>(row_of<kCount, kStep>(from));
  const auto known = reinterpret_cast<Vector>(load<kCount>(to));
  const Vector larger = next > known ? next : known;
  __builtin_memcpy(to, &larger, kCount);
}

template <class Vector, class T, int kStep>
void raise_by(long count, const unsigned char* from, long step, unsigned char* to) {
  const long apart = kStep > 0 ? kStep : step;
  long i = 0;
  if (kStep > 0) {
    for (; i + 16 <= count; i += 16) raise_some<Vector, 16, kStep>(from + i * kStep, to + i);
    for (; i + 4 <= count; i += 4) raise_some<Vector, 4, kStep>(from + i * kStep, to + i);
  }
  for (; i < count; ++i)
    if (static_cast<T>(from[i * apart]) > static_cast<T>(to[i])) to[i] = from[i * apart];
}

template <class Vector, class T>
void raise_typed(long count, const unsigned char* from, long step, unsigned char* to) {
  if (step == 1) raise_by<Vector, T, 1>(count, from, step, to);
  else if (step == 2) raise_by<Vector, T, 2>(count, from, step, to);
  else raise_by<Vector, T, 0>(count, from, step, to);
}

void raise(long count, const unsigned char* from, long step, bool is_signed, unsigned char* to) {
  if (is_signed) raise_typed<SignedBytes, signed char>(count, from, step, to);
  else raise_typed<Bytes, unsigned char>(count, from, step, to);
}

/// Vectors of as many elements each.
template <class Floats, class Numbers, class Results, bool kDivides>
void quantize_by(long count, const float* values, float divisor, int zero, bool is_signed,
                 unsigned char* to) {
  constexpr long kLanes = sizeof(Floats) / sizeof(float);
  const float least = static_cast<float>((is_signed ? -128 : 0) - zero), most = least + 255.0F;
  const auto some = [&](const float* from, unsigned char* place) {
    Floats value;
    __builtin_memcpy(&value, from, sizeof value);
    if constexpr (kDivides) value = value / divisor;
    const Floats low = Floats{} + least, high = Floats{} + most;
    value = value > low ? value : low;  // NaN too
    value = value < high ? value : high;
    // 1.5 * 2^23: the sum has no place for a fraction, so it is rounded, halves to even.
    const Floats whole = (value + 12582912.0F) - 12582912.0F;
    const Numbers numbers = __builtin_convertvector(whole, Numbers) + zero;
    store_bytes<Results>(numbers, place);
  };
  long i = 0;
  for (; i + kLanes <= count; i += kLanes) some(values + i, to + i);
  if (i == count) return;
  float rest[kLanes] = {};
  unsigned char results[kLanes];
  for (long k = i; k < count; ++k) rest[k - i] = values[k];
  some(rest, results);
  for (long k = i; k < count; ++k) to[k] = results[k - i];
}

template <class Floats, class Numbers, class Results>
void quantize(long count, const float* values, float divisor, int zero, bool is_signed,
              unsigned char* to) {
  const auto by = divisor == 1.0F ? quantize_by<Floats, Numbers, Results, false>
                                  : quantize_by<Floats, Numbers, Results, true>;
  by(count, values, divisor, zero, is_signed, to);
}

}  // namespace
