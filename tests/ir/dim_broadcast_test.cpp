#include <gtest/gtest.h>

#include "base/text.hpp"
#include "ir/dim/dim.hpp"

namespace hone::test::dim_broadcast_test {

const Dim n = Dim::symbol("n"), m = Dim::symbol("m"), k = Dim::symbol("k");

TEST(DimBroadcast, HasOneForm) {
  EXPECT_EQ(cat(broadcast({n, m})), "broadcast(m,n)");
  EXPECT_EQ(broadcast({n, m}), broadcast({m, n}));
  EXPECT_EQ(cat(broadcast({broadcast({n, m}), k, n})), "broadcast(k,m,n)");
  EXPECT_EQ(broadcast({n, n, 1}), n);
  EXPECT_EQ(broadcast({1, 1}), Dim(1));
  EXPECT_EQ(broadcast({n, 5, m}), Dim(5));
  EXPECT_EQ(broadcast({n, 0}), Dim(0));
  EXPECT_EQ(cat(broadcast({2 * n, m}) + 1), "broadcast(m,2*n)+1");
}

TEST(DimBroadcast, ReadsBackAsItPrints) {
  const Dim written = 2 * broadcast({n + 1, m}) * k + 3;
  const std::string text = cat(written);
  std::string_view rest = text;
  EXPECT_EQ(parse_dim(rest), written) << text;
  EXPECT_EQ(rest, "");
}

TEST(DimBroadcast, HasAValueWhereSizesBroadcast) {
  const auto value = [](int64_t a, int64_t b) {
    return broadcast({n, m}).evaluate({{"n", a}, {"m", b}});
  };
  EXPECT_EQ(value(4, 4), 4);
  EXPECT_EQ(value(1, 4), 4);
  EXPECT_EQ(value(4, 1), 4);
  EXPECT_EQ(value(0, 1), 0);
  EXPECT_EQ(value(1, 1), 1);
  EXPECT_EQ(value(4, 3), std::nullopt);
  EXPECT_EQ(broadcast({n, m}).evaluate({{"n", 4}}), std::nullopt);
}

TEST(DimBroadcast, IsAnotherFormOnceASymbolIsKnown) {
  const auto with = [](const Dim& dim, const Dim& size) {
    return dim.substitute(
        [&](std::string_view name) { return name == "n" ? std::optional(size) : std::nullopt; });
  };
  const Dim both = 2 * broadcast({n, m});
  EXPECT_EQ(with(both, 1), 2 * m);
  EXPECT_EQ(with(both, 3), Dim(6));
  EXPECT_EQ(with(both, m), 2 * m);
  EXPECT_EQ(with(both, k), 2 * broadcast({k, m}));
}

TEST(DimBroadcast, LiesWithinTheBoundsOfItsParts) {
  const Interval bounds = broadcast({n, m}).bounds({{"n", {2, 9}}, {"m", {1, 12}}});
  EXPECT_EQ(bounds.low, 1);
  EXPECT_EQ(bounds.high, 12);
  EXPECT_EQ(provably_less_equal(0, broadcast({n, m})), true);
}

TEST(DimBroadcast, NoMultipleIsAnotherNumber) {
  EXPECT_EQ(provably_equal(2 * n, 1), false);
  EXPECT_EQ(provably_equal(6 * n + 4 * m, 3), false);
  EXPECT_EQ(provably_equal(2 * n, 4), std::nullopt);
}

}  // namespace hone::test::dim_broadcast_test
