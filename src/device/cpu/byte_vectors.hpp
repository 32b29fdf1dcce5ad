// Vectors of bytes; see gemm_micro.hpp for why this includes nothing.
#pragma once

namespace {

typedef unsigned char Bytes __attribute__((vector_size(16)));
typedef signed char SignedBytes __attribute__((vector_size(16)));
typedef short Words __attribute__((vector_size(16)));
typedef int Ints __attribute__((vector_size(16)));
typedef long long Longs __attribute__((vector_size(16)));
typedef unsigned char HalfBytes __attribute__((vector_size(8)));
typedef signed char HalfSignedBytes __attribute__((vector_size(8)));

/// The first kCount bytes of a vector: 16, 8 or 4.
template <int kCount>
Bytes load(const unsigned char* from) {
  if (kCount == 16) {
    Bytes value;
    __builtin_memcpy(&value, from, 16);
    return value;
  }
  if (kCount == 8) {  // through memory the whole vector would wait for its half
    long long value;
    __builtin_memcpy(&value, from, 8);
    return reinterpret_cast<Bytes>(Longs{value, 0});
  }
  int value;
  __builtin_memcpy(&value, from, 4);
  return reinterpret_cast<Bytes>(Ints{value, 0, 0, 0});
}
template <class Vector>
void store(void* to, Vector value) {
  __builtin_memcpy(to, &value, sizeof value);
}

/// Elements of a row; of a step of 2 no byte behind the last of them is read.
template <int kCount, int kStep>
Bytes row_of(const unsigned char* from) {
  if (kStep == 1) return load<kCount>(from);
  const Bytes even = load<kCount>(from), odd = load<kCount>(from + kCount - 1);
  if (kCount == 16)
    return __builtin_shufflevector(even, odd, 0, 2, 4, 6, 8, 10, 12, 14, 17, 19, 21, 23, 25, 27, 29,
                                   31);
  if (kCount == 8)
    return __builtin_shufflevector(even, odd, 0, 2, 4, 6, 17, 19, 21, 23, 0, 0, 0, 0, 0, 0, 0, 0);
  return __builtin_shufflevector(even, odd, 0, 2, 17, 19, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
}

/// Half of the bytes as words.
template <bool kSigned>
Words widened(Bytes bytes, bool upper) {
  const long long value = reinterpret_cast<Longs>(bytes)[upper ? 1 : 0];
  const auto half = reinterpret_cast<HalfBytes>(value);
  if (kSigned) return __builtin_convertvector(reinterpret_cast<HalfSignedBytes>(half), Words);
  return __builtin_convertvector(half, Words);
}

}  // namespace
