#include <gtest/gtest.h>

#include "export/round_trip.hpp"
#include "ir/region.hpp"

namespace hone::test::regions_test {

/// The graph with all its nodes from the `first`th on in one region.
std::unique_ptr<Graph> fused(std::string_view text, size_t first = 0) {
  auto graph = graph_of(text);
  std::vector<Node*> nodes;
  for (Node& node : graph->nodes())
    if (first == 0) nodes.push_back(&node);
    else --first;
  fuse_nodes(*graph, nodes, "test");
  graph->sort();
  verify(*graph, "fuse_nodes");
  return graph;
}

void expect_same(std::string_view text, const std::vector<Tensor>& inputs, size_t first = 0) {
  const std::vector<Tensor> wanted = evaluate(*graph_of(text), inputs);
  const Imported imported = read(onnx_bytes(*fused(text, first)));
  verify(*imported.graph, "import");
  const std::vector<Tensor> found = evaluate(*imported.graph, inputs);
  ASSERT_EQ(found.size(), wanted.size());
  for (size_t i = 0; i < wanted.size(); ++i)
    EXPECT_TRUE(same_bits(found[i], wanted[i])) << "output " << i;
}

TEST(ExportRegions, ARegionIsAFunctionWithItsLiteralsInside) {
  const auto graph = fused(R"(graph net(%x: f32[2,3]) -> (%z)
  %y = Mul(%x, f32{2})
  %z = ReduceSum(%y) axes=[1] keepdims=false
)");
  const onnx::Model model = onnx::model_of(*graph);
  ASSERT_EQ(model.functions.size(), 1u);
  const onnx::FunctionModel& function = model.functions.front();
  EXPECT_EQ(function.name, "Mul_ReduceSum");
  EXPECT_TRUE(function.graph.constants.empty());
  std::vector<std::string> ops;
  for (const onnx::NodeModel& node : function.graph.nodes) ops.push_back(node.op_type);
  EXPECT_EQ(ops, (std::vector<std::string>{"Constant", "Constant", "Mul", "ReduceSum"}));
  ASSERT_EQ(model.graph.nodes.size(), 1u);
  EXPECT_EQ(model.graph.nodes.front().op_type, "Mul_ReduceSum");
  EXPECT_EQ(model.graph.nodes.front().domain, onnx::kRegionDomain);
  EXPECT_EQ(model.opsets.at(std::string(onnx::kRegionDomain)), 1);
}

TEST(ExportRegions, SeveralResultsComeBack) {
  expect_same(R"(graph net(%x: f32[2,3]) -> (%y, %z, %w)
  %y = Mul(%x, f32{2})
  %z = Add(%y, %x)
  %w = Relu(%z)
)",
              {ramp({2, 3})});
}

TEST(ExportRegions, SizesOfTheGraphAroundAreOperands) {
  constexpr std::string_view kText = R"(graph net(%x: f32[n,m,4]) -> (%y)
  %flat = Reshape(%x) shape=[n*m*4]
  %twice = Add(%flat, %flat)
  %y = Reshape(%twice) shape=[m,2*n,2]
)";
  expect_same(kText, {ramp({2, 3, 4})}, 1);
  const onnx::Model model = onnx::model_of(*fused(kText, 1));
  ASSERT_EQ(model.functions.size(), 1u);
  EXPECT_EQ(model.functions.front().graph.inputs.size(), 3u);  // %flat, m, n
  expect_same(kText, {ramp({2, 3, 4})});
}

TEST(ExportRegions, AFunctionsNameIsItsOwn) {
  auto graph = graph_of(R"(graph net(%x: f32[2]) -> (%d)
  %a = Mul(%x, %x)
  %b = Relu(%a)
  %c = Mul(%b, %b)
  %d = Relu(%c)
)");
  for (int i = 0; i < 2; ++i) {
    std::vector<Node*> pair;
    for (Node& node : graph->nodes())
      if (node.op.name() != "Fused" && pair.size() < 2) pair.push_back(&node);
    fuse_nodes(*graph, pair);
    graph->sort();
  }
  const onnx::Model model = onnx::model_of(*graph);
  ASSERT_EQ(model.functions.size(), 2u);
  EXPECT_EQ(model.functions[0].name, "Mul_Relu");
  EXPECT_EQ(model.functions[1].name, "Mul_Relu_2");
}

}  // namespace hone::test::regions_test
