// Which axes of values have the channels of pictures, and that values are turned by them.

#include "choose/channels.hpp"

#include <gtest/gtest.h>

#include "base/text.hpp"
#include "choose/choose.hpp"
#include "choose/orders.hpp"
#include "device/axis_orders.hpp"
#include "ir/inference.hpp"
#include "ir/text/text.hpp"
#include "ops/common/registry.hpp"
#include "passes/fusion/fuse.hpp"

namespace hone::test::channels_test {

std::unique_ptr<Graph> graph_of(std::string_view text) {
  std::unique_ptr<Graph> graph = parse(text, all_ops());
  infer(*graph);
  return graph;
}

/// The axes of a value as they are to lie: "0,2,3,1"; empty: as they are.
std::string order(const Graph& graph, const Channels& channels, std::string_view name) {
  return join(channels.innermost_order(*graph.find(name)), ",");
}

constexpr std::string_view kNext = R"(
graph g(%x: f32[1,8,6,6], %w: f32[8,1,3,3], %m: f32[8,16], %k: f32[16,8], %v: f32[12,8,1,1]) -> (%y)
  %c = Conv(%x, %w) pads=[1,1,1,1] group=8
  %t = Transpose(%c) perm=[0,2,3,1]
  %a = MatMul(%t, %m)
  %g = Gelu(%a)
  %b = MatMul(%g, %k)
  %u = Transpose(%b) perm=[0,3,1,2]
  %s = Add(%u, %c)
  %j = Concat(%s, %c) axis=1
  %d = Slice(%j) starts=[4] ends=[12] axes=[1]
  %y = Conv(%d, %v)
)";

TEST(Channels, AreWhereConvolutionsAndWhatMovesAxesSay) {
  const auto graph = graph_of(kNext);
  const Channels channels(*graph);
  for (const std::string_view picture : {"c", "u", "s", "j", "d", "y"})
    EXPECT_EQ(order(*graph, channels, picture), "0,2,3,1") << picture;
  for (const std::string_view turned : {"t", "b"})
    EXPECT_EQ(order(*graph, channels, turned), "") << turned;
  // Nothing says where the channels of these are; their second axis is one that windows move along.
  for (const std::string_view other : {"a", "g"})
    EXPECT_EQ(order(*graph, channels, other), "") << other;
}

TEST(Channels, AreKnownWithinRegions) {
  const auto apart = graph_of(kNext), graph = graph_of(kNext);
  fuse(*graph, {});
  const Channels wanted(*apart), channels(*graph);
  int inside = 0;
  for (const Node& region : graph->nodes()) {
    const Region of = region_of(region);
    for (const Node& node : of.body->nodes())
      for (const Value* result : node.outputs) {
        inside += of.body->is_output(result) ? 0 : 1;
        EXPECT_EQ(join(channels.innermost_order(*result), ","), order(*apart, wanted, result->name))
            << result->name;
      }
  }
  EXPECT_GT(inside, 3);
}

TEST(Channels, AreTheSecondAxisWhereNothingIsKnown) {
  const auto graph = graph_of(
      "graph g(%x: f32[2,3,4], %z: f32[2,1,4], %r: f32[3,4], %b: i4[2,3,4]) -> (%e, %f, %h, %i)\n"
      "  %e = Exp(%x)\n  %f = Exp(%z)\n  %h = Exp(%r)\n  %i = Identity(%b)\n");
  const Channels channels(*graph);
  EXPECT_EQ(order(*graph, channels, "e"), "0,2,1");
  for (const std::string_view other : {"f", "h", "i"})  // it is one, there is no third, half bytes
    EXPECT_EQ(order(*graph, channels, other), "") << other;
}

/// Runs single ops; convolutions take less where their result has its channels innermost.
Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning&) {
  Recipe made;
  const bool convolves = problem->region.single()->op.name() == "Conv";
  made.seconds = convolves && problem->outputs[0].strides.empty() ? 1e-5 : 1e-6;
  made.problem = std::move(problem);
  return made;
}

TEST(Channels, AloneAreTurned) {
  const auto graph = graph_of(kNext);
  KernelRegistry kernels;
  Kernel kernel{"test.any",
                1,
                [](const Problem&) { return Verdict(); },
                [](const Problem&) { return std::vector<Tuning>{{}}; },
                recipe,
                nullptr};
  kernel.strided = true;
  kernels.add(kernel);
  Choices choices = choose(*graph, kernels, {});
  choose_orders(choices, *graph, kernels, {});
  std::vector<std::string> turned;
  for (const auto& [name, order] : choices.orders) turned.push_back(name);
  EXPECT_EQ(join(turned, " "), "c d j s u");
  EXPECT_EQ(wrong_order(*graph, choices.orders), "");
}

}  // namespace hone::test::channels_test
