// Few bytes as numbers of 32 bits, and back; see gemm_micro.hpp for why this includes nothing else.
#pragma once

#include "device/cpu/byte_vectors.hpp"

namespace {

typedef char Sixteen __attribute__((vector_size(16)));
typedef int FourNumbers __attribute__((vector_size(16)));

/// As many bytes as I32 has elements, as numbers. GCC takes vectors of few bytes apart.
template <class I32, class Vector>
I32 numbers_of(const unsigned char* from) {
#if defined(__AVX2__) && !defined(__clang__)
  constexpr bool kSigned = static_cast<decltype(Vector{}[0])>(-1) < 0;
  const auto bytes = reinterpret_cast<Sixteen>(load<sizeof(Vector)>(from));
#ifdef __AVX512F__
  if constexpr (sizeof(Vector) == 16) {
    constexpr auto kAll = static_cast<unsigned short>(-1);
    return reinterpret_cast<I32>(kSigned ? __builtin_ia32_pmovsxbd512_mask(bytes, I32{}, kAll)
                                         : __builtin_ia32_pmovzxbd512_mask(bytes, I32{}, kAll));
  } else
#endif
      if constexpr (sizeof(Vector) == 8)
    return reinterpret_cast<I32>(kSigned ? __builtin_ia32_pmovsxbd256(bytes)
                                         : __builtin_ia32_pmovzxbd256(bytes));
  else
    return reinterpret_cast<I32>(kSigned ? __builtin_ia32_pmovsxbd128(bytes)
                                         : __builtin_ia32_pmovzxbd128(bytes));
#else
  Vector value;
  __builtin_memcpy(&value, from, sizeof value);
  return __builtin_convertvector(value, I32);
#endif
}

#if defined(__AVX2__) && !defined(__clang__)
/// The low byte of each.
inline int low_bytes(FourNumbers numbers) {
  constexpr Sixteen kEach = {0, 4, 8, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1};
  const Sixteen bytes = __builtin_ia32_pshufb128(reinterpret_cast<Sixteen>(numbers), kEach);
  return reinterpret_cast<FourNumbers>(bytes)[0];
}
#endif

/// Numbers that fit bytes, as such; Results: of as many.
template <class Results, class I32>
void store_bytes(I32 numbers, unsigned char* to) {
#if defined(__AVX2__) && !defined(__clang__)
  if constexpr (sizeof(Results) == 4) {
    const int bytes = low_bytes(reinterpret_cast<FourNumbers>(numbers));
    __builtin_memcpy(to, &bytes, sizeof bytes);
    return;
  }
  if constexpr (sizeof(Results) == 8) {
    numbers &= 255;
    FourNumbers low, high;
    __builtin_memcpy(&low, &numbers, sizeof low);
    __builtin_memcpy(&high, reinterpret_cast<const char*>(&numbers) + sizeof low, sizeof high);
    const auto words = __builtin_ia32_packusdw128(low, high);
    const Sixteen bytes = __builtin_ia32_packuswb128(words, words);
    __builtin_memcpy(to, &bytes, 8);
    return;
  }
#endif
  const Results bytes = __builtin_convertvector(numbers, Results);
  __builtin_memcpy(to, &bytes, sizeof bytes);
}

}  // namespace
