#include "build/compare.hpp"

#include <gtest/gtest.h>

#include "ir/text/text.hpp"
#include "ops/common/registry.hpp"

namespace hone::test::compare_test {

std::optional<std::string> difference(std::string_view a, std::string_view b) {
  return structural_difference(*parse(a, all_ops()), *parse(b, all_ops()));
}

constexpr std::string_view kGraph =
    "graph g(%x: f32[n,4], %b: f32[4]) -> (%y)\n"
    "  %a = Add(%x, %b)\n"
    "  %m = MatMul(%a, @w)\n"
    "  %y = Mul(%m, f32{2})\n"
    "weights\n"
    "  @w : f32[4,4] 64 bytes\n";

TEST(StructuralDifference, IgnoresNamesSymbolsWeightsAndTheOrderOfCommutativeOperands) {
  EXPECT_EQ(difference(kGraph,
                       "graph other(%in: f32[batch,4], %bias: f32[4]) -> (out = %r)\n"
                       "  %p = Add(%bias, %in)\n"
                       "  %q = MatMul(%p, @weight)\n"
                       "  %r = Mul(f32{2}, %q)\n"
                       "weights\n"
                       "  @weight : f32[4,4] 64 bytes\n"),
            std::nullopt);
}

TEST(StructuralDifference, IgnoresFewFloatsAndHowWeightsOfAProductAreStored) {
  const auto graph = [](std::string_view bias, std::string_view sizes, std::string_view how) {
    return cat("graph g(%x: f32[n,4]) -> (%y)\n  %y = Gemm(%x, @w, f32[2]{", bias, "})", how,
               "\nweights\n  @w : f32[", sizes, "] 32 bytes\n");
  };
  const std::string plain = graph("1,2", "4,2", "");
  EXPECT_EQ(difference(plain, graph("1,2.0000001", "2,4", " transB=true")), std::nullopt);
  EXPECT_EQ(difference(graph("1,2", "2,4", " transB=true"), plain), std::nullopt);
  EXPECT_NE(difference(plain, graph("1,2", "2,4", " transB=true alpha=2")), std::nullopt);
  const std::string_view add = "graph g(%x: f32[2]) -> (%y)\n  %y = Add(%x, ";
  EXPECT_NE(difference(cat(add, "f32{1})\n"), cat(add, "f32{2})\n")), std::nullopt);
  EXPECT_NE(difference(cat(add, "f32[2]{1,1})\n"), cat(add, "f32{1})\n")), std::nullopt);
}

TEST(StructuralDifference, TellsTheFirstNodesThatDiffer) {
  const auto found = difference(kGraph,
                                "graph g(%x: f32[n,4], %b: f32[4]) -> (%y)\n"
                                "  %a = Sub(%x, %b)\n"
                                "  %m = MatMul(%a, @w)\n"
                                "  %y = Mul(%m, f32{2})\n"
                                "weights\n"
                                "  @w : f32[4,4] 64 bytes\n");
  ASSERT_TRUE(found.has_value());
  EXPECT_NE(found->find("first: %a = Add(%x, %b)"), std::string::npos) << *found;
  EXPECT_NE(found->find("second: %a = Sub(%x, %b)"), std::string::npos) << *found;
}

TEST(StructuralDifference, SeesLiteralsShapesOfWeightsOperandOrderAndRequirements) {
  const auto with = [](std::string_view body, std::string_view weight) {
    return cat("graph g(%x: f32[n,4], %b: f32[4]) -> (%y)\n", body, "weights\n  @w : ", weight,
               "\n");
  };
  const std::string node = "  %y = Gemm(%x, @w)\n";
  EXPECT_EQ(difference(with(node, "f32[4,5]"), with(node, "f32[4,5]")), std::nullopt);
  EXPECT_NE(difference(with(node, "f32[4,5]"), with(node, "f32[4,6]")), std::nullopt);
  EXPECT_NE(
      difference(with("  %y = Div(%x, %b)\n", "f32[40]"), with("  %y = Div(%b, %x)\n", "f32[40]")),
      std::nullopt);
  EXPECT_NE(difference(with("  %y = Add(%x, f32{1})\n", "f32[40]"),
                       with("  %y = Add(%x, f32{2})\n", "f32[40]")),
            std::nullopt);
  const auto found = difference(with("  require 2 <= n\n  %y = Relu(%x)\n", "f32[40]"),
                                with("  %y = Relu(%x)\n", "f32[40]"));
  EXPECT_EQ(found, "only the first requires 2 <= s0");
}

}  // namespace hone::test::compare_test
