// Vectors of numbers of 32 bits put together from parts; see gemm_micro.hpp for why this includes
// nothing.
#pragma once

namespace {

typedef unsigned Four __attribute__((vector_size(16)));
typedef unsigned Eight __attribute__((vector_size(32)));

template <class Vector>
[[gnu::always_inline]] inline Vector loaded(const unsigned char* from) {
  Vector value;
  __builtin_memcpy(&value, from, sizeof value);
  return value;
}
template <class Half>
[[gnu::always_inline]] inline auto joined(Half a, Half b) {
  if constexpr (sizeof(Half) == 16) return __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7);
  else return __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
}

template <int kCount>
struct Some;
template <>
struct Some<4> {
  typedef Four Type;
};
template <>
struct Some<8> {
  typedef Eight Type;
};
/// The four bytes at each place.
template <int kCount>
[[gnu::always_inline]] inline auto at_places(const unsigned char* line, const int* places) {
  if constexpr (kCount == 4)
    return Four{loaded<unsigned>(line + places[0]), loaded<unsigned>(line + places[1]),
                loaded<unsigned>(line + places[2]), loaded<unsigned>(line + places[3])};
  else
    return joined(at_places<kCount / 2>(line, places),
                  at_places<kCount / 2>(line, places + kCount / 2));
}

}  // namespace
