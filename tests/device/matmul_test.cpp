// Matrix products with what may follow them in one step, and operands that lie badly.

#include <gtest/gtest.h>

#include "device/kernel_case.hpp"

namespace hone::test::matmul_test {

class MatMulTest : public KernelTest {};
INSTANTIATE_TEST_SUITE_P(Isas, MatMulTest,
                         testing::Values(cpu::Isa::generic, cpu::Isa::avx2, cpu::Isa::avx512),
                         [](const auto& info) { return std::string(name(info.param)); });

KernelCase with(std::vector<std::string> before, const std::string& node) {
  KernelCase given{"%a: f32[n,40], %z: f32[n,50]", node, "@w : f32[40,50]\n  @b : f32[50]", "%y",
                   each("n", {0, 1, 13, 130})};
  given.before = std::move(before);
  return given;
}

TEST_P(MatMulTest, WhatFollows) {
  const std::string product = "%p = MatMul(%a, @w)", biased = "%q = Add(%p, @b)";
  for (const char* node : {"Add(%p, @b)", "Add(%z, %p)", "Relu(%p)", "Gelu(%p)"})
    expect_kernel("cpu.matmul", with({product}, node));
  for (const char* node : {"Add(%q, %z)", "Relu(%q)", "Swish(%q)"})
    expect_kernel("cpu.matmul", with({product, biased}, node));
  expect_kernel("cpu.matmul", with({product, biased, "%s = Add(%z, %q)"}, "Relu(%s)"));
  expect_kernel("cpu.matmul", with({"%p = Gemm(%a, @w, @b)"}, "Add(%p, %z)"));
  KernelCase few{"%a: f32[n,40]", "Add(%p, f32[3]{1,-2,3})", "@w : f32[40,3]", "%y",
                 each("n", {1, 13})};
  few.before = {"%p = MatMul(%a, @w)"};
  expect_kernel("cpu.matmul", few);
  expect_kernel("cpu.matmul", with({"%p = Gemm(%a, @w, @b) beta=2"}, "Tanh(%p)"));
}

TEST_P(MatMulTest, WeightsOfHalves) {
  if (GetParam() == cpu::Isa::generic) GTEST_SKIP() << "no instructions for f16";
  const auto halves = [](const std::string& shape, int64_t count) {
    return cat("@w : f32[", shape, "] ", 4 * count, " bytes of f16");
  };
  const std::vector<Bindings> rows = each("n", {0, 1, 2, 3, 7, 8, 9, 200});
  expect_kernel("cpu.matmul.halves",
                {"%a: f32[n,43]", "MatMul(%a, @w)", halves("43,70", 43 * 70), "%y", rows});
  expect_kernel("cpu.matmul.halves", {"%a: f32[2,n,40]", "MatMul(%a, @w)", halves("40,5", 200),
                                      "%y", each("n", {1, 30})});
  expect_kernel("cpu.matmul.halves",
                {"%a: f32[n,40]", "Gemm(%a, @w) transB=true", halves("300,40", 12000), "%y", rows});
  for (const char* node : {"Add(%q, %z)", "Relu(%q)", "Swish(%q)", "Clip(%q, f32{-1}, f32{2})"}) {
    KernelCase given = with({"%p = MatMul(%a, @w)", "%q = Add(%p, @b)"}, node);
    given.weights = halves("40,50", 2000) + "\n  @b : f32[50]";
    given.sizes = rows;
    EXPECT_TRUE(kernels_run(given).contains("cpu.matmul.halves")) << node;
  }
  EXPECT_EQ(refusal("cpu.matmul.halves", {"%a: f32[4,40]", "MatMul(%a, @w)", "@w : f32[40,50]"}),
            "the weight is no constant matrix of f16");
}

TEST_P(MatMulTest, BatchesWithASum) {
  KernelCase given{"%a: f32[3,n,7], %b: f32[3,7,9], %z: f32[3,n,9]", "Add(%p, %z)", "", "%y",
                   each("n", {1, 20})};
  given.before = {"%p = MatMul(%a, %b)"};
  expect_kernel("cpu.matmul", given);
}

TEST_P(MatMulTest, BatchesThatShareASecondOperand) {
  const std::vector<Bindings> sizes = each("n", {0, 1, 7, 64});
  for (const char* operands :
       {"%a: f32[n,5,14,64], %b: f32[5,64,14]", "%a: f32[n,1,9,33], %b: f32[1,64,33,50]",
        "%a: f32[n,3,4,500], %b: f32[3,500,130]"})
    expect_kernel("cpu.matmul", {operands, "MatMul(%a, %b)", "", "%y", sizes});
  KernelCase sum{"%a: f32[n,3,14,20], %b: f32[3,20,14], %z: f32[n,3,14,14]", "Add(%p, %z)", "",
                 "%y", sizes};
  sum.before = {"%p = MatMul(%a, %b)"};
  expect_kernel("cpu.matmul", sum);
}

TEST_P(MatMulTest, RowsThatCollideInTheCache) {
  expect_kernel("cpu.matmul", {"%a: f32[n,2048]", "MatMul(%a, @w)", "@w : f32[2048,40]", "%y",
                               each("n", {3, 30, 200})});
  expect_kernel("cpu.matmul", {"%a: f32[n,2048], %b: f32[2048,40]", "MatMul(%a, %b)", "", "%y",
                               each("n", {3, 200})});
}

TEST_P(MatMulTest, TailsOfColumns) {
  for (const int64_t n : {1, 7, 8, 15, 16, 17, 31, 32, 33, 65})
    expect_kernel("cpu.matmul", {"%a: f32[n,19]", "MatMul(%a, @w)", cat("@w : f32[19,", n, "]"),
                                 "%y", each("n", {1, 5, 14})});
}

/// One row, or one column, times a matrix that is computed: it is read as it lies.
TEST_P(MatMulTest, VectorsTimesComputedMatrices) {
  const std::vector<Bindings> sizes = each("n", {1, 7, 64, 700});
  for (const char* operands : {"%a: f32[1,n], %b: f32[n,70]", "%a: f32[70,n], %b: f32[n,1]",
                               "%a: f32[2,3,1,n], %b: f32[2,3,n,33]",
                               "%a: f32[1,40], %b: f32[40,n]", "%a: f32[3,n,20], %b: f32[3,20,1]"})
    expect_kernel("cpu.matmul", {operands, "MatMul(%a, %b)", "", "%y", sizes});
  for (const char* node : {"Gemm(%a, %b, %c) alpha=0.5 beta=2", "Gemm(%a, %b, %c)"})
    for (const char* operands :
         {"%a: f32[1,n], %b: f32[n,70], %c: f32[70]", "%a: f32[70,n], %b: f32[n,1], %c: f32[70,1]"})
      expect_kernel("cpu.matmul", {operands, node, "", "%y", sizes});
  expect_kernel("cpu.matmul", {"%a: f32[1,n], %b: f32[70,n]", "Gemm(%a, %b) transB=true alpha=3",
                               "", "%y", sizes});
  KernelCase follows{"%a: f32[1,n], %b: f32[n,70], %z: f32[1,70]", "Relu(%s)", "", "%y", sizes};
  follows.before = {"%p = MatMul(%a, %b)", "%s = Add(%p, %z)"};
  expect_kernel("cpu.matmul", follows);
}

TEST_P(MatMulTest, WideElements) {
  for (const std::string type : {"f64", "i64", "u64", "i32", "u32"}) {
    const auto given = [&](const std::string& a, const std::string& b, const std::string& node,
                           const std::string& more = "") {
      KernelCase made{cat("%a: ", type, a, ", %b: ", type, b, more), node};
      made.sizes = each("n", {0, 1, 6, 19, 200});
      return made;
    };
    expect_kernel("cpu.matmul.wide", given("[n,37]", "[37,50]", "MatMul(%a, %b)"));
    expect_kernel("cpu.matmul.wide", given("[3,n,9]", "[2,1,9,n]", "MatMul(%a, %b)"));
    expect_kernel("cpu.matmul.wide", given("[5,n]", "[n,16]", "MatMul(%a, %b)"));
    const std::string c = cat(", %c: ", type, "[n,1]");
    expect_kernel("cpu.matmul.wide",
                  given("[20,n]", "[9,20]", "Gemm(%a, %b, %c) transA=true transB=true", c));
  }
  KernelCase deep{"%a: f64[n,1100], %b: f64[1100,300]", "MatMul(%a, %b)"};
  deep.sizes = each("n", {1, 130});
  expect_kernel("cpu.matmul.wide", deep);
  KernelCase scaled{"%a: f64[n,20], %b: f64[20,33], %c: f64[33]",
                    "Gemm(%a, %b, %c) alpha=0.5 beta=-3"};
  scaled.sizes = each("n", {1, 30});
  expect_kernel("cpu.matmul.wide", scaled);
  scaled.node = "Gemm(%a, %b) alpha=0.25";
  expect_kernel("cpu.matmul.wide", scaled);
  EXPECT_EQ(refusal("cpu.matmul.wide", {"%a: i32[2,3], %b: i32[3,4]", "Gemm(%a, %b) alpha=2"}),
            "integers are not scaled");
}

TEST_P(MatMulTest, SaysWhatItDoesNotRun) {
  EXPECT_EQ(refusal("cpu.matmul", with({"%p = MatMul(%a, @w)", "%r = Relu(%p)"}, "Add(%r, %z)")),
            "only a sum, then clipping, then functions of one operand follow in one step");
  // Its result has no axis, so that no row is added to its last one.
  KernelCase scalar{"%a: f32[40], %b: f32[40], %z: f32[1]", "Add(%p, %z)"};
  scalar.before = {"%p = MatMul(%a, %b)"};
  EXPECT_EQ(refusal("cpu.matmul", scalar), "an operand is a vector");
}

}  // namespace hone::test::matmul_test
