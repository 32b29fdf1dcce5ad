// Each pass alone on its own cases, and the whole pipeline.

#include <gtest/gtest.h>

#include "ir/inference.hpp"
#include "ir/work.hpp"
#include "ops/common/registry.hpp"
#include "passes/pass.hpp"
#include "support/graph_case.hpp"

namespace hone::test {
namespace {

Verb pass_verb(const Pass& pass) {
  return graph_verb(all_ops(), [&pass](Graph& graph) {
    infer(graph);
    pass.run(graph, {});
    infer(graph);
  });
}

class EachPass : public testing::TestWithParam<Pass> {};

TEST_P(EachPass, Cases) {
  const Pass& pass = GetParam();
  expect_text_cases(cat("passes/", pass.name, ".test"),
                    {{std::string(pass.name), pass_verb(pass)}});
}

INSTANTIATE_TEST_SUITE_P(Passes, EachPass, testing::ValuesIn(pipeline().begin(), pipeline().end()),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(Pipeline, Cases) {
  expect_text_cases(
      "passes/pipeline.test",
      {{"canonicalize", graph_verb(all_ops(), [](Graph& graph) { canonicalize(graph); })}});
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
  spend_work({INT64_MAX, INT64_MAX, 0});
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

}  // namespace
}  // namespace hone::test
