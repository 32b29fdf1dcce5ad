// Views that covers left alone, given to the step behind them. The kernels here only answer.

#include "choose/views.hpp"

#include <gtest/gtest.h>

#include "base/text.hpp"
#include "ir/inference.hpp"
#include "ir/text/text.hpp"
#include "ir/verify.hpp"
#include "ops/common/registry.hpp"

namespace hone::test::views_test {

std::vector<Tuning> tunings(const Problem&) { return {{}}; }
template <int microseconds>
Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning&) {
  Recipe made;
  made.problem = std::move(problem);
  made.seconds = 1e-6 * microseconds;
  return made;
}

std::string ops(const Graph& graph) {
  std::vector<std::string> names;
  for (const Node& node : graph.nodes()) names.emplace_back(node.op.name());
  return join(names, " ");
}

Verdict any_single(const Problem& problem) {
  return problem.region.single() != nullptr ? Verdict{} : Verdict::no("runs single ops only");
}
Verdict views_and_one_more(const Problem& problem) {
  size_t others = 0;
  for (const Node& node : problem.region.body->nodes())
    others +=
        node.op.name() == "Transpose" || node.op.name() == "Reshape" || node.op.name() == "Split"
            ? 0
            : 1;
  return others == 1 ? Verdict{} : Verdict::no("one op, and views in front of it");
}
Verdict one_view(const Problem& problem) {
  return problem.region.body->nodes().size() == 2 ? views_and_one_more(problem)
                                                  : Verdict::no("two nodes only");
}

/// "Transpose, Reshape Softmax": each step's ops.
std::string taken(
    std::string_view text, Kernel several,
    const std::function<bool(const Node&)>& stays = [](const Node&) { return false; }) {
  KernelRegistry kernels;
  kernels.add({"test.single", 1, any_single, tunings, recipe<10>, nullptr});
  several.several = true;
  kernels.add(several);
  const auto graph = parse(text, all_ops());
  infer(*graph);
  take_views(*graph, kernels, {}, stays);
  verify(*graph, "take_views");
  std::vector<std::string> steps;
  for (const Node& node : graph->nodes()) steps.push_back(ops(*region_of(node).body));
  return join(steps, ", ");
}

const Kernel kViews{"test.views", 1, views_and_one_more, tunings, recipe<20>, nullptr};

constexpr std::string_view kChain =
    "graph g(%x: f32[4,6]) -> (%y)\n  %a = Relu(%x)\n  %b = Reshape(%a) shape=[2,2,6]\n"
    "  %c = Transpose(%b) perm=[1,0,2]\n  %d = Reshape(%c) shape=[4,6]\n  %y = Softmax(%d)\n";

TEST(TakeViews, GivesViewsThatCopyToTheStepBehindThem) {
  EXPECT_EQ(taken(kChain, kViews), "Relu, Reshape, Transpose Reshape Softmax");
}

TEST(TakeViews, LeavesThemWhereThatIsDearer) {
  Kernel dear = kViews;
  dear.recipe = recipe<21>;
  EXPECT_EQ(taken(kChain, dear), "Relu, Reshape, Transpose, Reshape, Softmax");
}

TEST(TakeViews, TakesThoseThatAKernelTakes) {
  Kernel two = kViews;
  two.supports = one_view;
  EXPECT_EQ(taken(kChain, two), "Relu, Reshape, Transpose, Reshape, Softmax");
  EXPECT_EQ(taken("graph g(%x: f32[4,6]) -> (%y)\n  %a = Transpose(%x)\n  %b = Transpose(%a)\n"
                  "  %y = Softmax(%b)\n",
                  two),
            "Transpose, Transpose Softmax");
}

TEST(TakeViews, TakesAllPiecesOfASplitOrNone) {
  constexpr std::string_view kAll =
      "graph g(%x: f32[4,6]) -> (%y)\n  %a, %b = Split(%x) axis=1 split=[3,3]\n  %y = Add(%a, "
      "%b)\n";
  EXPECT_EQ(taken(kAll, kViews), "Split Add");
  constexpr std::string_view kOne =
      "graph g(%x: f32[4,6]) -> (%y, %b)\n  %a, %b = Split(%x) axis=1 split=[3,3]\n"
      "  %y = Add(%a, %b)\n";
  EXPECT_EQ(taken(kOne, kViews), "Split, Add");
}

TEST(TakeViews, LeavesWhatTheUserKeeps) {
  EXPECT_EQ(taken(kChain, kViews, [](const Node& node) { return node.op.name() == "Transpose"; }),
            "Relu, Reshape, Transpose, Reshape, Softmax");
}

}  // namespace hone::test::views_test
