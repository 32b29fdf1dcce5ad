// Matrix products with what may follow them in one step, and operands that lie badly.

#include <gtest/gtest.h>

#include "device/kernel_case.hpp"
#include "support/rng.hpp"

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

/// Views behind a product, and a sum behind these: its rows land where views would bring them.
TEST_P(MatMulTest, RowsThatLandElsewhere) {
  const auto run = [](const std::string& inputs, const std::vector<std::string>& before,
                      const std::string& node) {
    KernelCase given{inputs, node, "@w : f32[40,21]\n  @b : f32[21]", "%y", {}};
    for (const int64_t n : {1, 2})
      for (const int64_t h : {1, 5, 60}) given.sizes.push_back({{"n", n}, {"h", h}});
    given.sizes.erase(given.sizes.begin());
    given.before = before;
    expect_kernel("cpu.matmul", given);
  };
  const std::string product = "%p = MatMul(%a, @w)", biased = "%q = Add(%p, @b)";
  const std::string pixels = "%a: f32[n,h,7,40]";
  run(pixels, {product}, "Transpose(%p) perm=[0,3,1,2]");
  run(pixels + ", %z: f32[n,21,h,7]", {product, biased, "%t = Transpose(%q) perm=[0,3,1,2]"},
      "Add(%z, %t)");
  run(pixels, {product, "%g = Gelu(%p)"}, "Transpose(%g) perm=[1,3,0,2]");
  run(pixels + ", %z: f32[h,n,147]", {product, "%t = Transpose(%p) perm=[1,0,2,3]"},
      "Reshape(%t) shape=[h,n,147]");
  run(pixels + ", %z: f32[n,h,147]", {product, "%t = Reshape(%p) shape=[n,h,147]"}, "Add(%t, %z)");
  KernelCase batches{"%a: f32[3,n,7], %b: f32[3,7,9], %z: f32[n,9,3]", "Add(%t, %z)", "", "%y",
                     each("n", {1, 20})};
  batches.before = {"%p = MatMul(%a, %b)", "%t = Transpose(%p) perm=[1,2,0]"};
  expect_kernel("cpu.matmul", batches);
}

/// Ops in front of a product that move whole rows: it reads them where they were.
TEST_P(MatMulTest, RowsThatWereMoved) {
  if (GetParam() == cpu::Isa::generic) GTEST_SKIP() << "by generated code alone";
  KernelCase given{"%x: f32[n,8,8,40], %z: f32[n,8,8,50]", "", "@w : f32[40,50]\n  @b : f32[50]",
                   "%y", each("n", {1, 3})};
  given.before = {"%s1 = Slice(%x) starts=[3] ends=[8] axes=[1]",
                  "%s2 = Slice(%x) starts=[0] ends=[3] axes=[1]",
                  "%r = Concat(%s1, %s2) axis=1",
                  "%v = Reshape(%r) shape=[n,2,4,2,4,40]",
                  "%t = Transpose(%v) perm=[0,1,3,2,4,5]",
                  "%u = Reshape(%t) shape=[4*n,16,40]",
                  "%p = MatMul(%u, @w)"};
  given.node = "Add(%p, @b)";
  expect_kernel("cpu.matmul", given);
  given.before.push_back("%q = Add(%p, @b)");
  given.before.push_back("%v2 = Reshape(%q) shape=[n,2,2,4,4,50]");
  given.before.push_back("%t2 = Transpose(%v2) perm=[0,1,3,2,4,5]");
  given.before.push_back("%u2 = Reshape(%t2) shape=[n,8,8,50]");
  given.node = "Add(%u2, %z)";
  expect_kernel("cpu.matmul", given);
  KernelCase parts{"%x: f32[n,80]", "MatMul(%t, @w)", "@w : f32[40,50]", "%y", each("n", {1, 30})};
  parts.before = {"%v = Reshape(%x) shape=[n,2,40]", "%t = Transpose(%v) perm=[1,0,2]"};
  expect_kernel("cpu.matmul", parts);
  KernelCase added{"%x: f32[20,2,20]", "Gemm(%t, @w, %t)", "@w : f32[40,40]"};
  added.before = {"%u = Reshape(%x) shape=[2,10,40]", "%s = Slice(%u) starts=[1] ends=[2] axes=[0]",
                  "%t = Reshape(%s) shape=[10,40]"};
  EXPECT_EQ(refusal("cpu.matmul", added), "what comes before it does not move whole rows");
  parts.before = {"%v = Reshape(%x) shape=[n,40,2]", "%t = Transpose(%v) perm=[2,0,1]"};
  EXPECT_EQ(refusal("cpu.matmul", parts), "what comes before it does not move whole rows");
}

