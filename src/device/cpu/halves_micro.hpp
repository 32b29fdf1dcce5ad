// Rows of f16 to f32 and back by instructions, null where there are none. Includes nothing, as
// gemm_micro.hpp.
#pragma once

namespace {

#ifdef __F16C__
typedef short EightHalves __attribute__((vector_size(16)));
typedef float EightFloats __attribute__((vector_size(32)));

inline void widen_f16_row(long count, const unsigned short* from, float* to) {
  const auto eight = [](const unsigned short* source, float* target) {
    EightHalves halves;
    __builtin_memcpy(&halves, source, sizeof halves);
    const EightFloats floats = __builtin_ia32_vcvtph2ps256(halves);
    __builtin_memcpy(target, &floats, sizeof floats);
  };
  long i = 0;
  for (; i + 8 <= count; i += 8) eight(from + i, to + i);
  if (i == count) return;
  unsigned short rest[8] = {};
  float values[8];
  for (long k = i; k < count; ++k) rest[k - i] = from[k];
  eight(rest, values);
  for (long k = i; k < count; ++k) to[k] = values[k - i];
}
inline void narrow_f16_row(long count, const float* from, unsigned short* to) {
  const auto eight = [](const float* source, unsigned short* target) {
    EightFloats floats;
    __builtin_memcpy(&floats, source, sizeof floats);
    const EightHalves halves = __builtin_ia32_vcvtps2ph256(floats, 0);  // to nearest even
    __builtin_memcpy(target, &halves, sizeof halves);
  };
  long i = 0;
  for (; i + 8 <= count; i += 8) eight(from + i, to + i);
  if (i == count) return;
  float rest[8] = {};
  unsigned short values[8];
  for (long k = i; k < count; ++k) rest[k - i] = from[k];
  eight(rest, values);
  for (long k = i; k < count; ++k) to[k] = values[k - i];
}
#else
constexpr void (*widen_f16_row)(long count, const unsigned short* from, float* to) = nullptr;
constexpr void (*narrow_f16_row)(long count, const float* from, unsigned short* to) = nullptr;
#endif

}  // namespace
