#pragma once
// Convolutions of 8-bit integers as cases for kernels.

#include "device/kernel_case.hpp"

namespace hone::test {

/// A QLinearConv of x in type `x` with filters `shape` in type `w` of zero point `w_zero`.
inline KernelCase quantized_conv(const std::string& x, const std::string& input,
                                 const std::string& w, const std::string& shape, int w_zero,
                                 const std::string& fields, std::vector<Bindings> sizes) {
  const std::string filters = shape.substr(1, shape.find(',') - 1);
  const std::string zero = x == "u8" ? "u8[]{130}" : "i8[]{-3}";
  return {cat("%x: ", x, input),
          cat("QLinearConv(%x, f32[]{0.1}, ", zero, ", @w, @s, ", w, "[]{", w_zero, "}, f32[]{7}, ",
              zero, ", @b) ", fields),
          cat("@w : ", w, shape, "\n  @s : f32[", filters, "]\n  @b : i32[", filters, "]"),
          "%y",
          std::move(sizes),
          {{"s", {0.01, 0.04}}, {"b", {-9000, 9000}}}};
}

}  // namespace hone::test
