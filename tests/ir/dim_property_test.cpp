// Random expressions: the canonical form against a plain tree that knows no algebra.

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "base/error.hpp"
#include "base/size.hpp"
#include "base/text.hpp"
#include "ir/dim/dim.hpp"
#include "ir/dim/dim_facts.hpp"

namespace hone::dim_property_test {

using Random = std::mt19937;

int64_t draw(Random& random, int64_t low, int64_t high) {
  return std::uniform_int_distribution<int64_t>(low, high)(random);
}

const std::vector<std::string> kNames = {"a", "b", "c", "n"};

/// The expression as written.
struct Tree {
  enum class Kind {
    number,
    symbol,
    add,
    subtract,
    multiply,
    floordiv,
    ceildiv,
    mod,
    min,
    max,
  };
  Kind kind = Kind::number;
  int64_t number = 0;
  std::string name;
  std::vector<Tree> args;

  std::optional<int64_t> evaluate(const Bindings& bindings) const {
    if (kind == Kind::number) return number;
    if (kind == Kind::symbol) return bindings.at(name);
    const auto a = args[0].evaluate(bindings), b = args[1].evaluate(bindings);
    if (!a || !b) return std::nullopt;
    const bool divides = kind == Kind::floordiv || kind == Kind::ceildiv || kind == Kind::mod;
    if (divides && *b == 0) return std::nullopt;
    switch (kind) {
      case Kind::add: return try_add(*a, *b);
      case Kind::subtract: return try_add(*a, -*b);
      case Kind::multiply: return try_mul(*a, *b);
      case Kind::floordiv: return floor_div(*a, *b);
      case Kind::ceildiv: return ceil_div(*a, *b);
      case Kind::mod: return floor_mod(*a, *b);
      case Kind::min: return std::min(*a, *b);
      default: return std::max(*a, *b);
    }
  }

