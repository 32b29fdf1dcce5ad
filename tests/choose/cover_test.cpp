// Covers: where regions are cut for kernels that take several ops, and that any cover computes what
// the graph did. The kernels here only answer; nothing is run by them.

#include "choose/cover.hpp"

#include <gtest/gtest.h>

#include "base/text.hpp"
#include "choose/choose.hpp"
#include "device/problem.hpp"
#include "ir/bodies/structural.hpp"
#include "ir/evaluation/evaluation.hpp"
#include "ir/inference.hpp"
#include "ir/text/text.hpp"
#include "ir/verify.hpp"
#include "ops/common/registry.hpp"
#include "passes/fusion/fuse.hpp"
#include "support/graph_case.hpp"
#include "support/random_graph.hpp"

namespace hone::test::cover_test {

std::vector<Tuning> tunings(const Problem&) { return {{}}; }

Recipe recipe_of(std::shared_ptr<const Problem> problem, double seconds) {
  Recipe recipe;
  recipe.problem = std::move(problem);
  recipe.seconds = seconds;
  return recipe;
}
template <int microseconds>
Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning&) {
  return recipe_of(std::move(problem), 1e-6 * microseconds);
}

/// The ops of a region: "Conv Relu".
std::string ops(const Problem& problem) {
  std::vector<std::string> names;
  for (const Node& node : problem.region.body->nodes()) names.emplace_back(node.op.name());
  return join(names, " ");
}

Verdict any_single(const Problem& problem) {
  return problem.region.single() != nullptr ? Verdict{} : Verdict::no("runs single ops only");
}

/// A convolution with activations behind it; says how far it would go.
Verdict conv_and_activation(const Problem& problem) {
  const auto& nodes = problem.region.body->nodes();
  if (nodes.front().op.name() != "Conv") return Verdict::no("does not begin with a convolution");
  const Node* last = &nodes.front();
  for (const Node& node : nodes) {
    if (&node == last) continue;
    if (node.op.name() != "Relu")
      return Verdict::yes_up_to(last->outputs[0]->name, cat("does no ", node.op.name()));
    last = &node;
  }
  return {};
}

Verdict anything(const Problem&) { return {}; }

KernelRegistry registry(const std::vector<Kernel>& several) {
  KernelRegistry kernels;
  kernels.add({"test.single", 1, any_single, tunings, recipe<10>, nullptr});
  for (Kernel kernel : several) {
    kernel.several = true;
    kernels.add(kernel);
  }
  return kernels;
}

std::unique_ptr<Graph> fused(std::string_view text) {
  std::unique_ptr<Graph> graph = parse(text, all_ops());
  infer(*graph);
  fuse(*graph, {});
  return graph;
}

constexpr std::string_view kChain = R"(
graph g(%x: f32[1,4,8,8], %w: f32[4,4,1,1]) -> (%y)
  %a = Sigmoid(%x)
  %b = Conv(%a, %w)
  %c = Relu(%b)
  %y = Tanh(%c)
)";

/// The ops of each step: "Sigmoid | Conv Relu | Tanh".
std::string steps(const Graph& graph) {
  std::vector<std::string> steps;
  for (const Node& node : graph.nodes()) steps.push_back(ops(*problem_of(graph, node, {})));
  return join(steps, " | ");
}

std::string covered(std::string_view text, const std::vector<Kernel>& several,
                    std::vector<CutRegion>* cuts = nullptr) {
  const std::unique_ptr<Graph> graph = fused(text);
  cover(*graph, registry(several), {}, cuts);
  verify(*graph, "cover");
  return steps(*graph);
}

TEST(Cover, CutsIntoSingleOpsWhereNoKernelTakesMore) {
  EXPECT_EQ(steps(*fused(kChain)), "Sigmoid Conv Relu Tanh");
  std::vector<CutRegion> cuts;
  EXPECT_EQ(covered(kChain, {}, &cuts), "Sigmoid | Conv | Relu | Tanh");
  ASSERT_EQ(cuts.size(), 1u);
  EXPECT_EQ(join(cuts[0].values, " "), "a b c y");
  EXPECT_EQ(cuts[0].why, "no kernel runs more than one op");
}

TEST(Cover, KeepsWhatAKernelTakesWhole) {
  const Kernel whole{"test.any", 1, anything, tunings, recipe<11>, nullptr};
  EXPECT_EQ(covered(kChain, {whole}), "Sigmoid Conv Relu Tanh");
}

Verdict sum_and_mean(const Problem& problem) {
  return ops(problem) == "Add ReduceMean" ? Verdict{} : Verdict::no("a sum and its mean only");
}

