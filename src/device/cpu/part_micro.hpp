// Rows parted into the elements at even and at odd places. Compiled once per instruction set; see
// slide.hpp and gemm_micro.hpp.
#pragma once

namespace {

typedef float Floats8 __attribute__((vector_size(32)));
typedef float Floats4 __attribute__((vector_size(16)));

/// V: as many floats as a vector of the instruction set has.
template <class V>
struct Parting {
  static constexpr int kWidth = sizeof(V) / sizeof(float);

  /// The elements at even places of two vectors, one behind the other; those at odd places.
  template <class Floats>
  static Floats evens(Floats a, Floats b) {
    if constexpr (sizeof(Floats) == 16) return __builtin_shufflevector(a, b, 0, 2, 4, 6);
    else if constexpr (sizeof(Floats) == 32)
      return __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14);
    else
      return __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28,
                                     30);
  }
  template <class Floats>
  static Floats odds(Floats a, Floats b) {
    if constexpr (sizeof(Floats) == 16) return __builtin_shufflevector(a, b, 1, 3, 5, 7);
    else if constexpr (sizeof(Floats) == 32)
      return __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15);
    else
      return __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29,
                                     31);
  }

  /// Goes on from `i` with vectors of Floats.
  template <class Floats>
  static void part_by(long count, const float* from, float* even, float* odd, long& i) {
    constexpr int kLanes = sizeof(Floats) / sizeof(float);
    for (; i + 2 * kLanes <= count; i += 2 * kLanes) {
      Floats first, second;
      __builtin_memcpy(&first, from + i, sizeof first);
      __builtin_memcpy(&second, from + i + kLanes, sizeof second);
      const Floats some = evens(first, second), others = odds(first, second);
      __builtin_memcpy(even + i / 2, &some, sizeof some);
      __builtin_memcpy(odd + i / 2, &others, sizeof others);
    }
  }
  static void part(long count, const float* from, float* even, float* odd) {
    long i = 0;
    part_by<V>(count, from, even, odd, i);
    if constexpr (kWidth > 8) part_by<Floats8>(count, from, even, odd, i);
    if constexpr (kWidth > 4) part_by<Floats4>(count, from, even, odd, i);
    for (; i + 2 <= count; i += 2) even[i / 2] = from[i], odd[i / 2] = from[i + 1];
    if (i < count) even[i / 2] = from[i];
  }
};

}  // namespace
