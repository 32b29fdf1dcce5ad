#pragma once

#include "base/dtype.hpp"

namespace hone::cpu {

/// An element of f16 or bf16 as it is stored: the type tells which.
template <DType kType>
struct Half {
  static_assert(kType == DType::f16 || kType == DType::bf16);
  uint16_t bits;
  float number() const { return kType == DType::f16 ? from_f16(bits) : from_bf16(bits); }
  static Half of(float value) { return {kType == DType::f16 ? to_f16(value) : to_bf16(value)}; }
};

}  // namespace hone::cpu
