// Fusion: which regions come out, and that they compute what the graph did.

#include <gtest/gtest.h>

#include "ir/bodies/structural.hpp"
#include "ir/evaluation/evaluation.hpp"
#include "ir/inference.hpp"
#include "ir/region.hpp"
#include "ir/verify.hpp"
#include "ops/arithmetic.hpp"
#include "ops/common/registry.hpp"
#include "passes/fusion/account.hpp"
#include "passes/fusion/chain.hpp"
#include "passes/fusion/fuse.hpp"
#include "support/fusion_check.hpp"
#include "support/graph_case.hpp"
#include "support/random_graph.hpp"

namespace hone::test::fuse_test {

/// What did not join a region further, and why: `%y: it reads whole planes ...`.
std::string notes_of(std::string_view text) {
  const std::unique_ptr<Graph> graph = parse(text, all_ops());
  infer(*graph);
  std::vector<FusionNote> notes;
  fuse(*graph, {}, &notes);
  std::string told;
  for (const FusionNote& note : notes) told += cat("%", note.value, ": ", note.why, "\n");
  return told;
}

TEST(Fuse, Cases) {
  expect_text_cases("passes/fuse.test", {{"fuse", graph_verb(all_ops(),
                                                             [](Graph& graph) {
                                                               infer(graph);
                                                               fuse(graph, {});
                                                             })},
                                         {"notes", notes_of}});
}

/// Why evaluation of both graphs differs; empty: it does not.
std::string difference(const Graph& before, const Graph& after, const std::vector<Tensor>& inputs) {
  const std::vector<Tensor> want = evaluate(before, inputs), got = evaluate(after, inputs);
  for (size_t i = 0; i < want.size(); ++i)
    if (!same_bits(want[i], got[i])) return cat("output ", before.outputs()[i].name, " differs");
  return {};
}

std::string check_fusion(const GraphCase& given) {
  try {
    const std::unique_ptr<Graph> fused = given.graph->clone();
    if (!fuse(*fused, {})) return {};
    verify(*fused, "fuse");
    infer(*fused);
    verify(*fused, "fuse and infer");
    const std::string text = print(*fused);
    if (print(*parse(text, all_ops())) != text) return "the text of the fused graph differs";
    if (std::string differs = difference(*given.graph, *fused, given.inputs); !differs.empty())
      return differs;
    const std::unique_ptr<Graph> cut = fused->clone();
    cut_where_marked(*cut);
    verify(*cut, "cut_where_marked");
    for (const Node& node : cut->nodes())
      if (node.op.as<Fused>() != nullptr && !node.op.as<Fused>()->cuts.empty())
        return "a mark is left where all were cut";
    if (account(*cut).launched != account(*fused).cut)
      return "cutting gives another count of steps";
    if (std::string differs = difference(*given.graph, *cut, given.inputs); !differs.empty())
      return differs;
    cut_regions(*fused, [](const Node&) { return false; });
    verify(*fused, "cut_regions");
    return difference(*given.graph, *fused, given.inputs);
  } catch (const Error& error) {
    return error.message();
  }
}

TEST(Fuse, KeepsWhatRandomGraphsCompute) {
  OpCounts counts;
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    const GraphCase drawn = random_graph(seed, all_ops(), counts);
    const std::string wrong = check_fusion(drawn);
    if (wrong.empty()) continue;
    FAIL() << "seed " << seed << ": " << wrong << "\n" << text_of(shrink(drawn, check_fusion));
  }
}

GraphCase three_of_one_element(std::string_view op) {
  const std::string text =
      cat("graph g(%x: f32[4]) -> (%y)\n  %a = ", op, "(%x)\n  %b = Relu(%a)\n  %y = Neg(%b)\n");
  GraphCase made{parse(text, all_ops()), {Tensor(DType::f32, {4})}};
  infer(*made.graph);
  return made;
}

TEST(CheckFusion, EvaluatesTheRegionsThePiecesAndWhatTheyWere) {
  const GraphCase given = three_of_one_element("Exp");
  int evaluated = 0;
  Judge judge;
  judge.evaluate = [&](const Graph& graph, const std::vector<Tensor>& inputs) {
    ++evaluated;
    return evaluate(graph, inputs);
  };
  EXPECT_EQ(check_passes(given, {{}, judge, 3}), "");
  // As given, fused, and taken apart; of three cuts one is behind everything and is none.
  EXPECT_EQ(evaluated, 3 + 2 * 2);
}

TEST(CheckFusion, FindsRegionsThatComputeSomethingElse) {
  const GraphCase given = three_of_one_element("Exp"), other = three_of_one_element("Sin");
  Truth truth(*given.graph, given.inputs, {});
  EXPECT_NE(check_fusion(*other.graph, {}, truth), "");
}

