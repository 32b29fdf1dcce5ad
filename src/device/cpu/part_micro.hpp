// Rows parted into the elements at even and at odd places, and merged of them. Compiled once per
// instruction set; see slide.hpp and gemm_micro.hpp.
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

  /// The first halves of two vectors, element by element; the second halves.
  template <class Floats>
  static Floats firsts(Floats a, Floats b) {
    if constexpr (sizeof(Floats) == 16) return __builtin_shufflevector(a, b, 0, 4, 1, 5);
    else if constexpr (sizeof(Floats) == 32)
      return __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
    else
      return __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  }
  template <class Floats>
  static Floats seconds(Floats a, Floats b) {
    if constexpr (sizeof(Floats) == 16) return __builtin_shufflevector(a, b, 2, 6, 3, 7);
    else if constexpr (sizeof(Floats) == 32)
      return __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
    else
      return __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15,
                                     31);
  }
  template <bool kAdds, class Floats>
  static void merge_by(long count, const float* even, const float* odd, float* to, long& i) {
    constexpr int kLanes = sizeof(Floats) / sizeof(float);
    for (; i + kLanes <= count; i += kLanes) {
      Floats some, others, known[2] = {};
      __builtin_memcpy(&some, even + i, sizeof some);
      __builtin_memcpy(&others, odd + i, sizeof others);
      if constexpr (kAdds) __builtin_memcpy(known, to + 2 * i, sizeof known);
      known[0] += firsts(some, others);
      known[1] += seconds(some, others);
      __builtin_memcpy(to + 2 * i, known, sizeof known);
    }
  }
  template <bool kAdds>
  static void merge(long count, const float* even, const float* odd, float* to) {
    long i = 0;
    merge_by<kAdds, V>(count, even, odd, to, i);
    if constexpr (kWidth > 8) merge_by<kAdds, Floats8>(count, even, odd, to, i);
    if constexpr (kWidth > 4) merge_by<kAdds, Floats4>(count, even, odd, to, i);
    for (; i < count; ++i) {
      to[2 * i] = kAdds ? to[2 * i] + even[i] : even[i];
      to[2 * i + 1] = kAdds ? to[2 * i + 1] + odd[i] : odd[i];
    }
  }
};

}  // namespace
