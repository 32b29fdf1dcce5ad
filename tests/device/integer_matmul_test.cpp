// Generated products of matrices of integers against reference evaluation, exactly.

#include "device/kernel_case.hpp"

namespace hone::test::integer_matmul_test {

constexpr const char* kKernel = "cpu.matmul.integer";

using IntegerMatMulTest = KernelTest;
INSTANTIATE_TEST_SUITE_P(Isas, IntegerMatMulTest, testing::Values(cpu::Isa::avx2, cpu::Isa::avx512),
                         [](const auto& info) { return std::string(name(info.param)); });

constexpr const char* kTypes[] = {"u8", "i8"};

TEST_P(IntegerMatMulTest, ConstantMatrices) {
  for (const char* x : kTypes)
    for (const auto& [w, zero] : {std::pair{"u8", 128}, {"u8", 7}, {"i8", 0}, {"i8", -5}})
      for (const int n : {1, 15, 64, 130})
        for (const int depth : {1, 4, 37, 64})
          expect_kernel(kKernel, {cat("%x: ", x, "[m,", depth, "]"),
                                  cat("QLinearMatMul(%x, f32[]{0.1}, ", x, "[]{3}, @w, @s, ", w,
                                      "[]{", zero, "}, f32[]{2}, ", x, "[]{9})"),
                                  cat("@w : ", w, "[", depth, ",", n, "]\n  @s : f32[", n, "]"),
                                  "%y",
                                  each("m", {0, 1, 2, 13, 40}),
                                  {{"s", {0.01, 0.04}}}});
}

TEST_P(IntegerMatMulTest, WeightsOfEverySize) {
  for (const int most : {64, 66, 128})
    for (const char* fields : {"", "transB=true"})
      expect_kernel(kKernel,
                    {"%x: u8[m,33]",
                     cat("QGemm(%x, f32[]{0.1}, u8[]{3}, @w, f32[]{0.02}, i8[]{0}, _, f32[]{9}, "
                         "u8[]{7}) ",
                         fields),
                     cat("@w : i8", *fields == 0 ? "[33,70]" : "[70,33]"),
                     "%y",
                     each("m", {1, 5, 30}),
                     {{"w", {-double(most), most - 0.01}}, {"x", {200, 255.99}}}});
}

TEST_P(IntegerMatMulTest, TallAndBatched) {
  for (const char* x : kTypes) {
    const std::string tail = cat(", f32[]{0.02}, ", x, "[]{5}, f32[]{3}, ", x, "[]{9})");
    const std::string head = cat("(%a, f32[]{0.1}, ", x, "[]{3}, ");
    expect_kernel(kKernel, {cat("%a: ", x, "[2,n,20]"), cat("QLinearMatMul", head, "@w", tail),
                            cat("@w : ", x, "[20,70]"), "%y", each("n", {1, 7, 200})});
    for (const auto& [a, b] : {std::pair{"[2,3,n,20]", "[2,3,20,n]"},
                               {"[3,n,19]", "[2,1,19,40]"},
                               {"[2,3,n,20]", "[20,n]"},
                               {"[n,21]", "[4,21,100]"}})
      expect_kernel(kKernel,
                    {cat("%a: ", x, a, ", %b: ", x, b), cat("QLinearMatMul", head, "%b", tail), "",
                     "%y", each("n", {1, 13, 197})});
  }
}

TEST_P(IntegerMatMulTest, Gemm) {
  for (const char* x : kTypes)
    for (const char* fields : {"", "transB=true", "transB=true alpha=0.5"}) {
      const std::string weight =
          cat("@w : i8", *fields == 0 ? "[33,20]" : "[20,33]", "\n  @b : i32[20]\n  @s : f32[20]");
      const std::map<std::string, ElementBounds> bounds = {{"s", {0.01, 0.04}},
                                                           {"b", {-9000, 9000}}};
      const std::string in = cat("%x: ", x, "[m,33]");
      const std::string head = cat("QGemm(%x, f32[]{0.1}, ", x, "[]{3}, @w, @s, i8[]{0}, ");
      const auto sizes = each("m", {1, 5, 30});
      expect_kernel(kKernel, {in, cat(head, "@b, f32[]{1}, ", x, "[]{7}) ", fields), weight, "%y",
                              sizes, bounds});
      // Not quantized again.
      expect_kernel(kKernel, {in, cat(head, "@b) ", fields), weight, "%y", sizes, bounds, 0});
    }
}

TEST_P(IntegerMatMulTest, IntegersNotQuantizedAgain) {
  for (const char* x : kTypes)
    for (const char* w : kTypes) {
      const std::string weight = cat("@w : ", w, "[34,50]\n  @z : ", w, "[50]");
      expect_kernel(kKernel, {cat("%x: ", x, "[2,m,34]"), "MatMulInteger(%x, @w)",
                              cat("@w : ", w, "[34,50]"), "%y", each("m", {1, 9})});
      // The zero point of x is known while running only.
      expect_kernel(kKernel, {cat("%x: ", x, "[m,34], %zero: ", x, "[]"),
                              "MatMulInteger(%x, @w, %zero, @z)", weight, "%y", each("m", {1, 9})});
    }
}

TEST_P(IntegerMatMulTest, WhatFollows) {
  for (const char* x : kTypes) {
    const std::string scalar = cat(x, "[]");
    const std::string product = cat("%a = QLinearMatMul(%x, f32[]{0.1}, ", scalar,
                                    "{3}, @w, f32[]{0.02}, i8[]{0}, f32[]{3}, ", scalar, "{9})");
    expect_kernel(kKernel, {cat("%x: ", x, "[2,m,20], %r: ", x, "[2,m,70]"),
                            cat("QLinearAdd(%r, f32[]{0.07}, ", scalar, "{4}, %a, f32[]{0.12}, ",
                                scalar, "{40}, f32[]{0.1}, ", scalar, "{3})"),
                            "@w : i8[20,70]",
                            "%y",
                            each("m", {1, 9, 50}),
                            {},
                            0,
                            {product}});
    // One row for all.
    expect_kernel(kKernel, {cat("%x: ", x, "[2,m,20]"),
                            cat("QLinearAdd(%a, f32[]{0.07}, ", scalar, "{4}, @r, f32[]{0.12}, ",
                                scalar, "{40}, f32[]{0.1}, ", scalar, "{3})"),
                            cat("@w : i8[20,70]\n  @r : ", x, "[70]"),
                            "%y",
                            each("m", {1, 9, 50}),
                            {},
                            0,
                            {product}});
  }
}

TEST_P(IntegerMatMulTest, Refusals) {
  EXPECT_EQ(
      refusal(kKernel, {"%x: u8[4,8], %z: u8[4]", "MatMulInteger(%x, @w, %z)", "@w : u8[8,20]"}),
      "more than one zero point");
  EXPECT_EQ(refusal(kKernel, {"%x: u8[4,d], %w: u8[d,8]", "MatMulInteger(%x, %w)"}),
            "the depth of a computed matrix is not known, or more than 4096");
}

}  // namespace hone::test::integer_matmul_test
