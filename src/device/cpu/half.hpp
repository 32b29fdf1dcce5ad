#pragma once

#include "base/dtype.hpp"
#include "device/cpu/rows.hpp"
#include "device/cpu/step.hpp"

namespace hone::cpu {

/// An element of f16 or bf16 as it is stored: the type tells which.
template <DType kType>
struct Half {
  static_assert(kType == DType::f16 || kType == DType::bf16);
  uint16_t bits;
  float number() const { return kType == DType::f16 ? from_f16(bits) : from_bf16(bits); }
  static Half of(float value) { return {kType == DType::f16 ? to_f16(value) : to_bf16(value)}; }
};

inline bool is_half(DType type) { return type == DType::f16 || type == DType::bf16; }

/// Elements of f16 or bf16 to f32 and back, as base/dtype.hpp does it.
inline void widen_halves(DType type, const std::byte* from, int64_t count, float* to) {
  const auto widen = row_functions().widen_f16;
  if (type == DType::f16 && widen != nullptr)
    widen(count, reinterpret_cast<const unsigned short*>(from), to);
  else convert_to_f32(type, from, count, to);
}
inline void narrow_to_halves(const float* from, int64_t count, DType type, std::byte* to) {
  const auto narrow = row_functions().narrow_f16;
  if (type == DType::f16 && narrow != nullptr)
    narrow(count, from, reinterpret_cast<unsigned short*>(to));
  else convert_from_f32(from, count, type, to);
}

/// `count` elements of `type` (f32, f16, bf16) from element `at` on as f32: where they are, or in
/// `room`.
inline const float* widened(DType type, const std::byte* data, int64_t at, int64_t count,
                            float* room) {
  if (type == DType::f32) return reinterpret_cast<const float*>(data) + at;
  widen_halves(type, data + 2 * at, count, room);
  return room;
}

/// Where `count` results are to be written as f32: in place, or in `room`, to be given to narrow().
inline float* place_of(DType type, std::byte* data, int64_t at, float* room) {
  return type == DType::f32 ? reinterpret_cast<float*>(data) + at : room;
}
inline void narrow(DType type, const float* values, int64_t count, std::byte* data, int64_t at) {
  if (type != DType::f32) narrow_to_halves(values, count, type, data + 2 * at);
}

}  // namespace hone::cpu
