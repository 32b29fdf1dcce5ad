// Elementwise ops of operands that differ in type: casts of what the other type does not hold,
// powers.

#include <gtest/gtest.h>

#include "device/kernel_case.hpp"

namespace hone::test::cast_test {

/// NaN is 0; what is too large saturates at 64 bits, and wraps then.
TEST_P(KernelTest, CastsOfFloatsThatDoNotFit) {
  for (const char* from : {"f32", "f64"})
    for (const char* to : {"i64", "i32", "i16", "i8", "u32", "u16", "u8", "bool"}) {
      expect_kernel("cpu.elementwise",
                    {"", cat("Cast(", from,
                             "[15]{nan,inf,-inf,3e9,-3e9,1e20,-1e20,-0.9,0.2,255.9,"
                             "-129,65536.5,2147483648,-2147483648,9223372036854775808}) to=",
                             to)});
      expect_kernel("cpu.elementwise", {cat("%x: ", from, "[n]"),
                                        cat("Cast(%x) to=", to),
                                        "",
                                        "%y",
                                        each("n", {1000}),
                                        {{"x", {-2147483700.0, 300}}}});
    }
}

TEST_P(KernelTest, PowersOfOtherTypes) {
  const std::vector<Bindings> sizes = each("n", {1, 40});
  for (const char* type : {"i32", "i64", "f64"}) {
    expect_kernel(
        "cpu.elementwise",
        {cat("%a: f32[4,n], %b: ", type, "[n]"), "Pow(%a, %b)", "", "%y", sizes, {{"b", {0, 5}}}});
    for (const char* exponent : {"2", "3", "-1", "16777217"})
      expect_kernel("cpu.elementwise",
                    {"%a: f32[n]", cat("Pow(%a, ", type, "[]{", exponent, "})"), "", "%y", sizes});
  }
}

}  // namespace hone::test::cast_test
