// The judge of stages must see results that are wrong.

#include "ops/stage_judge.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "ir/evaluation/evaluation.hpp"
#include "ir/inference.hpp"
#include "ir/text/text.hpp"
#include "ops/common/registry.hpp"

namespace hone::test::stage_judge_test {

TEST(StageJudge, SeesResultsThatAreWrong) {
  const auto graph = parse(
      "graph g(%x: f32[4]) -> (%y)\n"
      "  %y = Exp(%x)\n",
      all_ops());
  infer(*graph);
  const Node& node = graph->nodes().front();
  Tensor x(DType::f32, {4});
  for (int64_t i = 0; i < 4; ++i) x.set_number(i, static_cast<double>(i));
  StageTally tally;
  const std::vector<Tensor> right = evaluate(node, {&x}, {});
  EXPECT_EQ(judge_stages(node, {&x}, {}, right, tally), "");
  EXPECT_EQ(tally.compared["Exp"], 1);
  for (const double wrong :
       {1.001, std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()}) {
    std::vector<Tensor> results{right[0].clone()};
    results[0].set_number(0, wrong);
    EXPECT_NE(judge_stages(node, {&x}, {}, results, tally).find("result 0 is off by"),
              std::string::npos);
  }
  const std::string shape = judge_stages(node, {&x}, {}, {right[0].reshaped({2, 2})}, tally);
  EXPECT_NE(shape.find("result 0 has another shape"), std::string::npos) << shape;
  EXPECT_EQ(tally.compared["Exp"], 1);
}

}  // namespace hone::test::stage_judge_test
