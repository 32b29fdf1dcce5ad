// Values that share bytes: where they may, where they may not, and an oracle that follows contents.

#include "plan/layout.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "compile/compile.hpp"
#include "ir/inference.hpp"
#include "ir/text/text.hpp"
#include "ops/common/registry.hpp"

namespace hone::test::layout_test {

struct Planned {
  std::unique_ptr<Graph> graph;
  Plan plan;
  Layout layout;
  Placement placement;

  Planned(std::string_view text, const Bindings& symbols) : graph(parse(text, all_ops())) {
    infer(*graph);
    Compiled made = compile_typed(std::move(graph), *open_device("cpu"), {.workers = 2});
    graph = std::move(made.typed);
    plan = std::move(made.plan);
    layout = lay_out(plan, symbols);
    placement = solve(layout.demand);
    EXPECT_EQ(validate(layout.demand, placement), std::nullopt);
    EXPECT_EQ(check_contents(*graph, plan, layout, placement), std::nullopt) << print(plan);
  }
  size_t planned(std::string_view value) const {
    for (size_t i = 0; i < plan.buffers.size(); ++i)
      if (plan.buffers[i].value == value) return i;
    ADD_FAILURE() << "%" << value << " is not planned";
    return 0;
  }
  int64_t at(std::string_view value) const { return layout.at(planned(value), placement); }
  bool share(std::string_view a, std::string_view b) const {
    return layout.buffers[planned(a)] == layout.buffers[planned(b)];
  }
  int idle() const {
    return static_cast<int>(std::count(layout.idle.begin(), layout.idle.end(), true));
  }
};

TEST(Layout, AReshapeIsAView) {
  const Planned made(
      "graph g(%x: f32[n,4]) -> (%y)\n"
      "  %t = Softmax(%x)\n  %r = Reshape(%t) shape=[-1]\n  %s = Softmax(%r) axis=0\n"
      "  %y = Exp(%s)\n",
      {{"n", 6}});
  EXPECT_TRUE(made.share("t", "r"));
  EXPECT_EQ(made.at("t"), made.at("r"));
  EXPECT_FALSE(made.share("r", "s"));  // Softmax is not element by element
  EXPECT_EQ(made.idle(), 1);
}

TEST(Layout, AValueThatIsTwoOperandsLiesUnderNothingThatIsStoredBetween) {
  if (open_device("cpu")->target()->isa == "generic") GTEST_SKIP() << "no kernel takes the region";
  const Planned made(
      "graph g(%x: f32[n]) -> (%y)\n"
      "  %a = Exp(%x)\n"
      "  %b, %c = Fused(%a, %a)\n"
      "    body(%p: f32[n], %q: f32[n]) -> (%r, %s)\n"
      "      %r = Neg(%p)\n"
      "      %s = Add(%r, %q)\n"
      "  %d = Exp(%b)\n  %y = Add(%c, %d)\n",
      {{"n", 100}});
  EXPECT_FALSE(made.share("a", "b"));  // %q is read when %r is there
}

TEST(Layout, APointwiseResultLiesOverTheOperandThatDies) {
  const Planned made(
      "graph g(%x: f32[n]) -> (%y)\n"
      "  %a = Exp(%x)\n  %b = Neg(%a)\n  %c = Exp(%b)\n  %d = Add(%c, %b)\n  %y = Neg(%d)\n",
      {{"n", 100}});
  EXPECT_TRUE(made.share("a", "b"));
  EXPECT_FALSE(made.share("b", "c"));  // %b is read again
  EXPECT_TRUE(made.share("d", "c") || made.share("d", "b"));
  EXPECT_EQ(made.placement.bytes, 2 * 448);
}

TEST(Layout, ABroadcastOperandIsNotWrittenOver) {
  const Planned made(
      "graph g(%x: f32[n,1], %z: f32[1,n]) -> (%y)\n"
      "  %a = Exp(%x)\n  %b = Exp(%z)\n  %c = Add(%a, %b)\n  %y = Neg(%c)\n",
      {{"n", 16}});
  EXPECT_FALSE(made.share("a", "c"));
  EXPECT_FALSE(made.share("b", "c"));
}

TEST(Layout, WhatIsReadElsewhereInTheSameStepIsNotWrittenOver) {
  // %s is the first row of %a: were %c over %a, rows behind it would read what row 0 became.
  const Planned made(
      "graph g(%x: f32[4,16]) -> (%y)\n"
      "  %a = Exp(%x)\n  %s, %u = Split(%a) axis=0 split=[1,3]\n"
      "  %c = Add(%a, %s)\n  %d = Exp(%u)\n  %e = Reshape(%d) shape=[48]\n  %f = Exp(%c)\n"
      "  %g = Reshape(%f) shape=[64]\n  %y = Concat(%e, %g) axis=0\n",
      {});
  EXPECT_TRUE(made.share("a", "s"));
  EXPECT_TRUE(made.share("a", "u"));
  EXPECT_EQ(made.at("u"), made.at("a") + 64);
  EXPECT_FALSE(made.share("a", "c"));
  EXPECT_TRUE(made.share("d", "e"));
}

TEST(Layout, ASliceOfNeighboursLiesInItsOperand) {
  constexpr std::string_view kSlices =
      "graph g(%x: f32[n,8,16]) -> (%y, %z, %w)\n  %a = Exp(%x)\n"
      "  %b = Slice(%a) starts=[2] ends=[-1] axes=[1]\n  %y = Exp(%b)\n"
      "  %c = Slice(%a) starts=[0] ends=[8] axes=[1] steps=[2]\n  %z = Exp(%c)\n"
      "  %d = Slice(%a) starts=[0] ends=[8] axes=[2]\n  %w = Exp(%d)\n";
  const Planned one(kSlices, {{"n", 1}});
  EXPECT_TRUE(one.share("a", "b"));
  EXPECT_EQ(one.at("b"), one.at("a") + 128);
  EXPECT_FALSE(one.share("a", "c"));
  EXPECT_FALSE(one.share("a", "d"));
  EXPECT_EQ(one.idle(), 1);
  const Planned two(kSlices, {{"n", 2}});
  EXPECT_FALSE(two.share("a", "b"));
  EXPECT_EQ(two.idle(), 0);
}

constexpr std::string_view kConcat =
    "graph g(%x: f32[n,16,4]) -> (%y)\n"
    "  %a = Exp(%x)\n  %b = Abs(%x)\n  %c = Concat(%a, %b) axis=1\n"
    "  %d = Exp(%a)\n  %e = Concat(%c, %d) axis=1\n  %y = Relu(%e)\n";

TEST(Layout, PartsAreMadeWhereTheConcatenationIs) {
  const Planned made(kConcat, {{"n", 1}});
  EXPECT_TRUE(made.share("a", "e"));
  EXPECT_TRUE(made.share("d", "e"));
  EXPECT_EQ(made.at("b"), made.at("a") + 256);
  EXPECT_EQ(made.at("c"), made.at("a"));
  EXPECT_EQ(made.at("d"), made.at("a") + 512);
  EXPECT_EQ(made.idle(), 2);
  EXPECT_EQ(made.placement.bytes, 768);
}

TEST(Layout, RowsOfAConcatenationInterleave) {
  const Planned made(kConcat, {{"n", 2}});
  EXPECT_FALSE(made.share("a", "e"));
  EXPECT_EQ(made.idle(), 0);
}

TEST(Layout, PartsThatAreNoPlaceOfTheirOwnAreCopied) {
  // %a twice; an input; a part that is not aligned; a part of two concatenations.
  const Planned twice(
      "graph g(%x: f32[16]) -> (%y)\n  %a = Exp(%x)\n  %c = Concat(%a, %a) axis=0\n"
      "  %y = Relu(%c)\n",
      {});
  EXPECT_EQ(twice.idle(), 0);
  const Planned input(
      "graph g(%x: f32[16]) -> (%y)\n  %a = Exp(%x)\n  %c = Concat(%a, %x) axis=0\n"
      "  %y = Relu(%c)\n",
      {});
  EXPECT_EQ(input.idle(), 0);
  const Planned odd(
      "graph g(%x: f32[5]) -> (%y)\n  %a = Exp(%x)\n  %b = Abs(%x)\n"
      "  %c = Concat(%a, %b) axis=0\n  %y = Relu(%c)\n",
      {});
  EXPECT_EQ(odd.idle(), 0);
  const Planned two(
      "graph g(%x: f32[16]) -> (%y, %z)\n  %a = Exp(%x)\n  %b = Abs(%x)\n"
      "  %c = Concat(%a, %b) axis=0\n  %d = Concat(%b, %a) axis=0\n  %y = Relu(%c)\n"
      "  %z = Relu(%d)\n",
      {});
  EXPECT_EQ(two.idle(), 1);
}

TEST(Layout, TheOracleSeesContentsThatAreGone) {
  Planned made(kConcat, {{"n", 1}});
  ASSERT_FALSE(made.placement.offsets.empty());
  // Whatever is moved within its buffer, or spared from running, is found.
  for (size_t i = 0; i < made.layout.offsets.size(); ++i) {
    Layout broken = made.layout;
    broken.offsets[i] += 64;
    EXPECT_NE(check_contents(*made.graph, made.plan, broken, made.placement), std::nullopt) << i;
  }
  Layout broken = made.layout;
  for (auto&& idle : broken.idle) idle = false;
  EXPECT_NE(check_contents(*made.graph, made.plan, broken, made.placement), std::nullopt);
  Planned chain("graph g(%x: f32[n]) -> (%y)\n  %a = Exp(%x)\n  %b = Neg(%a)\n  %y = Neg(%b)\n",
                {{"n", 100}});
  ASSERT_TRUE(chain.share("a", "b"));
  chain.plan.sharings.clear();
  EXPECT_NE(check_contents(*chain.graph, chain.plan, chain.layout, chain.placement), std::nullopt);
}

}  // namespace hone::test::layout_test
