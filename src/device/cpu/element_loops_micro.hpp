// Conversions, and the table of all loops over rows of integers and truths. Includes no code, as
// gemm_micro.hpp.
#pragma once

#include "device/cpu/whole_loops_micro.hpp"

namespace {

template <int kFrom, int kTo>
void cast(long count, const void* from, void* to) {
  using R = Of<kTo>;
  single<Of<kFrom>, R>(count, from, to, [](Of<kFrom> x) { return static_cast<R>(x); });
}
template <int kFrom>
void float_not_zero(long count, const void* from, void* to) {
  single<Of<kFrom>, unsigned char>(count, from, to,
                                   [](Of<kFrom> x) { return static_cast<unsigned char>(x != 0); });
}

/// A vector at a time: GCC makes none of a loop that mixes both widths.
inline void odd_float(long count, const void* from, void* to) {
  typedef double Wide __attribute__((vector_size(64)));
  typedef long Longs __attribute__((vector_size(64)));
  typedef float Narrow __attribute__((vector_size(32)));
  typedef int Ints __attribute__((vector_size(32)));
  const auto eight = [](const double* source, float* target) {
    Wide x;
    __builtin_memcpy(&x, source, sizeof x);
    const Narrow rounded = __builtin_convertvector(x, Narrow);
    const Wide back = __builtin_convertvector(rounded, Wide);
    constexpr long kMagnitude = __LONG_MAX__;
    const Longs own = reinterpret_cast<Longs>(x) & kMagnitude;
    const Longs made = reinterpret_cast<Longs>(back) & kMagnitude;
    const Ints away = __builtin_convertvector(made > own, Ints);
    const Ints lost = __builtin_convertvector(made != own, Ints);
    const Ints odd = (reinterpret_cast<Ints>(rounded) + away) | (lost & 1);
    const Ints bits = __builtin_convertvector(x != x, Ints) ? reinterpret_cast<Ints>(rounded) : odd;
    __builtin_memcpy(target, &bits, sizeof bits);
  };
  const double* x = static_cast<const double*>(from);
  float* results = static_cast<float*>(to);
  long i = 0;
  for (; i + 8 <= count; i += 8) eight(x + i, results + i);
  double rest[8] = {};
  float made[8];
  for (long k = i; k < count; ++k) rest[k - i] = x[k];
  eight(rest, made);
  for (long k = i; k < count; ++k) results[k] = made[k - i];
}

template <int kFrom, int kTo>
bool whole(long count, const void* from, void* to) {
  using T = Of<kFrom>;
  using R = Of<kTo>;
  constexpr bool kWide = kTo == ElementLoops::i64 || kTo == ElementLoops::u32;
  using Whole = Of<kWide ? ElementLoops::i64 : ElementLoops::i32>;
  constexpr T kLimit = kWide ? T{0x1p63} : T{0x1p31};
  const T* x = static_cast<const T*>(from);
  int outside = 0;
  for (long i = 0; i < count; ++i)
    outside |= static_cast<int>(!(x[i] >= -kLimit)) | static_cast<int>(!(x[i] < kLimit));
  if (outside != 0) return false;
  single<T, R>(count, from, to, [](T each) { return static_cast<R>(static_cast<Whole>(each)); });
  return true;
}

template <int kWidth>
constexpr void set_bits(ElementLoops& loops) {
  using L = BitLoops<kWidth>;
  loops.add[kWidth] = L::add, loops.subtract[kWidth] = L::subtract;
  loops.multiply[kWidth] = L::multiply, loops.equal[kWidth] = L::equal;
  loops.shift_left[kWidth] = L::shift_left, loops.shift_right[kWidth] = L::shift_right;
  loops.negate[kWidth] = L::negate, loops.not_zero[kWidth] = L::not_zero;
  loops.choose[kWidth] = L::choose;
}

template <int kFrom, int kTo>
constexpr void set_cast(ElementLoops& loops) {
  constexpr bool kOfFloat = kFrom >= ElementLoops::kWholes, kToFloat = kTo >= ElementLoops::kWholes;
  if constexpr (kOfFloat && !kToFloat) {
    if constexpr (kTo != ElementLoops::u64)
      loops.whole[kFrom - ElementLoops::kWholes][kTo] = whole<kFrom, kTo>;
  } else if constexpr (kFrom != kTo) {
    loops.cast[kFrom][kTo] = cast<kFrom, kTo>;
  }
  if constexpr (kTo + 1 < ElementLoops::kNumbers) set_cast<kFrom, kTo + 1>(loops);
}

template <int kNumber>
constexpr void set_whole(ElementLoops& loops) {
  using L = WholeLoops<kNumber>;
  loops.least[kNumber] = L::least, loops.most[kNumber] = L::most;
  loops.less[kNumber] = L::less, loops.less_equal[kNumber] = L::less_equal;
  if constexpr (kNumber < ElementLoops::i64) loops.divide[kNumber] = L::divide;
  if constexpr (kNumber < ElementLoops::i64) loops.divide_by[kNumber] = L::divide_by;
  if constexpr (L::kSigned) loops.absolute[kNumber] = L::absolute, loops.relu[kNumber] = L::relu;
  loops.sign[kNumber] = L::sign;
  loops.smallest[kNumber] = L::smallest, loops.largest[kNumber] = L::largest;
  set_cast<kNumber, 0>(loops);
  if constexpr (kNumber + 1 < ElementLoops::kWholes) set_whole<kNumber + 1>(loops);
}

constexpr ElementLoops loops_of_elements() {
  ElementLoops loops{};
  set_bits<0>(loops), set_bits<1>(loops), set_bits<2>(loops), set_bits<3>(loops);
  set_whole<0>(loops);
  set_cast<ElementLoops::f32, 0>(loops), set_cast<ElementLoops::f64, 0>(loops);
  loops.float_not_zero[0] = float_not_zero<ElementLoops::f32>;
  loops.float_not_zero[1] = float_not_zero<ElementLoops::f64>;
  loops.odd_float = odd_float;
  using Byte = unsigned char;
  loops.both = [](long count, const void* a, const void* b, void* to) {
    pair<Byte, Byte>(count, a, b, to,
                     [](Byte x, Byte y) { return static_cast<Byte>((x != 0) & (y != 0)); });
  };
  loops.either = [](long count, const void* a, const void* b, void* to) {
    pair<Byte, Byte>(count, a, b, to,
                     [](Byte x, Byte y) { return static_cast<Byte>((x | y) != 0); });
  };
  loops.one_only = [](long count, const void* a, const void* b, void* to) {
    pair<Byte, Byte>(count, a, b, to,
                     [](Byte x, Byte y) { return static_cast<Byte>((x != 0) != (y != 0)); });
  };
  loops.bit_and = [](long count, const void* a, const void* b, void* to) {
    pair<Byte, Byte>(count, a, b, to, [](Byte x, Byte y) { return static_cast<Byte>(x & y); });
  };
  loops.bit_or = [](long count, const void* a, const void* b, void* to) {
    pair<Byte, Byte>(count, a, b, to, [](Byte x, Byte y) { return static_cast<Byte>(x | y); });
  };
  loops.bit_xor = [](long count, const void* a, const void* b, void* to) {
    pair<Byte, Byte>(count, a, b, to, [](Byte x, Byte y) { return static_cast<Byte>(x ^ y); });
  };
  loops.complement = [](long count, const void* from, void* to) {
    single<Byte, Byte>(count, from, to, [](Byte x) { return static_cast<Byte>(~x); });
  };
  return loops;
}

}  // namespace
