#include "passes/fusion/account.hpp"

#include <gtest/gtest.h>

#include "ir/inference.hpp"
#include "ir/text/text.hpp"
#include "ops/common/registry.hpp"
#include "passes/fusion/fuse.hpp"

namespace hone::test::account_test {

std::unique_ptr<Graph> typed(std::string_view text) {
  std::unique_ptr<Graph> graph = parse(text, all_ops());
  infer(*graph);
  return graph;
}

TEST(Account, CountsLaunchedStepsAndWhatTheyMove) {
  const auto graph = typed(
      "graph g(%x: f32[1,4,8,8]) -> (%y)\n"
      "  %c = Conv(%x, @w)\n"
      "  %r = Relu(%c)\n"
      "  %s = Reshape(%r) shape=[4,64]\n"
      "  %y = Softmax(%s)\n"
      "weights\n"
      "  @w : f32[4,4,1,1]\n");
  const StepAccount before = account(*graph);
  EXPECT_EQ(before.launched, 3);  // Conv, Relu, Softmax
  EXPECT_EQ(before.views, 1);
  EXPECT_EQ(before.bytes, Dim(6 * 1024));
  fuse(*graph, {});
  const StepAccount after = account(*graph);
  EXPECT_EQ(after.launched, 1);
  EXPECT_EQ(after.cut, 2);
  EXPECT_EQ(after.bytes, Dim(2 * 1024));
  ASSERT_EQ(graph->nodes().front().op.name(), "Fused");
  EXPECT_EQ(bytes_saved(graph->nodes().front()), Dim(4 * 1024));  // %c and %r, written and read
  cut_where_marked(*graph);
  const StepAccount cut = account(*graph);
  EXPECT_EQ(cut.launched, 2);
  EXPECT_EQ(cut.views, 0);
  EXPECT_EQ(cut.bytes, Dim(4 * 1024));
  EXPECT_EQ(bytes_saved(graph->nodes().front()), Dim(2 * 1024));  // %c
}

TEST(Account, ConcatIsAViewWhereItsPiecesLieInOnePieceEach) {
  const std::string_view text =
      "graph g(%x: f32[N,4,8], %w: f32[8,8]) -> (%y)\n"
      "  %a = MatMul(%x, %w)\n"
      "  %b = MatMul(%a, %w)\n"
      "  %y = Concat(%a, %b) axis=1\n";
  std::string one(text), two(text);
  one.replace(one.find('N'), 1, "1"), two.replace(two.find('N'), 1, "2");
  EXPECT_EQ(account(*typed(one)).views, 1);
  EXPECT_EQ(account(*typed(one)).launched, 2);
  const auto apart = typed(two);
  const StepAccount copied = account(*apart);
  EXPECT_EQ(copied.launched, 3);
  ASSERT_EQ(copied.copies.size(), 1u);
  EXPECT_EQ(copied.copies[0]->op.name(), "Concat");
}

TEST(Account, LeavesOutConstantsAndSizes) {
  const auto graph = typed(
      "graph g(%x: f32[n,4]) -> (%y)\n"
      "  %d = Shape(%x) end=1\n"
      "  %c = Neg(f32[4]{1,2,3,4})\n"
      "  %z = Add(%x, %c)\n"
      "  %y = Expand(%z, %d)\n");
  const StepAccount sum = account(*graph);
  EXPECT_EQ(sum.constants, 1);
  EXPECT_EQ(sum.sizes, 1);
}

}  // namespace hone::test::account_test
