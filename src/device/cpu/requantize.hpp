#pragma once
// From exact integer sums back to quantized numbers.

#include <cstdint>

#include "ir/type.hpp"

namespace hone::cpu {

inline bool is_byte(const TensorType& type) {
  return type.has_rank() && (type.dtype == DType::u8 || type.dtype == DType::i8);
}

/// to[i] = saturate(round half to even((sums[i] + bias) * scale) + zero), in f32. `to` is u8 or i8.
void requantize(const int32_t* sums, int64_t count, int32_t bias, float scale, int64_t zero,
                DType dtype, std::byte* to);

/// to[i] = saturate(round half to even(values[i] / divisor) + zero). NaN gives the least.
void quantize_row(const float* values, int64_t count, int64_t zero, DType dtype, std::byte* to,
                  float divisor = 1);

}  // namespace hone::cpu