TEST(Cover, LooksBeyondMarksWhereNoKernelTakesTheWhole) {
  constexpr std::string_view kMarked = R"(
graph g(%t: f32[9,8], %i: i64[4], %b: f32[8]) -> (%y)
  %a = Gather(%t, %i)
  %s = Add(%a, %b)
  %y = ReduceMean(%s) axes=[1]
)";
  EXPECT_EQ(steps(*fused(kMarked)), "Gather Add ReduceMean");
  const Kernel tail{"test.tail", 1, sum_and_mean, tunings, recipe<20>, nullptr};
  EXPECT_EQ(covered(kMarked, {tail}), "Gather | Add ReduceMean");  // as long, in fewer steps
  Kernel dear = tail;
  dear.recipe = recipe<21>;
  EXPECT_EQ(covered(kMarked, {dear}), "Gather | Add | ReduceMean");
}

TEST(Cover, GoesAsFarAsAKernelSays) {
  const Kernel conv{"test.conv", 1, conv_and_activation, tunings, recipe<11>, nullptr};
  std::vector<CutRegion> cuts;
  EXPECT_EQ(covered(kChain, {conv}, &cuts), "Sigmoid | Conv Relu | Tanh");
  ASSERT_EQ(cuts.size(), 1u);
  EXPECT_EQ(cuts[0].why, "test.conv: does not begin with a convolution");
}

TEST(Cover, SaysHowFarAKernelWouldHaveGone) {
  const Kernel conv{"test.conv", 1, conv_and_activation, tunings, recipe<11>, nullptr};
  std::vector<CutRegion> cuts;
  EXPECT_EQ(covered(R"(
graph g(%x: f32[1,4,8,8], %w: f32[4,4,1,1]) -> (%y)
  %b = Conv(%x, %w)
  %c = Relu(%b)
  %y = Tanh(%c)
)",
                    {conv}, &cuts),
            "Conv Relu | Tanh");
  ASSERT_EQ(cuts.size(), 1u);
  EXPECT_EQ(cuts[0].why, "test.conv: does no Tanh (up to %c)");
}

constexpr std::string_view kReduced = R"(
graph g(%x: f32[1,4,8,8], %w: f32[4,4,1,1]) -> (%c, %y)
  %b = Conv(%x, %w)
  %c = Relu(%b)
  %y = ReduceMean(%c) axes=[2,3]
)";

TEST(Cover, CutsAtAMarkWhereThePiecesTakeLess) {
  ASSERT_EQ(steps(*fused(kReduced)), "Conv Relu ReduceMean");
  const Kernel conv{"test.conv", 1, conv_and_activation, tunings, recipe<12>, nullptr};
  const Kernel dear{"test.dear", 1, anything, tunings, recipe<30>, nullptr};
  const Kernel cheap{"test.cheap", 1, anything, tunings, recipe<20>, nullptr};
  std::vector<CutRegion> cuts;
  EXPECT_EQ(covered(kReduced, {conv, dear}, &cuts), "Conv Relu | ReduceMean");
  ASSERT_EQ(cuts.size(), 1u);
  EXPECT_NE(cuts[0].why.find("by estimate"), std::string::npos) << cuts[0].why;
  EXPECT_EQ(covered(kReduced, {conv, cheap}), "Conv Relu ReduceMean");
}

/// Takes what reads a convolution's operand, and is dear where it computes it anew.
Recipe anew(std::shared_ptr<const Problem> problem, const Tuning&) {
  const bool computes = problem->region.body->nodes().front().op.name() != "Conv";
  return recipe_of(std::move(problem), computes ? 4e-5 : 1e-5);
}

TEST(Cover, CutsInFrontOfAProductWhereItsOperandIsDearToComputeAnew) {
  const Kernel dear{"test.anew", 1, anything, tunings, anew, nullptr};
  const Kernel cheap{"test.cheap", 1, anything, tunings, recipe<15>, nullptr};
  EXPECT_EQ(covered(kChain, {dear}), "Sigmoid | Conv Relu Tanh");
  EXPECT_EQ(covered(kChain, {cheap}), "Sigmoid Conv Relu Tanh");
}

/// Computes a convolution's operand anew, which is cheap where that has its channels innermost.
Recipe turned(std::shared_ptr<const Problem> problem, const Tuning&) {
  const bool computes = problem->region.body->nodes().front().op.name() != "Conv";
  const bool dense = problem->inputs[0].strides.empty();
  return recipe_of(std::move(problem), computes && dense ? 1e-3 : 1.2e-5);
}

TEST(Cover, CountsWhatARegionTakesWithChannelsInnermost) {
  const auto text = [](std::string_view read) {
    return cat(
        "graph g(%x: f32[1,4,8,8], %v: f32[2,4,1,1], %w: f32[4,4,1,1]) -> (%z, %y)\n"
        "  %s = Conv(%x, %v)\n  %t = Conv(%x, %v)\n  %c = Concat(%s, %t) axis=1\n"
        "  %z = Concat(%t, %s) axis=1\n  %a = Sigmoid(%",
        read, ")\n  %b = Conv(%a, %w)\n  %y = Relu(%b)\n");
  };
  Kernel kernel{"test.turned", 1, anything, tunings, turned, nullptr};
  EXPECT_EQ(covered(text("c"), {kernel}), "Conv | Conv | Concat | Concat | Sigmoid | Conv Relu");
  kernel.strided = true;
  EXPECT_EQ(covered(text("c"), {kernel}), "Conv | Conv | Concat | Concat | Sigmoid Conv Relu");
  // The caller's tensors lie as they do.
  EXPECT_EQ(covered(text("z"), {kernel}), "Conv | Conv | Concat | Concat | Sigmoid | Conv Relu");
  EXPECT_EQ(covered(text("x"), {kernel}), "Conv | Conv | Concat | Concat | Sigmoid | Conv Relu");
}

