#include "ir/dim/dim_facts.hpp"

#include <gtest/gtest.h>

#include <random>

#include "base/text.hpp"

namespace hone::test::dim_facts_test {

std::string less_equal(std::string_view left, std::string_view right) {
  Dim a = *parse_dim(left), b = *parse_dim(right);
  simplify_less_equal(a, b);
  return cat(a, " <= ", b);
}

std::string equal_text(std::string_view left, std::string_view right) {
  Dim a = *parse_dim(left), b = *parse_dim(right);
  simplify_equal(a, b);
  return cat(a, " == ", b);
}

TEST(DimFacts, LessEqual) {
  EXPECT_EQ(less_equal("3", "h+2"), "1 <= h");
  EXPECT_EQ(less_equal("3", "floordiv(h+1,2)+2"), "1 <= h");
  EXPECT_EQ(less_equal("7", "floordiv(floordiv(h+1,2)+1,2)"), "25 <= h");
  EXPECT_EQ(less_equal("3", "2*n"), "2 <= n");
  EXPECT_EQ(less_equal("2*n+1", "8"), "n <= 3");
  EXPECT_EQ(less_equal("floordiv(n,3)", "4"), "n <= 14");
  EXPECT_EQ(less_equal("1", "9-n"), "n <= 8");
  EXPECT_EQ(less_equal("n+1", "m+3"), "n <= m+2");
  EXPECT_EQ(less_equal("n", "m+n"), "0 <= m");
  EXPECT_EQ(less_equal("n", "m"), "n <= m");
  EXPECT_EQ(less_equal("5", "3"), "5 <= 3");
}

TEST(DimFacts, OrderInBroadcast) {
  const auto order = [](std::string_view left, std::string_view right) {
    const auto found = order_in_broadcast(*parse_dim(left), *parse_dim(right));
    return found ? cat(found->first, " <= ", found->second) : "";
  };
  EXPECT_EQ(order("s", "min(s,512)"), "s <= 512");
  EXPECT_EQ(order("min(s,512)", "s"), "s <= 512");
  EXPECT_EQ(order("s", "min(s,1)"), "");  // 1 broadcasts to any s
  EXPECT_EQ(order("s", "min(s,t)"), "");  // t may be 1
  EXPECT_EQ(order("s", "max(s,512)"), "");
  EXPECT_EQ(order("s", "t"), "");
}

TEST(DimFacts, Equal) {
  EXPECT_EQ(equal_text("n+2", "6"), "n == 4");
  EXPECT_EQ(equal_text("8", "2*n"), "n == 4");
  EXPECT_EQ(equal_text("2*n", "7"), "2*n == 7");
  EXPECT_EQ(equal_text("n", "m+2"), "n == m+2");
  EXPECT_EQ(equal_text("n+m", "n+4"), "m == 4");
  EXPECT_EQ(equal_text("3", "3"), "0 == 0");
  EXPECT_EQ(equal_text("8*floordiv(4,s)", "32"), "s == 1");
  EXPECT_EQ(equal_text("floordiv(32,s)", "5"), "s == 6");
  EXPECT_EQ(equal_text("floordiv(32,s)", "2"), "floordiv(32,s) == 2");
  EXPECT_EQ(equal_text("floordiv(32,n-m)", "32"), "floordiv(-32,m-n) == 32");
}

std::string order_text(std::string_view left, std::string_view right) {
  const auto order = order_in_equal(*parse_dim(left), *parse_dim(right));
  return order ? cat(order->first, " <= ", order->second) : "none";
}

TEST(DimFacts, OrderInEqual) {
  EXPECT_EQ(order_text("n", "min(n,512)"), "n <= 512");
  EXPECT_EQ(order_text("max(m,n)", "n"), "m <= n");
  EXPECT_EQ(order_text("2*n", "min(2*n,m,8)"), "2*n <= min(m,8)");
  EXPECT_EQ(order_text("512", "min(n,512)"), "512 <= n");
  EXPECT_EQ(order_text("n", "min(m,512)"), "none");
  EXPECT_EQ(order_text("n", "min(n,512)+1"), "none");
  EXPECT_EQ(order_text("n", "m"), "none");
}

TEST(DimFacts, EquivalentForAllValues) {
  std::mt19937 random(5);
  const auto below = [&](int limit) {
    return static_cast<int>(random() % static_cast<unsigned>(limit));
  };
  const auto draw = [&](auto& self, int depth) -> Dim {
    switch (depth == 0 ? below(2) : below(6)) {
      case 0: return Dim(below(9) - 4);
      case 1: return Dim::symbol(below(2) == 0 ? "n" : "m");
      case 2: return self(self, depth - 1) + self(self, depth - 1);
      case 3: return self(self, depth - 1) * Dim(below(7) - 3);
      case 4: return floor_div(self(self, depth - 1), Dim(below(4) + 1));
      default: return self(self, depth - 1) - self(self, depth - 1);
    }
  };
  for (int round = 0; round < 3000; ++round) {
    const Dim a = draw(draw, 3), b = draw(draw, 3);
    Dim low = a, high = b, left = a, right = b;
    simplify_less_equal(low, high);
    simplify_equal(left, right);
    Dim again_low = low, again_high = high;
    simplify_less_equal(again_low, again_high);
    EXPECT_TRUE(again_low == low && again_high == high) << cat(low, " <= ", high);
    for (int64_t n = 0; n < 7; ++n)
      for (int64_t m = 0; m < 7; m += 2) {
        const Bindings values{{"n", n}, {"m", m}};
        ASSERT_EQ(*a.evaluate(values) <= *b.evaluate(values),
                  *low.evaluate(values) <= *high.evaluate(values))
            << cat(a, " <= ", b, " became ", low, " <= ", high, " at n=", n, " m=", m);
        ASSERT_EQ(*a.evaluate(values) == *b.evaluate(values),
                  *left.evaluate(values) == *right.evaluate(values))
            << cat(a, " == ", b, " became ", left, " == ", right, " at n=", n, " m=", m);
        for (const Dim& extreme : {min(a, b), max(a, b)}) {
          const auto order = order_in_equal(a, extreme);
          if (!order) continue;
          ASSERT_EQ(*a.evaluate(values) == *extreme.evaluate(values),
                    *order->first.evaluate(values) <= *order->second.evaluate(values))
              << cat(a, " == ", extreme, " became ", order->first, " <= ", order->second);
        }
      }
  }
}

Dim dim(std::string_view text) { return *parse_dim(text); }

/// `size` where each of `facts` (the smaller, the larger one) and `ranges` hold.
std::string settle(std::string_view size,
                   const std::vector<std::pair<std::string_view, std::string_view>>& facts,
                   const Ranges& ranges = {}) {
  SizeFacts all{ranges, {}};
  for (const auto& [smaller, larger] : facts) all.differences.push_back(dim(larger) - dim(smaller));
  return cat(settled(dim(size), all));
}

TEST(Settled, ASumWithinALimitIsItsMinimumWithIt) {
  EXPECT_EQ(settle("min(past+fresh,2048)", {{"past+fresh", "2048"}}), "fresh+past");
  EXPECT_EQ(settle("min(past,2048)", {{"past+fresh", "2048"}}), "past");
  EXPECT_EQ(settle("max(min(fresh,2048-past),0)", {{"past+fresh", "2048"}}), "fresh");
  EXPECT_EQ(settle("min(past+fresh,1024)", {{"past+fresh", "2048"}}), "min(fresh+past,1024)");
}

TEST(Settled, TheLargerOneIsTheMaximum) {
  EXPECT_EQ(settle("max(a,b)", {{"a", "b"}}), "b");
  EXPECT_EQ(settle("max(a,b)-min(a,b)", {{"a", "b"}}), "-a+b");
  EXPECT_EQ(settle("max(a,b,c)", {{"a", "b"}}), "max(b,c)");
}

TEST(Settled, RangesDecide) {
  EXPECT_EQ(settle("min(n+m,10)", {}, {{"n", {0, 4}}, {"m", {0, 6}}}), "m+n");
  EXPECT_EQ(settle("min(n+m,10)", {}, {{"n", {6, 9}}, {"m", {4, 8}}}), "10");
  EXPECT_EQ(settle("min(n+m,10)", {}, {{"n", {0, 4}}, {"m", {0, 7}}}), "min(m+n,10)");
}

TEST(Settled, WithinOtherTerms) {
  EXPECT_EQ(settle("2*n*min(n+m,8)+1", {{"n+m", "8"}}), "2*m*n+2*n*n+1");
  EXPECT_EQ(settle("floordiv(min(n+m,8),2)", {{"n+m", "8"}}), "floordiv(m+n,2)");
  EXPECT_EQ(settle("broadcast(min(n+m,8),n+m)", {{"n+m", "8"}}), "m+n");
}

TEST(Settled, WhatNothingDecidesStays) {
  EXPECT_EQ(settle("min(n,m)", {{"n", "k"}}), "min(m,n)");
  EXPECT_EQ(settle("min(n,m)", {}), "min(m,n)");
  EXPECT_FALSE(has_extremum(dim("floordiv(n,2)*m+3")));
  EXPECT_TRUE(has_extremum(dim("floordiv(min(n,4),2)*m+3")));
}

}  // namespace hone::test::dim_facts_test
