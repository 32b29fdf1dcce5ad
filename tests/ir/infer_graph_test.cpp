// Whole-graph inference where a text would be long: sizes beyond the limits, graphs of many nodes.

#include <gtest/gtest.h>

#include <chrono>

#include "ir/dim/sizes.hpp"
#include "ir/evaluation/evaluation.hpp"
#include "ir/test_ops.hpp"
#include "ir/text/text.hpp"
#include "ir/verify.hpp"
#include "ops/layout.hpp"
#include "ops/matmul.hpp"
#include "ops/shape.hpp"

namespace hone::test::infer_graph_test {

Dim size(std::string_view name, int i) { return Dim::symbol(cat(name, i)); }

/// A Concat of `count` inputs of open sizes along the first axis.
Value* add_sum(Graph& graph, std::string_view name, int count, const Dim& columns) {
  std::vector<Value*> inputs;
  for (int i = 0; i < count; ++i)
    inputs.push_back(
        graph.add_input(cat(name, i), Type::tensor(DType::f32, {size(name, i), columns})));
  return graph.add_node(Concat{0}, inputs, {cat("all_", name)})->output();
}

TEST(InferGraph, AListOfSizesTooLongToWriteIsASymbol) {
  Graph graph("g");
  Value* sum = add_sum(graph, "a", 257, 3);
  const Node* reshape = graph.add_node(Reshape{Dims{-1}}, {sum}, {"y"});
  graph.add_output("y", reshape->output());
  infer(graph);
  EXPECT_EQ(cat(sum->type), "f32[all_a_d0,3]");
  EXPECT_EQ(cat(reshape->output()->type), "f32[3*all_a_d0]");
  verify(graph, "inference");
  std::vector<Tensor> inputs;
  for (int i = 0; i < 257; ++i) inputs.emplace_back(DType::f32, std::vector<int64_t>{i % 3, 3});
  EXPECT_EQ(evaluate(graph, inputs).at(0).shape(), std::vector<int64_t>{3 * 256});
  const auto again = parse(print(graph), test_registry());
  infer(*again);
  EXPECT_TRUE(same_structure(graph, *again));
}

TEST(InferGraph, AShapeWhoseBytesAreTooLongToWriteHasASymbol) {
  Graph graph("g");
  Value* left = add_sum(graph, "a", 17, 3);
  Value* right = add_sum(graph, "b", 17, 3);
  Value* turned = graph.add_node(Transpose{{1, 0}}, {right}, {"turned"})->output();
  Value* scores = graph.add_node(MatMul{}, {left, turned}, {"scores"})->output();
  Value* flat = graph.add_node(Reshape{Dims{-1}}, {scores}, {"flat"})->output();
  graph.add_output("y", flat);
  infer(graph);
  EXPECT_EQ(scores->type.tensor().shape()[0], Dim::symbol("scores_d0"));
  EXPECT_EQ(scores->type.tensor().shape()[1], right->type.tensor().shape()[0]);
  EXPECT_EQ(flat->type.tensor().shape()[0],
            Dim::symbol("scores_d0") * right->type.tensor().shape()[0]);
  verify(graph, "inference");
}

TEST(InferGraph, AShapeOfManyOpenSizesStaysAsItIs) {
  Graph graph("g");
  Dims dims;
  for (int i = 0; i < 70; ++i) dims.push_back(size("n", i));
  Value* x = graph.add_input("x", Type::tensor(DType::f32, dims));
  const Node* same = graph.add_node(TestSplit{}, {x}, {"y"});
  graph.add_output("y", same->output());
  infer(graph);
  EXPECT_EQ(same->output()->type, x->type);
}

TEST(InferGraph, PiecesWhoseSumIsTooLongToWriteTellTheirSizes) {
  Graph graph("g");
  Value* x = graph.add_input("x", Type::tensor(DType::f32, {Dim::symbol("n")}));
  Split split;
  split.split.emplace();
  std::vector<std::string> names;
  for (int i = 0; i < 3; ++i) {  // 300 terms in all
    Dim part;
    for (int k = 0; k < 100; ++k) part = part + size("s", 100 * i + k);
    split.split->push_back(part);
    names.push_back(cat("p", i));
  }
  for (int k = 0; k < 300; ++k)
    graph.add_input(cat("s", k), Type::tensor(DType::f32, {size("s", k)}));
  const Node* node = graph.add_node(split, {x}, names);
  graph.add_output("y", node->output());
  infer(graph);
  EXPECT_EQ(cat(node->output(1)->type), "f32[p1_d0]");
}

TEST(InferGraph, ASymbolStaysWhereAFieldWouldBeTooLongWithoutIt) {
  Graph graph("g");
  Value* sum = add_sum(graph, "a", 100, 3);
  const Dim own = Dim::symbol("all_a_d0"), rows = Dim::symbol("all_b_d0");
  sum->type = Type::tensor(DType::f32, {own, 3});  // as before more was known
  Value* short_sum = add_sum(graph, "b", 2, 3);
  short_sum->type = Type::tensor(DType::f32, {rows, 3});
  const Node* both = graph.add_node(TestReshape{Dims{own * own, rows}}, {sum}, {"both"});
  graph.add_requirement({Require::Relation::less_equal, own * own, rows});
  infer(graph);
  EXPECT_EQ(cat(sum->type), "f32[all_a_d0,3]");
  EXPECT_EQ(cat(short_sum->type), "f32[b0+b1,3]");
  EXPECT_EQ(cat(both->op), "TestReshape shape=[all_a_d0*all_a_d0,b0+b1]");
  ASSERT_EQ(graph.requirements().size(), 1u);
  EXPECT_EQ(cat(graph.requirements()[0]), "all_a_d0*all_a_d0 <= b0+b1");
  verify(graph, "inference");
}

TEST(InferGraph, AFactAboutASizeOfALongNameStays) {
  Graph graph("g");
  const Dim most = Dim::symbol("m");
  graph.add_input("x", Type::tensor(DType::f32, {most}));
  Value* sum = add_sum(graph, "a", 2, 3);
  graph.rename(sum, std::string(300, 'v'));
  const Dim own = Dim::symbol(cat(name_in_symbols(sum->name), "_d0"));
  sum->type = Type::tensor(DType::f32, {own, 3});  // as before more was known
  graph.add_requirement({Require::Relation::less_equal, own, most});
  graph.add_output("y", sum);
  infer(graph);
  ASSERT_EQ(graph.requirements().size(), 1u);
  EXPECT_EQ(cat(graph.requirements()[0]), "a0+a1 <= m");
}

/// Seconds that inference takes of a chain of so many nodes, every fourth of which names a size
/// that has become a number in its field.
double seconds_of(int nodes) {
  Graph graph("g");
  Value* x = graph.add_input("x", Type::tensor(DType::f32, {Dim::symbol("n"), 4}));
  const Tensor shape = [] {
    Tensor tensor(DType::i64, {2});
    tensor.set_integer(0, 2), tensor.set_integer(1, 6);
    return tensor;
  }();
  Value* made = nullptr;
  for (int i = 0; i < nodes; ++i) {
    const Dim stale = Dim::symbol(cat("v", i - i % 4, "_d0"));
    if (i % 4 == 0) {
      made = graph
                 .add_node(TestReshape{}, {x, graph.add_constant("c", Weight::of(shape))},
                           {cat("v", i)})
                 ->output();
      made->type = Type::tensor(DType::f32, {stale, 6});
      graph.add_requirement({Require::Relation::less_equal, stale, 5});
    } else if (i % 4 == 1) {
      made = graph.add_node(TestReshape{Dims{3, 2 * stale}}, {made}, {cat("v", i)})->output();
    } else {
      made = graph.add_node(TestAdd{}, {made, made}, {cat("v", i)})->output();
    }
  }
  graph.add_output("y", made);
  const auto start = std::chrono::steady_clock::now();
  infer(graph);
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
  EXPECT_EQ(cat(made->type), "f32[3,4]");
  EXPECT_TRUE(graph.requirements().empty());
  return taken.count();
}

TEST(InferGraph, TimeGrowsWithTheGraph) {
  seconds_of(1000);
  const double few = seconds_of(4000), many = seconds_of(32000);
  RecordProperty("seconds_of_32000_nodes", cat(many));
  EXPECT_LT(many, 40 * few + 0.5) << "8 times the nodes took " << many / few << " times as long";
}

}  // namespace hone::test::infer_graph_test