/// The same ops at sizes at which they tear rows apart.
TEST_P(MatMulTest, RowsThatAreTornApart) {
  if (GetParam() == cpu::Isa::generic) GTEST_SKIP() << "by generated code alone";
  const std::vector<Bindings> sizes = {{{"n", 4}, {"k", 120}},
                                       {{"n", 4}, {"k", 100}},
                                       {{"n", 10}, {"k", 44}},
                                       {{"n", 2}, {"k", 60}}};
  KernelCase given{"%x: f32[n,k]", "MatMul(%u, @w)", "@w : f32[40,50]", "%y", sizes};
  given.before = {"%s = Slice(%x) starts=[40] ends=[1000000000] axes=[1]",
                  "%u = Reshape(%s) shape=[-1,40]"};
  given.expected = {{"n", 4}, {"k", 120}};
  expect_kernel("cpu.matmul", given);
  KernelCase lands{"%x: f32[r,40], %z: f32[25,2*r]", "Add(%e, %z)", "@w : f32[40,50]", "%y",
                   each("r", {50, 30, 7, 0})};
  lands.before = {"%p = MatMul(%x, @w)", "%v = Reshape(%p) shape=[5,5,2*r]",
                  "%t = Transpose(%v) perm=[1,0,2]", "%e = Reshape(%t) shape=[25,2*r]"};
  lands.expected = {{"r", 50}};
  expect_kernel("cpu.matmul", lands);
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

/// One panel of columns reads rows where they are; panels of a short depth stay in the first cache.
TEST_P(MatMulTest, ThinProducts) {
  Rng rng(20261203);
  for (int i = 0; i < 10; ++i) {
    const int64_t wide = rng.among({8, 16, 17, 31, 32}), few = rng.between(1, 23);
    const bool packed = rng.below(2) == 0;
    SCOPED_TRACE(cat(wide, " ", few, packed ? " packed" : ""));
    const auto product = [&](int64_t depth, int64_t columns) {
      const std::string other = cat("f32[", depth, ",", columns, "]");
      KernelCase given{cat("%a: f32[n,", depth, "]"), "MatMul(%a, @w)", cat("@w : ", other), "%y",
                       each("n", {1, 7, 9, 64, 201})};
      if (!packed) {
        given.inputs += cat(", %b: ", other);
        given.node = "MatMul(%a, %b)", given.weights = "";
      }
      given.inputs += cat(", %z: f32[n,", columns, "]");
      given.before = {"%p = " + given.node};
      given.node = "Add(%p, %z)";
      expect_kernel("cpu.matmul", given);
    };
    product(1024 * rng.between(1, 3), wide);
    product(few, rng.between(33, 500));
  }
}

TEST_P(MatMulTest, TailsOfColumns) {
  for (const int64_t n : {1, 7, 8, 15, 16, 17, 31, 32, 33, 65})
    expect_kernel("cpu.matmul", {"%a: f32[n,19]", "MatMul(%a, @w)", cat("@w : f32[19,", n, "]"),
                                 "%y", each("n", {1, 5, 14})});
}

/// One row, or one column, times a matrix that is computed: it is read as it lies.
TEST_P(MatMulTest, VectorsTimesComputedMatrices) {
  const std::vector<Bindings> sizes = each("n", {1, 7, 64, 700});
  // Several tiles of columns and several blocks of them.
  expect_kernel("cpu.matmul",
                {"%a: f32[k,1,n], %b: f32[k,n,5003]",
                 "MatMul(%a, %b)",
                 "",
                 "%y",
                 {{{"k", 1}, {"n", 23}}, {{"k", 3}, {"n", 16}}, {{"k", 2}, {"n", 1}}}});
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

/// Behind views, whose rows lie evenly or not.
TEST_P(MatMulTest, ViewsOfRowsTimesComputedMatrices) {
  if (GetParam() == cpu::Isa::generic) GTEST_SKIP() << "by generated code alone";
  for (const int64_t n : {1, 16, 390}) {
    // More columns than a tile that packs its own.
    KernelCase vector{cat("%x: f32[", n, "], %b: f32[", n, ",r]"), "MatMul(%a, %b)", "", "%y",
                      each("r", {1, 300, 5003})};
    vector.before = {cat("%a = Reshape(%x) shape=[1,", n, "]")};
    expect_kernel("cpu.matmul", vector);
    for (const char* sliced : {"Slice(%x) starts=[3] ends=[4] axes=[0]",
                               "Slice(%x) starts=[1] ends=[8] axes=[0] steps=[3]",
                               "Slice(%x) starts=[7] ends=[2] axes=[0] steps=[-2]",
                               "Slice(%x) starts=[2] ends=[7] axes=[0]"}) {
      SCOPED_TRACE(cat(n, " ", sliced));
      KernelCase rows{cat("%x: f32[9,", n, "], %b: f32[", n, ",r]"), "MatMul(%a, %b)", "", "%y",
                      each("r", {1, 77, 1300})};
      rows.before = {cat("%a = ", sliced)};
      expect_kernel("cpu.matmul", rows);
    }
  }
}

/// A constant that is packed the other way round, behind a view.
TEST_P(MatMulTest, TransposedConstantBehindAView) {
  if (GetParam() == cpu::Isa::generic) GTEST_SKIP() << "by generated code alone";
  KernelCase dense{"%x: f32[n,5,4]", "Gemm(%a, @w, @b) transB=true",
                   "@w : f32[30,20]\n  @b : f32[30]", "%y", each("n", {1, 3, 40})};
  dense.before = {"%a = Reshape(%x) shape=[n,20]"};
  expect_kernel("cpu.matmul", dense);
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
