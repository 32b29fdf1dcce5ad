#include "passes/fusion/groups.hpp"

#include <gtest/gtest.h>

#include "ir/inference.hpp"
#include "ir/text/text.hpp"
#include "ops/activation.hpp"
#include "ops/arithmetic.hpp"
#include "ops/common/registry.hpp"

namespace hone::test::groups_test {

using Merging = Groups::Merging;

/// A chain of this many nodes, in order.
std::vector<Node*> chain(Graph& graph, int count) {
  Value* last = graph.add_input("x", Type::tensor(DType::f32, {2}));
  std::vector<Node*> nodes;
  for (int i = 0; i < count; ++i) {
    nodes.push_back(graph.add_node(Relu{}, {last}, {"v"}));
    infer(graph, *nodes.back());
    last = nodes.back()->output();
  }
  graph.add_output("y", last);
  return nodes;
}

TEST(GroupsTest, APathThatLeavesAndComesBackIsFound) {
  const auto graph = parse(
      "graph g(%x: f32[2]) -> (%d)\n"
      "  %a = Relu(%x)\n"
      "  %b = Exp(%a)\n"
      "  %c = Exp(%b)\n"
      "  %d = Add(%a, %c)\n",
      all_ops());
  const auto node = [&](std::string_view name) { return graph->find(name)->producer; };
  Groups groups(*graph);
  EXPECT_EQ(groups.merge(node("a"), node("d")), Merging::path);
  EXPECT_EQ(groups.merge(node("b"), node("c")), Merging::done);
  EXPECT_EQ(groups.merge(node("d"), node("a")), Merging::path);
  EXPECT_EQ(groups.merge(node("a"), node("c")), Merging::done);
  EXPECT_EQ(groups.merge(node("b"), node("d")), Merging::done);
  EXPECT_EQ(groups.merge(node("a"), node("d")), Merging::done);  // they are one already
  EXPECT_EQ(groups.all().size(), 1u);
  std::vector<std::string> names;
  for (const Node* each : groups.of(node("a")).nodes) names.push_back(each->output()->name);
  EXPECT_EQ(names, (std::vector<std::string>{"a", "b", "c", "d"}));
}

TEST(GroupsTest, NodesStandInTheGraphsOrderHoweverTheyCome) {
  Graph graph;
  const std::vector<Node*> nodes = chain(graph, 9);
  Groups groups(graph);
  for (const size_t i : {7, 1, 5, 0, 3, 2, 6, 4})
    EXPECT_EQ(groups.merge(nodes[i + 1], nodes[i]), Merging::done);
  EXPECT_EQ(groups.of(nodes[4]).nodes, nodes);
  EXPECT_EQ(groups.last(nodes[0]), 8);
}

TEST(GroupsTest, RegionsAreBounded) {
  Graph graph;
  const std::vector<Node*> nodes = chain(graph, 1300);
  Groups groups(graph);
  int large = 0;
  for (size_t i = 1; i < nodes.size(); ++i) {
    const Merging merging = groups.merge(nodes[i - 1], nodes[i]);
    large += merging == Merging::large;
    EXPECT_EQ(merging, i % kMostNodes == 0 ? Merging::large : Merging::done) << i;
  }
  EXPECT_EQ(large, 2);
  EXPECT_EQ(groups.all().size(), 3u);
  EXPECT_EQ(reason(Merging::large, "a path"), "the region would have more than 512 ops");
  EXPECT_EQ(reason(Merging::path, "a path"), "a path");
}

TEST(GroupsTest, PathsAreNotLookedForWithoutEnd) {
  Graph graph;
  const std::vector<Node*> nodes = chain(graph, 4000);
  Groups groups(graph);
  // Each search goes through all of the chain: all of them together would through its square.
  size_t searches = 0;
  while (groups.merge(nodes.front(), nodes.back()) == Merging::path) ++searches;
  EXPECT_EQ(groups.merge(nodes.front(), nodes.back()), Merging::unclear);
  EXPECT_GT(searches, 1000u);
  EXPECT_LT(searches, 4000u);
  EXPECT_EQ(groups.merge(nodes[1], nodes[2]), Merging::unclear);
}

}  // namespace hone::test::groups_test
