// Bodies of control flow are inferred once for each level around them, not again by each.

#include <gtest/gtest.h>

#include "ir/inference.hpp"
#include "ir/structural.hpp"
#include "ir/text.hpp"
#include "ops/common/registry.hpp"

namespace hone {
namespace {

constexpr std::string_view kNested =
    "graph g(%c: bool[], %x: f32[n]) -> (%y)\n"
    "  %y = If(%c, %c, %x)\n"
    "    then_branch(%c: bool[], %x: f32[n]) -> (%r)\n"
    "      %r = If(%c, %x)\n"
    "        then_branch(%x: f32[n]) -> (%s)\n"
    "          %s = Relu(%x)\n"
    "        else_branch(%x: f32[n]) -> (%x)\n"
    "    else_branch(%c: bool[], %x: f32[n]) -> (%x)\n";

const Node& only(const Graph& graph) { return graph.nodes().front(); }

TEST(Bodies, AreSharedWhileTheirInputsKeepTheirTypes) {
  const auto graph = parse(kNested, all_ops());
  infer(*graph);
  const Body then = control_bodies(only(*graph).op).front();
  const Body inner = control_bodies(only(*then).op).front();
  EXPECT_TRUE(then->is_settled());
  infer(*graph);
  EXPECT_EQ(control_bodies(only(*graph).op).front(), then);
  EXPECT_FALSE(then->clone()->is_settled());
  // Other sizes: new bodies, the old ones stay as they are.
  graph->inputs()[1]->type = Type::tensor(DType::f32, {Dim(3)});
  infer(*graph);
  const Body other = control_bodies(only(*graph).op).front();
  EXPECT_NE(other, then);
  EXPECT_EQ(cat(other->outputs()[0].value->type), "f32[3]");
  EXPECT_EQ(cat(only(*graph).output()->type), "f32[3]");
  EXPECT_EQ(cat(then->outputs()[0].value->type), "f32[n]");
  EXPECT_EQ(cat(inner->outputs()[0].value->type), "f32[n]");
}

TEST(Bodies, AreInferredOnceWhereTheyAreNested) {
  // 40 levels: without sharing, each inference of the outermost takes 40 squared.
  std::string text = "graph g(%c: bool[], %x: f32[n]) -> (%y)\n", indent = "  ";
  for (int i = 0; i < 40; ++i) {
    text += cat(indent, "%y = If(%c, %c, %x)\n", indent,
                "  else_branch(%c: bool[], %x: f32[n]) -> (%x)\n", indent,
                "  then_branch(%c: bool[], %x: f32[n]) -> (%y)\n");
    indent += "    ";
  }
  text += cat(indent, "%y = Relu(%x)\n");
  const auto graph = parse(text, all_ops());
  infer(*graph);
  const Body first = control_bodies(only(*graph).op).front();
  infer(*graph);
  EXPECT_EQ(control_bodies(only(*graph).op).front(), first);
  EXPECT_EQ(cat(only(*graph).output()->type), "f32[n]");
}

}  // namespace
}  // namespace hone
