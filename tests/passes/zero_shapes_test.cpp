// A size in a shape that turns out as 0 means the same wherever it becomes known.

#include <gtest/gtest.h>

#include "ir/evaluation/evaluation.hpp"
#include "ir/evaluation/rest.hpp"
#include "ir/inference.hpp"
#include "ir/text/text.hpp"
#include "ops/common/registry.hpp"
#include "passes/pass.hpp"

namespace hone::test::zero_shapes_test {

using Sizes = std::vector<int64_t>;

/// The shape of the first output, of the graph for every n.
Sizes general(const Graph& graph, const Tensor& x) { return evaluate(graph, {x}).at(0).shape(); }

/// The same where n = 0 was written into the graph first.
Sizes special(const Graph& graph, const Tensor& x) {
  const std::vector<const Value*> inputs(graph.inputs().begin(), graph.inputs().end());
  const std::vector<Type> types{type_of(x, inputs[0]->type)};
  return general(*rest_of(graph, &graph.nodes().front(), inputs, types, {{"n", 0}}), x);
}

TEST(ZeroShapes, ASymbolThatBecomesZeroIsASize) {
  const Tensor x(DType::f32, {2, 0});
  for (const std::string_view text :
       {"graph g(%x: f32[2,n]) -> (%y)\n  %y = Reshape(%x) shape=[n,n]\n",
        "graph g(%x: f32[2,n]) -> (%y)\n  %s = Shape(%x) start=1\n"
        "  %t = Concat(%s, %s) axis=0\n  %y = Reshape(%x, %t)\n"}) {
    const auto graph = parse(text, all_ops());
    infer(*graph);
    EXPECT_EQ(general(*graph, x), (Sizes{0, 0})) << text;
    canonicalize(*graph);
    EXPECT_EQ(general(*graph, x), (Sizes{0, 0})) << text;
    EXPECT_EQ(special(*graph, x), (Sizes{0, 0})) << text;
  }
}

TEST(ZeroShapes, TheNumberZeroIsTheOperandsSize) {
  const Tensor x(DType::f32, {2, 0});
  Tensor shape(DType::i64, {2});
  for (const std::string_view text :
       {"graph g(%x: f32[2,n]) -> (%y)\n  %y = Reshape(%x) shape=[0,n]\n",
        "graph g(%x: f32[2,n]) -> (%y)\n  %y = Reshape(%x, i64[2]{0,0})\n",
        "graph g(%x: f32[2,n]) -> (%y)\n  %m = Mul(i64[2]{0,0}, i64{3})\n"
        "  %y = Reshape(%x, %m)\n"}) {
    const auto graph = parse(text, all_ops());
    infer(*graph);
    EXPECT_EQ(general(*graph, x), (Sizes{2, 0})) << text;
    canonicalize(*graph);
    EXPECT_EQ(general(*graph, x), (Sizes{2, 0})) << text;
    EXPECT_EQ(special(*graph, x), (Sizes{2, 0})) << text;
  }
  // Contents that only running tells.
  const auto graph =
      parse("graph g(%x: f32[2,n], %s: i64[2]) -> (%y)\n  %y = Reshape(%x, %s)\n", all_ops());
  infer(*graph);
  EXPECT_EQ(evaluate(*graph, {x, shape}).at(0).shape(), (Sizes{2, 0}));
}

}  // namespace hone::test::zero_shapes_test