/// Regions of several anchors are drawn, too.
TEST(Fuse, FindsChainsInRandomGraphs) {
  OpCounts counts;
  int chains = 0;
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    const GraphCase drawn = random_graph(seed, all_ops(), counts);
    fuse(*drawn.graph, {});
    for (const Node& node : drawn.graph->nodes()) {
      const Fused* fused = node.op.as<Fused>();
      if (fused == nullptr) continue;
      int anchors = 0;
      for (const auto& [inner, role] : roles_of(*fused->body)) anchors += role.role == Role::anchor;
      ASSERT_LE(anchors, kMostAnchors) << print(node);
      chains += anchors > 1;
    }
  }
  EXPECT_GT(chains, 10);
}

TEST(Fuse, RegionsAreBoundedAndNoNodeIsLost) {
  std::string text = "graph g(%v0: f32[2]) -> (%v1300)\n";
  for (int i = 0; i < 1300; ++i)
    text += cat("  %v", i + 1, " = ", i % 2 == 0 ? "Tanh" : "Sigmoid", "(%v", i, ")\n");
  const auto graph = parse(text, all_ops());
  std::vector<FusionNote> notes;
  ASSERT_TRUE(fuse(*graph, {}, &notes));
  std::vector<size_t> sizes;
  for (const Node& node : graph->nodes())
    sizes.push_back(node.op.as<Fused>()->body->nodes().size());
  EXPECT_EQ(sizes, (std::vector<size_t>{kMostNodes, kMostNodes, 1300 - 2 * kMostNodes}));
  ASSERT_FALSE(notes.empty());
  EXPECT_EQ(notes.front().why, "the region would have more than 512 ops");
}

TEST(Fuse, NodesOfVeryManyOperandsHaveNoClosedForm) {
  Graph graph;
  Value* x = graph.add_input("x", Type::tensor(DType::f32, {2}));
  Node* few = graph.add_node(Sum{}, std::vector<Value*>(1000, x), {"few"});
  Node* many = graph.add_node(Sum{}, std::vector<Value*>(1100, x), {"many"});
  infer(graph, *few), infer(graph, *many);
  EXPECT_TRUE(stages_of(*few));
  EXPECT_EQ(stages_of(*many).declined, "it has more than 1024 operands and results");
}

TEST(Region, CanBeCutAtAnyValueAndPutTogetherAgain) {
  OpCounts counts;
  int cuts = 0;
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    const GraphCase drawn = random_graph(seed, all_ops(), counts);
    const std::unique_ptr<Graph> fused = drawn.graph->clone();
    fuse(*fused, {});
    for (const Node& node : fused->nodes()) {
      const Fused* op = node.op.as<Fused>();
      if (op == nullptr) continue;
      for (const Node& inner : op->body->nodes()) {
        if (&inner == &op->body->nodes().back()) continue;
        const std::string at = inner.outputs.front()->name;
        const std::unique_ptr<Graph> cut = fused->clone();
        Node* whole = cut->find(node.outputs.front()->name)->producer;
        std::pair<Node*, Node*> sides;
        try {
          sides = cut_region(*cut, whole, at);
        } catch (const Error& error) {
          ASSERT_EQ(error.code(), Code::usage) << error.message();
          continue;  // everything is needed for this value
        }
        ++cuts;
        cut->sort();
        verify(*cut, "cut_region");
        ASSERT_EQ(difference(*drawn.graph, *cut, drawn.inputs), "") << print(*cut);
        fuse_nodes(*cut, {sides.first, sides.second}, node.by);
        cut->sort();
        verify(*cut, "fuse_nodes");
        ASSERT_EQ(difference(*drawn.graph, *cut, drawn.inputs), "") << print(*cut);
        ASSERT_EQ(cut->nodes().size(), fused->nodes().size());
      }
    }
  }
  EXPECT_GT(cuts, 100);
}

/// What is known of a region's operand may decide types within, and stands in the graph around it
/// alone once that is written down.
TEST(Fuse, RegionsWhoseTypesDependOnKnownOperandsAreReadBack) {
  const auto graph = parse(R"(
graph g(%x: f32[n,6], %t: f32[m]) -> (%y)
  %s = Shape(%x)
  %c = Sigmoid(%x)
  %r = Expand(%t, %s)
  %y = Add(%c, %r)
)",
                           all_ops());
  infer(*graph);
  std::vector<Node*> nodes;
  for (Node& node : graph->nodes())
    if (node.op.name() != "Shape") nodes.push_back(&node);
  fuse_nodes(*graph, nodes);
  graph->sort();
  verify(*graph, "fuse_nodes");
  const auto again = parse(print(*graph), all_ops());
  verify_in_place(*again, "parse");
  EXPECT_EQ(print(*again), print(*graph));

  const auto wrong = graph->clone();
  for (Node& node : wrong->nodes()) {
    const Fused* fused = node.op.as<Fused>();
    if (fused == nullptr) continue;
    auto body = fused->body->clone();
    body->find("r")->type = Type::tensor(DType::f32, {Dim::symbol("n"), 7});
    wrong->set_op(&node, Fused{std::move(body), {}});
  }
  try {
    verify(*wrong, "test");
    FAIL() << "a region says a wrong type";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::internal);
    EXPECT_NE(error.message().find("%r has the type f32[n,7], inference finds f32[n,6]"),
              std::string::npos)
        << error.message();
  }
}

}  // namespace hone::test::fuse_test
