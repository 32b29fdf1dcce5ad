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
  expect_kernel("cpu.elementwise", {"%a: f64[n]", "Pow(%a, f64[]{2})", "", "%y", sizes});
  expect_kernel("cpu.elementwise",
                {"%a: f64[4,n], %b: f64[n]", "Pow(%a, %b)", "", "%y", sizes, {{"a", {0, 5}}}});
}

TEST_P(KernelTest, PowersOfIntegers) {
  const std::vector<Bindings> sizes = each("n", {1, 40, 700});
  for (const char* base : {"i32", "i64"})
    for (const char* type : {"i32", "i64"}) {
      for (const char* exponent : {"0", "1", "2", "3", "10", "63", "-1", "-2"})
        expect_kernel("cpu.elementwise", {cat("%a: ", base, "[n]"),
                                          cat("Pow(%a, ", type, "[]{", exponent, "})"),
                                          "",
                                          "%y",
                                          sizes,
                                          {{"a", {-9, 9}}}});
      expect_kernel("cpu.elementwise", {cat("%a: ", base, "[4,n], %b: ", type, "[n]"),
                                        "Pow(%a, %b)",
                                        "",
                                        "%y",
                                        sizes,
                                        {{"a", {-3, 3}}, {"b", {-3, 9}}}});
    }
}

/// Rounded once: numbers between two halves, which f32 would round to their middle.
TEST_P(KernelTest, CastsOfDoublesToHalves) {
  for (const char* to : {"f16", "bf16"}) {
    expect_kernel("cpu.elementwise",
                  {"", cat("Cast(f64[12]{1.00048828125,1.000488281250000001,1.00048828125001,"
                           "1.0004882812499999,1.00390625000001,-1.00390625,1.00390624999999,"
                           "65519.99999999,65520,1e300,-1e-300,nan}) to=",
                           to)});
    expect_kernel(
        "cpu.elementwise",
        {"", cat("Cast(f64[6]{2.98e-8,2.9802322387695313e-8,2.99e-8,6e-8,inf,-inf}) to=", to)});
    expect_kernel("cpu.elementwise", {"%x: f64[n]",
                                      cat("Cast(%x) to=", to),
                                      "",
                                      "%y",
                                      each("n", {1, 7, 8, 1000}),
                                      {{"x", {-70000, 70000}}}});
  }
}

}  // namespace hone::test::cast_test