TEST(Cover, LeavesRegionsToTheDeviceOwnKernels) {
  Kernel conv{"test.conv", 1, conv_and_activation, tunings, recipe<11>, nullptr};
  Kernel host{"test.host", 1, anything, tunings, recipe<1>, nullptr};
  EXPECT_EQ(covered(kChain, {conv, host}), "Sigmoid Conv Relu Tanh");
  host.on_host = true;
  EXPECT_EQ(covered(kChain, {conv, host}), "Sigmoid | Conv Relu | Tanh");
}

TEST(Cover, LeavesAnOpThatNoKernelRunsToChoice) {
  const std::unique_ptr<Graph> graph = fused(kChain);
  KernelRegistry kernels;
  kernels.add({"test.conv", 1, conv_and_activation, tunings, recipe<1>, nullptr, true});
  cover(*graph, kernels, {});
  EXPECT_EQ(steps(*graph), "Sigmoid | Conv Relu | Tanh");
  try {
    choose(*graph, kernels, {});
    FAIL() << "chose for an op that no kernel runs";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::unsupported);
    EXPECT_NE(error.message().find("no kernel runs Sigmoid"), std::string::npos) << error.message();
  }
}

int asked = 0;  // by few_at_once

/// Three ops at most.
Verdict few_at_once(const Problem& problem) {
  ++asked;
  const auto& nodes = problem.region.body->nodes();
  if (nodes.size() <= 3) return {};
  return Verdict::yes_up_to(std::next(nodes.begin(), 2)->outputs[0]->name, "takes three ops");
}

TEST(Cover, AsksOnceAboutNodesThatAreAlike) {
  const auto questions = [](int links) {
    std::string text = "graph g(%x0: f32[4], %b: f32[4]) -> (%y)\n";
    for (int i = 0; i < links; ++i)
      text += cat("  %s", i, " = Sigmoid(%x", i, ")\n  %x", i + 1, " = Add(%s", i, ", %b)\n");
    const std::unique_ptr<Graph> graph = fused(cat(text, "  %y = Tanh(%x", links, ")\n"));
    asked = 0;
    const Kernel few{"test.few", 1, few_at_once, tunings, recipe<11>, nullptr};
    cover(*graph, registry({few}), {});
    EXPECT_LE(graph->nodes().size(), static_cast<size_t>(links)) << "not three at once";
    return asked;
  };
  // Once about each whole region, which has 512 nodes at most, and about what is left at an end.
  EXPECT_LE(questions(1000), 80);
  EXPECT_LE(questions(4000), questions(1000) + 30);
}

/// Takes about a third of all regions, as their structure falls, and goes up to some value of
/// others. What values are called has no say.
Verdict by_chance(const Problem& problem) {
  const Graph& body = *problem.region.body;
  const uint64_t chance = fingerprint(body).low;
  if (chance % 3 == 0) return {};
  auto node = body.nodes().begin();
  std::advance(node, static_cast<int64_t>(chance / 3 % body.nodes().size()));
  for (const Value* output : node->outputs)
    if (output != nullptr) return Verdict::yes_up_to(output->name, "by chance");
  return Verdict::no("by chance");
}

int kept = 0;  // regions of several ops, of all graphs

std::string check_cover(const GraphCase& given) {
  static const KernelRegistry kernels =
      registry({{"test.chance", 1, by_chance, tunings, recipe<25>, nullptr}});
  try {
    const std::unique_ptr<Graph> graph = given.graph->clone();
    if (!fuse(*graph, {})) return {};
    cover(*graph, kernels, {});
    verify(*graph, "cover");
    for (const Node& node : graph->nodes()) {
      if (node.op.as<Fused>() == nullptr) continue;
      if (!by_chance(*problem_of(*graph, node, {})).yes)
        return cat("no kernel takes ", print(node));
      ++kept;
    }
    const std::vector<Tensor> want = evaluate(*given.graph, given.inputs),
                              got = evaluate(*graph, given.inputs);
    for (size_t i = 0; i < want.size(); ++i)
      if (!same_bits(want[i], got[i])) return cat("output ", i, " differs");
    return {};
  } catch (const Error& error) {
    return error.message();
  }
}

TEST(Cover, KeepsWhatRandomGraphsCompute) {
  OpCounts counts;
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    const GraphCase drawn = random_graph(seed, all_ops(), counts);
    const std::string wrong = check_cover(drawn);
    if (wrong.empty()) continue;
    FAIL() << "seed " << seed << ": " << wrong << "\n" << text_of(shrink(drawn, check_cover));
  }
  EXPECT_GT(kept, 100);
}

}  // namespace hone::test::cover_test
