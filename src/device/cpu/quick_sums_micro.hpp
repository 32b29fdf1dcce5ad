// Sums of quantized numbers in f32; see bytes_micro.hpp.
#pragma once

#include "device/cpu/byte_numbers.hpp"
#include "device/cpu/bytes.hpp"

namespace {

/// Sums in f32, where that rounds as f64 does: a vector with an element near the middle between two
/// results is left to Slow. Vectors of as many elements each.
template <class Slow, class U8, class I8, class Numbers, class Floats>
struct QuickSums {
  static constexpr long kLanes = sizeof(U8);

  template <class Vector>
  static Floats floats_of(const unsigned char* from, bool single, long i) {
    if (single) {
      Vector one{};
      __builtin_memcpy(&one, from, 1);
      const int only = one[0];
      return Floats{} + static_cast<float>(only);
    }
    return __builtin_convertvector((numbers_of<Numbers, Vector>(from + i)), Floats);
  }

  /// near: how far from the middle f32 may be from f64.
  template <class Vector>
  static void run(const hone::cpu::BytePair& pair, double a_ratio, double b_ratio, double zero,
                  double near) {
    const auto p = static_cast<float>(a_ratio), q = static_cast<float>(b_ratio);
    const auto start = static_cast<float>(zero - pair.a_zero * a_ratio - pair.b_zero * b_ratio);
    const float least = pair.is_signed ? -128.0F : 0.0F, most = least + 255.0F;
    const auto limit = static_cast<float>(0.5 - near);
    Numbers doubtful{};
    const auto some = [&](long i) {
      Floats value = floats_of<Vector>(pair.a, pair.a_single, i) * p + start;
      value += floats_of<Vector>(pair.b, pair.b_single, i) * q;
      value = value > least ? value : Floats{} + least;
      value = value < most ? value : Floats{} + most;
      const Floats whole = (value + 12582912.0F) - 12582912.0F;  // see quantize_by()
      const Floats apart = value - whole;
      doubtful |= (apart > limit) | (apart < -limit);
      store_bytes<U8>(__builtin_convertvector(whole, Numbers), pair.to + i);
    };
    const auto slowly = [&](long i, long last) {
      hone::cpu::BytePair slow = pair;
      slow.a += pair.a_single ? 0 : i, slow.b += pair.b_single ? 0 : i;
      slow.to += i, slow.count = last - i;
      Slow::add(slow, a_ratio, b_ratio, zero);
    };
    constexpr long kBlock = 16 * kLanes;
    for (long first = 0; first < pair.count; first += kBlock) {
      const long last = first + kBlock < pair.count ? first + kBlock : pair.count;
      long i = first;
      for (; i + kLanes <= last; i += kLanes) some(i);
      if (i < last) slowly(i, last);
      int any = 0;
      for (int lane = 0; lane < kLanes; ++lane) any |= doubtful[lane];
      if (any == 0) continue;
      slowly(first, last);
      doubtful = Numbers{};
    }
  }

  static void add(const hone::cpu::BytePair& pair, double a_ratio, double b_ratio, double zero) {
    // Four roundings of numbers up to the sum of all magnitudes.
    const double sum = 512 * (__builtin_fabs(a_ratio) + __builtin_fabs(b_ratio)) + 256;
    const auto is_short = [](double ratio) { return ratio * 256 == __builtin_trunc(ratio * 256); };
    const bool exact = sum < 65536 && is_short(a_ratio) && is_short(b_ratio);
    const double near = exact ? 0 : sum * 0x1p-21;
    if (!(near < 0.125) || pair.count < kLanes) return Slow::add(pair, a_ratio, b_ratio, zero);
    if (pair.is_signed) run<I8>(pair, a_ratio, b_ratio, zero, near);
    else run<U8>(pair, a_ratio, b_ratio, zero, near);
  }
};

}  // namespace
