// The null device takes every region and writes down what it is asked to, in order.

#include "device/null/device.hpp"

#include <gtest/gtest.h>

#include "ir/inference.hpp"
#include "ir/text/text.hpp"
#include "ops/common/registry.hpp"

namespace hone::test::null_test {

using null::Command;

std::shared_ptr<Problem> problem_of(const Graph& graph, const Node& node) {
  auto problem = std::make_shared<Problem>();
  problem->region = region_of(node);
  for (const Value* operand : region_operands(node)) problem->weights.push_back(operand->weight);
  problem->ranges = graph.ranges();
  return problem;
}

TEST(NullDevice, TakesRegionsOfOneOpAndOfSeveral) {
  const auto graph = parse(
      "graph g(%x: f32[n,16], %z: f32[n,16]) -> (%y)\n"
      "  %b = Exp(%x)\n  %y = Add(%b, %z)\n",
      all_ops());
  infer(*graph);
  std::vector<Node*> nodes;
  for (Node& node : graph->nodes()) nodes.push_back(&node);
  const Kernel& kernel = *null::kernels().find("null.any");
  const auto single = kernel.recipe(problem_of(*graph, *nodes[0]), {});
  EXPECT_EQ(single.may_overwrite, std::vector<size_t>{0});
  EXPECT_TRUE(single.scratch_bytes.is(0));
  const Node* fused = fuse_nodes(*graph, nodes);
  const auto problem = problem_of(*graph, *fused);
  ASSERT_EQ(problem->region.single(), nullptr);
  EXPECT_TRUE(kernel.supports(*problem).yes);
  const auto recipe = kernel.recipe(problem, kernel.tunings(*problem).front());
  EXPECT_EQ(recipe.may_overwrite, (std::vector<size_t>{0, 1}));
  EXPECT_EQ(recipe.scratch_bytes, Dim(64) * Dim::symbol("n"));
  EXPECT_GT(recipe.seconds, 0);
}

TEST(NullDevice, WritesDownLaunchesAndEventsInOrder) {
  const Kernel& kernel = *null::kernels().find("null.any");
  null::Device device(2);
  std::byte memory[256];
  Operands operands;
  operands.inputs = {{memory, DType::f32, {3, 5}}, {nullptr, DType::f32, {7}}};
  operands.outputs = {{memory + 64, DType::f16, {3}}};
  const auto bound = kernel.prepare({}, {}, device)
                         ->bind(operands, std::span(memory + 128, 64), device.stream_at(1));
  device.set_label(7);
  bound->enqueue(device.stream_at(1));
  device.stream_at(1).record(3);
  device.stream_at(0).wait(3);
  operands.inputs[0].data = memory + 192;
  bound->rebind(operands);
  device.set_label(8);
  bound->enqueue(device.stream_at(0));
  ASSERT_EQ(device.log().size(), 4u);
  const auto address = [&](size_t at) { return reinterpret_cast<uintptr_t>(memory + at); };
  const Command& first = device.log()[0];
  EXPECT_EQ(first.kind, Command::Kind::launch);
  EXPECT_EQ(first.stream, 1);
  EXPECT_EQ(first.label, 7);
  ASSERT_EQ(first.reads.size(), 2u);
  EXPECT_EQ(first.reads[0].address, address(0));
  EXPECT_EQ(first.reads[0].bytes, 60);
  EXPECT_EQ(first.reads[1].address, 0u);
  ASSERT_EQ(first.writes.size(), 1u);
  EXPECT_EQ(first.writes[0].address, address(64));
  EXPECT_EQ(first.writes[0].bytes, 6);
  EXPECT_EQ(first.scratch.address, address(128));
  EXPECT_EQ(first.scratch.bytes, 64);
  EXPECT_EQ(device.log()[1].kind, Command::Kind::record);
  EXPECT_EQ(device.log()[1].stream, 1);
  EXPECT_EQ(device.log()[2].kind, Command::Kind::wait);
  EXPECT_EQ(device.log()[2].event, 3);
  EXPECT_EQ(device.log()[3].label, 8);
  EXPECT_EQ(device.log()[3].reads[0].address, address(192));
}

}  // namespace hone::test::null_test
