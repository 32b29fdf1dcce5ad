// Each pass alone on its own cases, and the whole pipeline.

#include <gtest/gtest.h>

#include "ir/evaluation/work.hpp"
#include "ir/inference.hpp"
#include "ops/common/registry.hpp"
#include "passes/pass.hpp"
#include "passes/prepare_fusion.hpp"
#include "passes/widen_halves.hpp"
#include "support/graph_case.hpp"
#include "support/pass_check.hpp"

namespace hone::test::passes_test {

/// What the pass makes of the text, in which large constants have no contents. With contents for
/// them and for the inputs it must give the same results as before, too.
Verb pass_verb(const Pass& pass) {
  const Verb verb = graph_verb(all_ops(), [&pass](Graph& graph) {
    infer(graph);
    pass.run(graph, {});
    infer(graph);
  });
  return [&pass, verb](std::string_view given) {
    GraphCase graph_case{parse(given, all_ops(), dyadic_weights()), {}};
    infer(*graph_case.graph);
    Rng rng(1);
    auto inputs = draw_inputs(*graph_case.graph, rng);
    EXPECT_TRUE(inputs) << "no inputs suit\n" << given;
    if (inputs) {
      graph_case.inputs = *std::move(inputs);
      EXPECT_EQ(check_pass(pass, graph_case), "");
    }
    return verb(given);
  };
}

class EachPass : public testing::TestWithParam<Pass> {};

TEST_P(EachPass, Cases) {
  const Pass& pass = GetParam();
  expect_text_cases(cat("passes/", pass.name, ".test"),
                    {{std::string(pass.name), pass_verb(pass)}});
}

INSTANTIATE_TEST_SUITE_P(FusionPreparation, EachPass,
                         testing::ValuesIn(fusion_preparation().begin(),
                                           fusion_preparation().end()),
                         [](const auto& info) { return std::string(info.param.name); });
INSTANTIATE_TEST_SUITE_P(DevicePreparation, EachPass,
                         testing::ValuesIn(device_preparation().begin(),
                                           device_preparation().end()),
                         [](const auto& info) { return std::string(info.param.name); });
INSTANTIATE_TEST_SUITE_P(Passes, EachPass, testing::ValuesIn(pipeline().begin(), pipeline().end()),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(Pipeline, Cases) {
  const Verb verb = graph_verb(all_ops(), [](Graph& graph) { canonicalize(graph); });
  const Verb checked = [&](std::string_view given) {
    GraphCase graph_case{parse(given, all_ops(), dyadic_weights()), {}};
    infer(*graph_case.graph);
    Rng rng(1);
    auto inputs = draw_inputs(*graph_case.graph, rng);
    EXPECT_TRUE(inputs) << "no inputs suit\n" << given;
    graph_case.inputs = inputs.value_or(std::vector<Tensor>());
    EXPECT_EQ(inputs ? check_passes(graph_case, {{}, {1e-6}}) : "", "");
    return verb(given);
  };
  expect_text_cases("passes/pipeline.test", {{"canonicalize", checked}});
}

TEST(Pipeline, LeavesNodesThatAreKept) {
  const auto graph = parse(
      "graph g(%x: f32[2]) -> (%y)\n"
      "  %a = Add(f32[2]{1,2}, f32{0.5})  # /left/Add\n"
      "  %b = Add(f32[2]{1,2}, f32{1.5})  # /right/Add\n"
      "  %y = Sum(%x, %a, %b)  # /sum\n",
      all_ops());
  PassOptions options;
  options.keep = Keep({"^/left/"});
  canonicalize(*graph, options);
  EXPECT_EQ(print(*graph, {.align = false}),
            "graph g(%x: f32[2]) -> (%y)\n"
            "  %a = Add(f32[2]{1,2}, f32{0.5}) : f32[2]  # /left/Add\n"
            "  %y = Sum(%x, %a, f32[2]{2.5,3.5}) : f32[2]  # /sum\n");
  try {
    Keep({"ok", "a("});
    ADD_FAILURE() << "taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::usage);
    EXPECT_EQ(error.message(), "--keep: character 2 of \"a(\": a ( without its )");
  }
}

TEST(Keep, MatchesLongNames) {
  const auto graph = parse(
      cat("graph g(%x: f32[2]) -> (%y)\n  %y = Relu(%x)  # ", std::string(200'000, 'a'), "/attn\n"),
      all_ops());
  const Node& node = graph->nodes().front();
  EXPECT_TRUE(Keep({".*attn"})(node));
  EXPECT_FALSE(Keep({"^(a+)+$", "(a*)*b"})(node));
  EXPECT_FALSE(Keep()(node));
}

TEST(FoldConstants, TakesWeightsOf16BitsThroughSinglePrecision) {
  const auto graph = parse(
      "graph g(%x: f16[1,400]) -> (%y, %z)\n"
      "  %a = Cast(@w) to=f32\n"
      "  %b = Mul(%a, f32{2})\n"
      "  %c = Cast(%b) to=f16\n"
      "  %y = MatMul(%x, %c)\n"
      "  %z = Cast(@u) to=f32\n"
      "weights\n"
      "  @w : f16[400,90] 72,000 bytes\n"
      "  @u : f16[400,90] 72,000 bytes\n",
      all_ops(), dyadic_weights());
  infer(*graph);
  PassOptions options;
  ASSERT_TRUE(fold_constants(*graph, options));
  // The way back to 16 bits is folded; what stays in 32 would take more room.
  std::vector<std::string_view> ops;
  for (const Node& node : graph->nodes()) ops.push_back(node.op.name());
  EXPECT_EQ(ops, (std::vector<std::string_view>{"MatMul", "Cast"}));
}

/// A pass that lies: it drops the first operand of every Sum, and its graph is a valid one.
bool drop_operand(Graph& graph, const PassOptions&) {
  bool changed = false;
  for (Node& node : graph.nodes()) {
    if (node.op.name() != "Sum" || node.inputs.size() < 2) continue;
    graph.set_input(&node, 0, node.inputs[1]);
    changed = true;
  }
  return changed;
}

TEST(CheckPass, FindsAPassThatLies) {
  GraphCase graph_case{
      parse("graph g(%x: f32[n], %z: f32[n]) -> (%y)\n  %y = Sum(%x, %z)\n", all_ops()), {}};
  infer(*graph_case.graph);
  Rng rng(1);
  graph_case.inputs = draw_inputs(*graph_case.graph, rng).value();
  const Pass lies{"lies", drop_operand, ulp(4), "nothing good"};
  EXPECT_NE(check_pass(lies, graph_case), "");
}

TEST(CheckPass, HoldsResultsToTheContract) {
  const std::vector<Tensor> wanted{Tensor::scalar(DType::f32, 1)};
  const std::vector<Tensor> near{Tensor::scalar(DType::f32, 1 + 0x1p-22)};
  EXPECT_NE(difference(kExact, 0, wanted, near), "");
  EXPECT_NE(difference(ulp(1), 0, wanted, near), "");
  EXPECT_EQ(difference(ulp(2), 0, wanted, near), "");
  EXPECT_EQ(difference(ulp(1), 1e-6, wanted, near), "");
  const std::vector<Tensor> three{Tensor::scalar(DType::u8, 3)};
  const std::vector<Tensor> four{Tensor::scalar(DType::u8, 4)};
  EXPECT_NE(difference(ulp(8), 1, three, four), "");
  EXPECT_EQ(difference(quantum(1), 0, three, four), "");
  EXPECT_NE(difference(kExact, 0, wanted, three), "");
}

TEST(Pipeline, LeavesOutWhatIsDisabled) {
  const auto graph =
      parse("graph g(%x: f32[2]) -> (%y)\n  %y = Relu(%x)\n  %z = Relu(%y)\n", all_ops());
  PassOptions options;
  options.disabled = {"remove_dead"};
  canonicalize(*graph, options);
  EXPECT_EQ(graph->nodes().size(), 2u);
  canonicalize(*graph);
  EXPECT_EQ(graph->nodes().size(), 1u);
}

TEST(Pipeline, TellsWhatChanged) {
  const auto graph =
      parse("graph g(%x: f32[2]) -> (%y)\n  %y = Relu(%x)\n  %z = Relu(%y)\n", all_ops());
  std::vector<std::string> seen;
  canonicalize(*graph, {}, [&](const Pass& pass, const Graph&) { seen.emplace_back(pass.name); });
  EXPECT_EQ(seen, std::vector<std::string>{"remove_dead"});
}

size_t nodes_left(const PassOptions& options) {
  const auto graph = parse(
      "graph g(%x: f32[2,2]) -> (%y)\n"
      "  %a = MatMul(f32[2,2]{1,2,3,4}, f32[2,2]{1,2,3,4})\n"
      "  %b = Neg(%a)\n"
      "  %y = Add(%x, %b)\n",
      all_ops());
  canonicalize(*graph, options);
  return graph->nodes().size();
}

TEST(Pipeline, SpendsSoManyStepsOnFoldingAndNoMore) {
  PassOptions options;
  options.fold_steps_per_element = 0;
  // The product: 1, 8 for its operands, 4 for its result, 8 of its own; the negative: 1, 4, 4.
  options.fold_steps = 30;
  EXPECT_EQ(nodes_left(options), 1u);
  options.fold_steps = 29;
  EXPECT_EQ(nodes_left(options), 2u);
  options.fold_steps = 20;
  EXPECT_EQ(nodes_left(options), 3u);
  options.fold_steps = 0;
  options.fold_steps_per_element = 4;  // of eight stored ones
  EXPECT_EQ(nodes_left(options), 1u);
}

TEST(WorkBudget, CountsProductsThatPassWhatCanBeCounted) {
  spend_work(INT64_MAX);  // without a budget nothing is counted
  WorkBudget outer(10);
  spend_work({2, 3});
  EXPECT_EQ(outer.left(), 4);
  {
    const WorkBudget inner(1);
    EXPECT_THROW(spend_work(2), WorkSpent);
    spend_work(1);
    EXPECT_EQ(inner.left(), 0);
  }
  EXPECT_THROW(spend_work({INT64_MAX, INT64_MAX, 3}), WorkSpent);
  // Nothing is done within, but for a long time.
  EXPECT_THROW(spend_work({INT64_MAX, INT64_MAX, 0}), WorkSpent);
  EXPECT_EQ(outer.left(), 4);
}

/// "3x4 5" before the graph: the sizes of each input, "-" for a scalar.
std::string specialized(std::string_view given) {
  const size_t line = given.find('\n');
  std::vector<std::vector<int64_t>> shapes;
  for (const std::string_view shape : split(given.substr(0, line), ' ')) {
    auto& sizes = shapes.emplace_back();
    if (shape == "-") continue;
    for (const std::string_view size : split(shape, 'x')) sizes.push_back(parse_int(size).value());
  }
  const auto graph = parse(given.substr(line + 1), all_ops());
  canonicalize(*graph);
  const auto made = specialize(*graph, shapes);
  verify(*made, "specialize");
  return print(*made, {.align = false});
}

TEST(Specialize, Cases) {
  expect_text_cases("passes/specialize.test", {{"specialize", specialized}});
}

}  // namespace hone::test::passes_test