  Dim dim() const {
    if (kind == Kind::number) return number;
    if (kind == Kind::symbol) return Dim::symbol(name);
    const Dim a = args[0].dim(), b = args[1].dim();
    switch (kind) {
      case Kind::add: return a + b;
      case Kind::subtract: return a - b;
      case Kind::multiply: return a * b;
      case Kind::floordiv: return floor_div(a, b);
      case Kind::ceildiv: return ceil_div(a, b);
      case Kind::mod: return mod(a, b);
      case Kind::min: return min(a, b);
      default: return max(a, b);
    }
  }
};

Tree random_tree(Random& random, int levels) {
  Tree tree;
  if (levels == 0 || draw(random, 0, 9) == 0) {
    tree.kind = draw(random, 0, 2) == 0 ? Tree::Kind::number : Tree::Kind::symbol;
    tree.number = draw(random, -6, 8);
    tree.name = kNames[static_cast<size_t>(draw(random, 0, 3))];
    return tree;
  }
  tree.kind = static_cast<Tree::Kind>(draw(random, 2, 9));
  tree.args.push_back(random_tree(random, levels - 1));
  tree.args.push_back(random_tree(random, levels - 1));
  // Divisors are small numbers most of the time, as in models.
  const bool divides = tree.kind == Tree::Kind::floordiv || tree.kind == Tree::Kind::ceildiv ||
                       tree.kind == Tree::Kind::mod;
  if (divides && draw(random, 0, 3) != 0) {
    tree.args[1] = Tree{};
    tree.args[1].number = draw(random, 0, 9) == 0 ? -2 : draw(random, 1, 8);
  }
  return tree;
}

Bindings random_bindings(Random& random) {
  Bindings bindings;
  for (const std::string& name : kNames)
    bindings[name] = draw(random, 0, 3) == 0 ? draw(random, 0, 200) : draw(random, 0, 9);
  return bindings;
}

/// The dimension, unless the tree divides by zero or is too big.
std::optional<Dim> dim_of(const Tree& tree) {
  try {
    const Dim dim = tree.dim();
    return dim.is_too_long() ? std::nullopt : std::optional(dim);
  } catch (const Error&) {
    return std::nullopt;
  }
}

TEST(DimProperty, CanonicalFormsHaveTheValueOfWhatWasWritten) {
  Random random(1);
  int compared = 0;
  for (int round = 0; round < 4000; ++round) {
    const Tree tree = random_tree(random, static_cast<int>(draw(random, 1, 4)));
    const auto dim = dim_of(tree);
    if (!dim) continue;
    for (int i = 0; i < 10; ++i) {
      const Bindings bindings = random_bindings(random);
      const auto expected = tree.evaluate(bindings);
      if (!expected) continue;
      EXPECT_EQ(dim->evaluate(bindings), expected) << cat(*dim) << " round " << round;
      ++compared;
    }
  }
  EXPECT_GT(compared, 20'000);
}

TEST(DimProperty, BoundsContainEveryValue) {
  Random random(2);
  int compared = 0;
  for (int round = 0; round < 4000; ++round) {
    const auto dim = dim_of(random_tree(random, static_cast<int>(draw(random, 1, 4))));
    if (!dim) continue;
    Ranges ranges;
    for (const std::string& name : kNames) {
      const int64_t low = draw(random, 0, 6);
      if (draw(random, 0, 3) != 0) ranges[name] = {low, low + draw(random, 0, 5)};
    }
    const Interval bounds = dim->bounds(ranges);
    for (int i = 0; i < 10; ++i) {
      Bindings bindings = random_bindings(random);
      for (const auto& [name, range] : ranges) bindings[name] = draw(random, range.low, range.high);
      const auto value = dim->evaluate(bindings);
      if (!value) continue;
      EXPECT_LE(bounds.low, *value) << cat(*dim) << " round " << round;
      EXPECT_GE(bounds.high, *value) << cat(*dim) << " round " << round;
      ++compared;
    }
  }
  EXPECT_GT(compared, 20'000);
}

TEST(DimProperty, TextReadsBackAsTheSameObject) {
  Random random(3);
  for (int round = 0; round < 4000; ++round) {
    const auto dim = dim_of(random_tree(random, static_cast<int>(draw(random, 1, 4))));
    if (!dim) continue;
    const std::string text = cat(*dim);
    std::string_view rest = text;
    const auto again = parse_dim(rest);
    ASSERT_TRUE(again.has_value()) << text;
    EXPECT_EQ(rest, "");
    EXPECT_EQ(*again, *dim) << text << " came back as " << cat(*again);
    EXPECT_EQ(dim->substitute([](std::string_view) { return std::nullopt; }), *dim) << text;
  }
}

/// What is beyond the limits is equal to nothing.
bool alike(const Dim& a, const Dim& b) { return a.is_too_long() || b.is_too_long() || a == b; }

TEST(DimProperty, AlgebraHolds) {
  Random random(4);
  int checked = 0;
  for (int round = 0; round < 3000; ++round) {
    const auto a = dim_of(random_tree(random, 3)), b = dim_of(random_tree(random, 2)),
               c = dim_of(random_tree(random, 2));
    if (!a || !b || !c) continue;
    try {
      EXPECT_TRUE(alike((*a + *b) + *c, *a + (*c + *b)));
      EXPECT_TRUE(alike((*a * *b) * *c, *a * (*c * *b)));
      EXPECT_TRUE(alike(*a * (*b + *c), *a * *b + *a * *c));
      EXPECT_TRUE(alike(*a - *b, Dim(0) - (*b - *a)));
      EXPECT_TRUE(alike(min(*a, *b), min(*b, *a)));
      EXPECT_TRUE(alike(max(*a, *b), max(*b, *a)));
      const int64_t k = draw(random, 1, 9);
      EXPECT_TRUE(alike(floor_div(*a + Dim(k * 5), k), floor_div(*a, k) + 5))
          << cat(*a) << " by " << k;
      EXPECT_TRUE((*a * Dim(k)).is_too_long() || exact_div(*a * Dim(k), k) == *a);
      EXPECT_TRUE(alike(floor_div(*a * Dim(k), k), *a));
      EXPECT_TRUE(alike(mod(*a, k) + Dim(k) * floor_div(*a, k), *a));
      if (!b->is_constant() && !(*a * *b).is_too_long()) {
        EXPECT_EQ(exact_div(*a * *b, *b), *a) << cat(*a) << " times " << cat(*b);
      }
      ++checked;
    } catch (const Error&) {  // overflow
    }
  }
  EXPECT_GT(checked, 1500);
}

/// Sums of a few symbols, as sizes and what is required of them are.
Dim random_sum(Random& random) {
  Dim sum(draw(random, -3, 12));
  for (int64_t left = draw(random, 0, 3); left > 0; --left)
    sum = sum +
          Dim(draw(random, -1, 2)) * Dim::symbol(kNames[static_cast<size_t>(draw(random, 0, 3))]);
  return sum;
}

/// Extrema of sums, in whatever else a tree has.
std::optional<Dim> random_extremum(Random& random) {
  const auto other = dim_of(random_tree(random, static_cast<int>(draw(random, 0, 2))));
  if (!other) return std::nullopt;
  const Dim a = random_sum(random), b = random_sum(random);
  const Dim one = draw(random, 0, 1) == 0 ? min(a, b) : max(a, b);
  try {
    const Dim both = draw(random, 0, 2) == 0 ? *other * one : one + *other;
    const Dim all = draw(random, 0, 2) == 0 ? max(min(both, random_sum(random)), 0) : both;
    return all.is_too_long() ? std::nullopt : std::optional(all);
  } catch (const Error&) {
    return std::nullopt;
  }
}

TEST(DimProperty, WhatFactsSettleKeepsItsValueWhereTheyHold) {
  Random random(5);
  int compared = 0, changed = 0;
  for (int round = 0; round < 6000; ++round) {
    const auto dim = random_extremum(random);
    if (!dim) continue;
    SizeFacts facts;
    for (int64_t left = draw(random, 1, 3); left > 0; --left)
      facts.differences.push_back(random_sum(random));
    for (const std::string& name : kNames) {
      const int64_t low = draw(random, 0, 4);
      if (draw(random, 0, 2) == 0) facts.ranges[name] = {low, low + draw(random, 0, 12)};
    }
    const Dim now = settled(*dim, facts);
    changed += now != *dim;
    for (int i = 0; i < 40; ++i) {
      Bindings bindings = random_bindings(random);
      for (const auto& [name, range] : facts.ranges)
        bindings[name] = draw(random, range.low, range.high);
      const bool hold =
          std::all_of(facts.differences.begin(), facts.differences.end(),
                      [&](const Dim& difference) { return *difference.evaluate(bindings) >= 0; });
      const auto value = dim->evaluate(bindings);
      if (!hold || !value) continue;
      EXPECT_EQ(now.evaluate(bindings), value)
          << cat(*dim) << " became " << cat(now) << " in round " << round;
      ++compared;
    }
  }
  EXPECT_GT(compared, 40'000);
  EXPECT_GT(changed, 800);
}

}  // namespace hone::dim_property_test
