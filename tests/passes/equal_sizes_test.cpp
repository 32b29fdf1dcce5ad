#include "passes/equal_sizes.hpp"

#include <gtest/gtest.h>

#include "ir/inference.hpp"
#include "ir/text/text.hpp"
#include "ir/verify.hpp"
#include "ops/common/registry.hpp"

namespace hone::test::equal_sizes_test {

/// "none": there is nothing to take for equal.
std::string with_equal(std::string_view text) {
  const auto graph = parse(text, all_ops());
  infer(*graph);
  const auto equal = with_equal_sizes(*graph);
  if (equal == nullptr) return "none";
  verify(*equal, "with_equal_sizes");
  return print(*equal, {.align = false});
}

TEST(EqualSizes, OpenSizesThatBroadcastAreOne) {
  EXPECT_EQ(with_equal("graph g(%x: f32[n,3], %y: f32[m,3]) -> (%z, %k)\n"
                       "  %z = Add(%x, %y)\n"
                       "  %s = Shape(%z)\n"
                       "  %k = Expand(%y, %s)\n"),
            "graph g(%x: f32[m,3], %y: f32[m,3]) -> (%z, %k)\n"
            "  %z = Add(%x, %y) : f32[m,3]\n"
            "  %s = Shape(%z) : i64[2]\n"
            "  %k = Expand(%y, %s) : f32[m,3]\n");
}

TEST(EqualSizes, AFieldSaysTheOneSize) {
  EXPECT_EQ(with_equal("graph g(%x: f32[n,k], %y: f32[2*m,1], %w: f32[m]) -> (%z, %v)\n"
                       "  %z = Add(%x, %y)\n"
                       "  %v = Reshape(%z) shape=[k,broadcast(2*m,n)]\n"),
            "graph g(%x: f32[2*m,k], %y: f32[2*m,1], %w: f32[m]) -> (%z, %v)\n"
            "  %z = Add(%x, %y) : f32[2*m,k]\n"
            "  %v = Reshape(%z) shape=[k,2*m] : f32[k,2*m]\n");
}

TEST(EqualSizes, ANumberWhereAnOpenSizeMeetsIt) {
  EXPECT_EQ(with_equal("graph g(%x: f32[n,3], %y: f32[4,3]) -> (%z)\n"
                       "  %z = Add(%x, %y)\n"),
            "graph g(%x: f32[4,3], %y: f32[4,3]) -> (%z)\n"
            "  %z = Add(%x, %y) : f32[4,3]\n");
}

TEST(EqualSizes, WhatMustBeOneIsOne) {
  EXPECT_EQ(with_equal("graph g(%x: f32[n,3], %y: f32[4,3], %w: f32[m,3]) -> (%z, %s, %v)\n"
                       "  %z = Add(%x, %y)\n"
                       "  %s = Squeeze(%x) axes=[0]\n"
                       "  %v = Add(%w, %x)\n"),
            "graph g(%x: f32[1,3], %y: f32[4,3], %w: f32[m,3]) -> (%z, %s, %v)\n"
            "  %z = Add(%x, %y) : f32[4,3]\n"
            "  %s = Squeeze(%x) axes=[0] : f32[3]\n"
            "  %v = Add(%w, %x) : f32[m,3]\n");
}

TEST(EqualSizes, NothingWhereNoSizeBroadcasts) {
  EXPECT_EQ(with_equal("graph g(%x: f32[n,3], %y: f32[n,1]) -> (%z)\n  %z = Add(%x, %y)\n"),
            "none");
  // Only running tells the size.
  EXPECT_EQ(with_equal("graph g(%x: f32[n], %y: f32[4]) -> (%z)\n"
                       "  %i = NonZero(%x)\n  %f = Cast(%i) to=f32\n  %z = Add(%f, %y)\n"),
            "none");
  // n is 2 or 1, and at least 3.
  EXPECT_EQ(with_equal("graph g(%x: f32[n], %y: f32[m]) -> (%z, %v)\n"
                       "  require 3 <= n\n"
                       "  %z = Concat(%x, %y) axis=0\n  %v = Add(%y, f32[2]{1,2})\n"),
            "graph g(%x: f32[n], %y: f32[2]) -> (%z, %v)\n"
            "  require 3 <= n\n"
            "  %z = Concat(%x, %y) : f32[n+2]\n"
            "  %v = Add(%y, f32[2]{1,2}) : f32[2]\n");
}

/// "none": no symbols are joined.
std::string joined(std::string_view text) {
  const auto graph = parse(text, all_ops());
  infer(*graph);
  if (!join_equal_symbols(*graph)) return "none";
  infer(*graph);
  verify(*graph, "join_equal_symbols");
  return print(*graph, {.align = false});
}

TEST(EqualSizes, SymbolsThatMustBeEqualBecomeTheFirst) {
  EXPECT_EQ(joined("graph g(%k: f32[2,s,p], %v: f32[2,r,4], %a: f32[2,5,s]) -> (%z)\n"
                   "  %b = MatMul(%a, %v)\n"
                   "  %c = MatMul(%k, %v)\n"
                   "  %z = Concat(%b, %c) axis=1\n"),
            "graph g(%k: f32[2,s,s], %v: f32[2,s,4], %a: f32[2,5,s]) -> (%z)\n"
            "  %b = MatMul(%a, %v) : f32[2,5,4]\n"
            "  %c = MatMul(%k, %v) : f32[2,s,4]\n"
            "  %z = Concat(%b, %c) axis=1 : f32[2,s+5,4]\n");
}

TEST(EqualSizes, OtherRequirementsJoinNoSymbols) {
  EXPECT_EQ(joined("graph g(%x: f32[n,3], %y: f32[m,3]) -> (%z)\n"
                   "  %z = Add(%x, %y)\n"),
            "none");
  EXPECT_EQ(joined("graph g(%x: f32[3,n+k], %y: f32[m,3], %n: f32[n], %k: f32[k]) -> (%z)\n"
                   "  %z = MatMul(%x, %y)\n"),
            "none");
}

}  // namespace hone::test::equal_sizes_test
