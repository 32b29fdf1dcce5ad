// The one road: what comes out belongs together, and candidates are taken where the plan is
// cheaper.

#include "compile/compile.hpp"

#include <gtest/gtest.h>

#include "compile/candidates.hpp"
#include "ir/bodies/structural.hpp"
#include "ir/inference.hpp"
#include "ir/text/text.hpp"
#include "ir/verify.hpp"
#include "ops/common/registry.hpp"
#include "passes/prepare_fusion.hpp"
#include "support/random_graph.hpp"

namespace hone::test::compile_test {

std::unique_ptr<Graph> portable(std::string_view text) {
  auto graph = parse(text, all_ops());
  infer(*graph);
  canonicalize(*graph);
  return graph;
}

/// The plan's steps are the graph's nodes, what was chosen is what the plan says; bodies too.
void expect_one_list(const Graph& graph, const Plan& plan, const Choices& chosen) {
  ASSERT_EQ(plan.steps.size(), graph.nodes().size());
  ASSERT_EQ(chosen.nodes.size(), graph.nodes().size());
  size_t at = 0, body = 0;
  for (const Node& node : graph.nodes()) {
    const Step& step = plan.steps[at];
    const Chosen& choice = chosen.nodes[at++];
    EXPECT_EQ(graph.find(step.node)->producer, &node);
    ASSERT_EQ(choice.kernel != nullptr, step.kind == Step::Kind::run);
    if (choice.kernel != nullptr) {
      EXPECT_EQ(choice.kernel->name, step.kernel);
      EXPECT_EQ(choice.recipe.tuning, step.tuning);
      EXPECT_EQ(choice.recipe.problem->inputs.size(), region_operands(node).size());
      const auto& refusals =
          step.refusals < 0 ? Refusals() : plan.refusals.at(size_t(step.refusals));
      EXPECT_EQ(choice.refusals == nullptr ? Refusals() : *choice.refusals, refusals);
    }
    for (const Body& inner : control_bodies(node.op)) {
      expect_one_list(*inner, plan.bodies.at(body), chosen.bodies.at(body));
      ++body;
    }
  }
}

TEST(Compile, NodesStepsAndChoicesAreOneList) {
  OpCounts counts;
  for (const std::string_view name : {"cpu", "null"}) {
    const auto device = open_device(name);
    for (uint64_t seed = 1; seed <= 60; ++seed) {
      SCOPED_TRACE(cat(name, ", seed ", seed));
      auto graph = random_graph(seed, all_ops(), counts).graph;
      canonicalize(*graph);
      const Compiled made = compile(*graph, *device, {.workers = 2, .most_streams = 3});
      verify(*made.typed, "compile");
      expect_one_list(*made.typed, made.plan, made.chosen);
      EXPECT_NO_THROW(check_plan(*made.typed, made.plan, *device));
      EXPECT_EQ(made.plan.device, name);
    }
  }
}

TEST(Compile, EveryPassInFrontOfFusionIsOfOneCandidate) {
  for (const Pass& pass : fusion_preparation()) {
    int found = 0;
    for (const CandidatePasses& candidate : candidate_passes())
      for (const std::string_view name : candidate.passes) found += name == pass.name ? 1 : 0;
    EXPECT_EQ(found, 1) << pass.name;
  }
}

/// By the estimates of the CPU's kernels, two convolutions of one input are cheaper as one: the
/// input is transformed, or copied, once.
constexpr std::string_view kCheaper =
    "graph g(%x: f32[1,64,32,32], %u: f32[1,1,32,32]) -> (%y, %z)\n"
    "  %a = Conv(%x, @v) pads=[1,1,1,1]\n  %b = Conv(%x, @w) pads=[1,1,1,1]\n"
    "  %y = Add(%a, %u)\n  %z = Mul(%b, %u)\n"
    "weights\n  @v : f32[20,64,3,3] random(1, 1)\n  @w : f32[20,64,3,3] random(2, 1)\n";
/// The pieces of a product are copied out of it: that takes longer.
constexpr std::string_view kDearer =
    "graph g(%x: f32[64,16], %u: f32[64,96]) -> (%y, %z)\n"
    "  %a = MatMul(%x, @v)\n  %b = MatMul(%x, @w)\n"
    "  %y = Add(%a, %u)\n  %z = Mul(%b, %u)\n"
    "weights\n  @v : f32[16,96] random(1, 1)\n  @w : f32[16,96] random(2, 1)\n";

std::vector<std::string> ops_of(const Graph& graph) {
  std::vector<std::string> ops;
  for (const Node& node : graph.nodes()) ops.emplace_back(node.op.name());
  return ops;
}

/// Nodes of the graph and of its regions.
int64_t count(const Graph& graph, std::string_view op) {
  int64_t found = 0;
  for (const Node& node : graph.nodes()) {
    const Fused* fused = node.op.as<Fused>();
    found += fused != nullptr ? count(*fused->body, op) : node.op.name() == op ? 1 : 0;
  }
  return found;
}

TEST(Candidates, AreTakenWhereTheWholePlanIsCheaper) {
  const auto device = open_device("cpu");
  const Compiled made = compile(*portable(kCheaper), *device);
  ASSERT_EQ(made.report.candidates.size(), 1u);
  const Candidate& siblings = made.report.candidates.front();
  EXPECT_EQ(siblings.name, "siblings side by side");
  EXPECT_TRUE(siblings.taken);
  EXPECT_LT(siblings.with, siblings.without);
  EXPECT_EQ(count(*made.typed, "Conv"), 1);
  EXPECT_EQ(made.plan.takes, std::vector<std::string>{"siblings side by side"});
  EXPECT_EQ(parse_plan(print(made.plan)), made.plan);
}

TEST(Candidates, AreReportedAndNotRunWhereItIsNot) {
  const auto device = open_device("cpu");
  const Compiled made = compile(*portable(kDearer), *device);
  ASSERT_EQ(made.report.candidates.size(), 1u);
  EXPECT_FALSE(made.report.candidates.front().taken);
  EXPECT_GE(made.report.candidates.front().with, made.report.candidates.front().without);
  EXPECT_EQ(count(*made.typed, "MatMul"), 2);
  EXPECT_TRUE(made.plan.takes.empty());
}

/// One product for queries, keys and values takes as long by estimate.
constexpr std::string_view kAttention =
    "graph g(%x: f32[2,16,32]) -> (%y)\n"
    "  %a = MatMul(%x, @q)\n  %b = MatMul(%x, @k)\n  %c = MatMul(%x, @v)\n"
    "  %y = Attention(%a, %b, %c) q_num_heads=4 kv_num_heads=4\n"
    "weights\n  @q : f32[32,32] random(1, 1)\n  @k : f32[32,32] random(2, 1)\n"
    "  @v : f32[32,32] random(3, 1)\n";

TEST(Candidates, AreNotTakenWhereTheWholePlanTakesAsLong) {
  const Compiled made = compile(*portable(kAttention), *open_device("cpu"));
  for (const Candidate& each : made.report.candidates) EXPECT_FALSE(each.taken) << each.name;
  EXPECT_EQ(made.plan.steps.size(), 4u);
  EXPECT_EQ(count(*made.typed, "MatMul"), 3);
}

/// Parts of a product that lie behind each other are bytes of it: no step copies them.
TEST(Candidates, PartsOfABatchAreRead) {
  constexpr std::string_view kText =
      "graph g(%x: f32[n,16,64]) -> (%y)\n"
      "  %e = Exp(%x)\n  %a = MatMul(%e, @u)\n  %b = MatMul(%e, @v)\n  %c = MatMul(%e, @w)\n"
      "  %y = Attention(%a, %b, %c) q_num_heads=4 kv_num_heads=4\n"
      "weights\n  @u : f32[64,64] random(1, 1)\n  @v : f32[64,64] random(2, 1)\n"
      "  @w : f32[64,64] random(3, 1)\n";
  const std::vector<std::string> names{"siblings in a batch"};
  const Compiled made = compile(*portable(kText), *open_device("cpu"), {.candidates = names});
  EXPECT_EQ(count(*made.typed, "MatMul"), 1);
  EXPECT_EQ(count(*made.typed, "Split"), 1);
  EXPECT_EQ(count(*made.typed, "Reshape"), 3);
  EXPECT_EQ(made.plan.steps.size(), 3u);  // Exp, the product, attention
}

TEST(Candidates, WhatWasDecidedIsNotPricedAgain) {
  const auto device = open_device("cpu");
  const std::vector<std::string> names{"siblings side by side"};
  EXPECT_EQ(count(*compile(*portable(kDearer), *device, {.candidates = names}).typed, "MatMul"), 1);
  const Compiled none =
      compile(*portable(kCheaper), *device, {.candidates = std::vector<std::string>()});
  EXPECT_EQ(count(*none.typed, "Conv"), 2);
  EXPECT_TRUE(none.report.candidates.empty());
}

TEST(Candidates, WhatIsNotTakenIsNotShownToThoseWhoWatchPasses) {
  const auto device = open_device("cpu");
  const auto seen = [&](std::string_view text) {
    std::vector<std::string> names;
    CompileOptions options;
    options.after = [&](const Pass& pass, const Graph&) { names.emplace_back(pass.name); };
    (void)compile(*portable(text), *device, options);
    return names;
  };
  EXPECT_EQ(seen(kDearer), std::vector<std::string>{"typed"});
  const auto cheaper = seen(kCheaper);
  EXPECT_EQ(cheaper.front(), "fuse_siblings");
  EXPECT_EQ(cheaper.back(), "typed");
}

/// On the null device one kernel takes every region.
TEST(Compile, ADeviceThatRunsRegionsGetsThem) {
  const Compiled made = compile(*portable("graph g(%x: f32[n,16]) -> (%y)\n"
                                          "  %a = Exp(%x)\n  %b = Neg(%a)\n  %y = Abs(%b)\n"),
                                *open_device("null"));
  EXPECT_EQ(ops_of(*made.typed), std::vector<std::string>{"Fused"});
  EXPECT_EQ(made.plan.steps.front().kernel, "null.any");
  EXPECT_TRUE(made.report.cuts.empty());
}

TEST(Compile, TheExpectedSizesAreInThePlan) {
  const auto device = open_device("cpu");
  const auto graph = portable("graph g(%x: f32[n,16]) -> (%y)\n  %y = Softmax(%x)\n");
  const auto seconds = [&](const Bindings& sizes) {
    const Compiled made = compile(*graph, *device, {.sizes = sizes});
    EXPECT_EQ(made.plan.sizes, sizes);
    EXPECT_EQ(parse_plan(print(made.plan)), made.plan);
    EXPECT_NO_THROW(check_plan(*made.typed, made.plan, *device));
    return made.report.seconds;
  };
  EXPECT_NEAR(seconds({{"n", 1000}}) / seconds({{"n", 10}}), 100, 1);
  EXPECT_EQ(seconds({}), seconds({{"n", 64}}));  // the middle of 1 to 4096
}

/// One filter a channel is for the kernel that is made for it.
TEST(Candidates, DepthwiseConvolutionsOfIntegersHaveTheirKernel) {
  const auto device = open_device("cpu");
  if (device->target()->isa == "generic") GTEST_SKIP() << "no code can be generated";
  for (const int size : {7, 56}) {
    const Compiled made = compile(
        *portable(cat("graph g(%x: u8[1,32,", size, ",", size,
                      "]) -> (%y)\n  %y = QLinearConv(%x, f32[]{0.1}, u8[]{0}, @w, f32[]{0.02}, "
                      "i8[]{0}, f32[]{0.3}, u8[]{0}) group=32 pads=[1,1,1,1]\n"
                      "weights\n  @w : i8[32,1,3,3] random(1, 1)\n")),
        *device);
    ASSERT_EQ(made.plan.steps.size(), 1u);
    const std::string& kernel = made.plan.steps.front().kernel;
    EXPECT_TRUE(kernel == "cpu.conv.integer_depthwise" || kernel == "cpu.conv.integer_planes" ||
                kernel == "cpu.conv.integer_padded")
        << kernel;
  }
}

/// As quantizers write a convolution: between what converts, its weight stored in bytes.
constexpr std::string_view kQuantized =
    "graph g(%x: u8[1,8,20,20]) -> (%y)\n"
    "  %f = DequantizeLinear(%x, f32[]{0.1}, u8[]{3})\n"
    "  %v = DequantizeLinear(@w, f32[]{0.02}, i8[]{0})\n"
    "  %c = Conv(%f, %v) pads=[1,1,1,1]\n"
    "  %y = QuantizeLinear(%c, f32[]{0.3}, u8[]{7})\n"
    "weights\n  @w : i8[16,8,3,3]\n";

TEST(Candidates, IntegerFormsSeeWeightsAsTheyAreStored) {
  const WeightResolver resolve = [](std::string_view, DType dtype,
                                    const std::vector<int64_t>& shape, const Hash&) {
    Tensor weight(dtype, shape);
    for (int64_t i = 0; i < weight.count(); ++i) weight.set_number(i, double(i * 7 % 251 - 125));
    return Weight::of(std::move(weight));
  };
  auto graph = parse(kQuantized, all_ops(), resolve);
  infer(*graph);
  canonicalize(*graph);
  const auto device = open_device("cpu");
  const Compiled made = compile(*graph, *device);
  if (device->target()->isa == "generic") GTEST_SKIP() << "no kernel makes them pay here";
  EXPECT_EQ(ops_of(*made.typed), std::vector<std::string>{"QLinearConv"});
  EXPECT_EQ(made.plan.takes, std::vector<std::string>{"integer forms"});
  // What was decided is taken before weights are unpacked, too; without it they are unpacked.
  EXPECT_EQ(ops_of(*compile(*graph, *device, {.candidates = made.plan.takes}).typed),
            std::vector<std::string>{"QLinearConv"});
  const Compiled none = compile(*graph, *device, {.candidates = std::vector<std::string>()});
  EXPECT_EQ(ops_of(*none.typed),
            (std::vector<std::string>{"DequantizeLinear", "Conv", "QuantizeLinear"}));
}

}  // namespace hone::test::compile_test
