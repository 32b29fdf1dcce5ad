// Bodies of control flow are inferred once for each level around them, not again by each.

#include <gtest/gtest.h>

#include "ir/bodies/structural.hpp"
#include "ir/evaluation/evaluation.hpp"
#include "ir/inference.hpp"
#include "ir/text/text.hpp"
#include "ir/verify.hpp"
#include "ops/common/registry.hpp"

namespace hone::bodies_test {

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

TEST(Bodies, ThatDoNotFitAndNameSizesOfTheirInputsStayAsTheyAre) {
  // Of unranked inputs nothing would tell m. The sum does not fit 3 columns.
  constexpr std::string_view kMisfit =
      "graph g(%c: bool[], %x: f32[k,3]) -> (%y)\n"
      "  %y = If(%c, %x)\n"
      "    then_branch(%x: f32[m,4]) -> (%e)\n"
      "      %s = Add(%x, f32[4]{1,2,3,4})\n"
      "      %e = Expand(%s) shape=[m,4]\n"
      "    else_branch(%x: f32[k,3]) -> (%x)\n";
  const auto graph = parse(kMisfit, all_ops());
  infer(*graph);
  verify(*graph, "inference");
  const std::string text = print(*graph, {.align = false});
  EXPECT_NE(text.find("then_branch(%x: f32[m,4])"), text.npos) << text;
  EXPECT_NE(text.find("%e = Expand(%s) shape=[m,4]"), text.npos) << text;
  const auto again = parse(text, all_ops());
  infer(*again);
  verify(*again, "reading");
  EXPECT_EQ(print(*again, {.align = false}), text);
  // Taken it is an error, not taken it is none.
  Tensor condition(DType::boolean, {}), x(DType::f32, {2, 3});
  EXPECT_EQ(evaluate(*graph, {condition, x}).at(0).shape(), (std::vector<int64_t>{2, 3}));
  condition.set_integer(0, 1);
  try {
    evaluate(*graph, {condition, x});
    ADD_FAILURE() << "the branch does not fit";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::usage);
    EXPECT_EQ(error.message(), "input %x is f32[2,3], wanted f32[m,4]");
  }
}

}  // namespace hone::bodies_test
