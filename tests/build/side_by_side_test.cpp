// What `hone compare --data` stands on must be able to find that two differ.

#include "build/side_by_side.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include "build/build.hpp"
#include "build/compare_values.hpp"
#include "ir/inference.hpp"
#include "ir/text/text.hpp"
#include "ops/common/registry.hpp"
#include "runtime/engine_file.hpp"

namespace hone::test::side_by_side_test {

RunnableOperand operand(std::string_view text, const std::vector<std::string>& disabled = {}) {
  auto graph = parse(text, all_ops());
  infer(*graph);
  BuildOptions options;
  options.engine.workers = 1;
  options.passes.disabled = disabled;
  options.passes.disabled.emplace_back("fuse");  // each value is one of a step
  RunnableOperand made;
  made.engine = build(std::move(graph), options);
  made.options = options.engine;
  made.options.passes = options.passes;
  made.graph = made.engine->portable();
  return made;
}

/// "%a apart" for each that differs, outputs with a star.
std::string apart(const std::vector<Compared>& all) {
  std::vector<std::string> told;
  for (const Compared& each : all)
    if (distance(each.first, each.second).share > 0)
      told.push_back(cat(each.a->name, each.is_output ? "*" : ""));
  return join(told, " ");
}

std::vector<Tensor> four() {
  Tensor x(DType::f32, {4});
  for (int64_t i = 0; i < 4; ++i) x.set_number(i, static_cast<double>(i) - 1.25);
  return {x};
}

constexpr std::string_view kRelu =
    "graph g(%x: f32[4]) -> (%y)\n"
    "  %a = Abs(%x)\n"
    "  %b = Relu(%x)\n"
    "  %y = Add(%a, %b)\n";
constexpr std::string_view kNeg =
    "graph g(%x: f32[4]) -> (%y)\n"
    "  %a = Abs(%x)\n"
    "  %b = Neg(%x)\n"
    "  %y = Add(%a, %b)\n";

TEST(SideBySide, FindsNothingWhereNothingDiffers) {
  const auto all = side_by_side(operand(kRelu), operand(kRelu), four());
  EXPECT_EQ(all.size(), 3u);
  EXPECT_EQ(apart(all), "");
  EXPECT_EQ(apart(side_by_side(operand(kRelu), operand(kRelu), four(), true)), "");
}

TEST(SideBySide, FindsWhatDiffers) {
  EXPECT_EQ(apart(side_by_side(operand(kRelu), operand(kNeg), four())), "b y*");
  EXPECT_EQ(apart(side_by_side(operand(kRelu), operand(kNeg), four(), true)), "b y*");
}

/// An engine file whose plan is of another graph than its portable one says, hashes and all.
TEST(SideBySide, RunsAnEngineAsItIs) {
  const auto path = std::filesystem::temp_directory_path() / cat("hone-forged-", ::getpid());
  const RunnableOperand right = operand(kRelu), wrong = operand(kNeg);
  write_engine_file(path, {"test", right.engine->portable(), {wrong.engine->part()}});
  RunnableOperand forged;
  forged.engine = load(path, {.engine = {.workers = 1}});
  forged.options.workers = 1;
  std::filesystem::remove(path);
  ASSERT_EQ(forged.engine->replanned(), "");
  EXPECT_EQ(apart(side_by_side(right, forged, four())), "b y*");
  EXPECT_EQ(apart(side_by_side(forged, wrong, four())), "");
}

constexpr std::string_view kSum =
    "graph g(%x: f32[n], %w: f32[m]) -> (%y)\n"
    "  %a = Abs(%x)\n"
    "  %y = Add(%a, %w)\n";
constexpr std::string_view kDifference =
    "graph g(%x: f32[n], %w: f32[m]) -> (%y)\n"
    "  %a = Abs(%x)\n"
    "  %y = Sub(%a, %w)\n";

std::vector<Tensor> random_of(const InputShapes& shapes) {
  std::vector<Tensor> made;
  for (const auto& shape : shapes) {
    Tensor& tensor = made.emplace_back(DType::f32, shape);
    for (int64_t i = 0; i < tensor.count(); ++i) tensor.set_number(i, 0.5 * double(i) - 1.25);
  }
  return made;
}

/// Plans are for equal sizes; the graph for all others may be forged while that plan is right.
TEST(SideBySide, RunsTheGraphOfSizesThatAreNotEqual) {
  const auto path = std::filesystem::temp_directory_path() / cat("hone-forged-", ::getpid());
  const RunnableOperand right = operand(kSum), wrong = operand(kDifference);
  write_engine_file(path, {"test", wrong.engine->portable(), {right.engine->part()}});
  RunnableOperand forged;
  forged.engine = load(path, {.engine = {.workers = 1}});
  forged.options.workers = 1;
  std::filesystem::remove(path);
  ASSERT_EQ(forged.engine->replanned(), "");
  const InputShapes equal{{4}, {4}};
  EXPECT_EQ(apart(side_by_side(right, forged, random_of(equal))), "");
  const auto other = shapes_of_other_graph(*right.engine, equal);
  ASSERT_TRUE(other.has_value());
  EXPECT_NE((*other)[0], (*other)[1]);
  EXPECT_EQ(&graph_at(*right.engine, *other), right.engine->portable().get());
  EXPECT_EQ(apart(side_by_side(right, right, random_of(*other))), "");
  EXPECT_EQ(apart(side_by_side(right, forged, random_of(*other))), "y*");
  EXPECT_EQ(apart(side_by_side(right, forged, random_of(*other), true)), "y*");
  // The other way round: sizes at which the typed graph runs.
  EXPECT_EQ(&graph_at(*right.engine, *shapes_of_other_graph(*right.engine, *other)),
            &right.engine->graph());
  const RunnableOperand nine =
      operand("graph g(%x: f32[n]) -> (%y)\n  %y = Add(%x, f32[9]{1,2,3,4,5,6,7,8,9})\n");
  EXPECT_EQ(shapes_of_other_graph(*nine.engine, {{1}}), InputShapes{{9}});
  EXPECT_EQ(shapes_of_other_graph(*nine.engine, {{9}}), InputShapes{{1}});
  EXPECT_EQ(shapes_of_other_graph(*operand(kRelu).engine, {{4}}), std::nullopt);
}

/// The norm folded into the convolution rounds otherwise than the two.
TEST(SideBySide, RunsEachWithItsOwnPasses) {
  constexpr std::string_view kScale =
      "graph g(%x: f32[1,1,4,1]) -> (%y)\n"
      "  %c = Conv(%x, f32[1,1,1,1]{0.3}, f32[1]{0.7})\n"
      "  %y = BatchNormalization(%c, f32[1]{0.9}, f32[1]{0.1}, f32[1]{0.3}, f32[1]{0.7})\n";
  const std::vector<Tensor> inputs{four()[0].reshaped({1, 1, 4, 1})};
  const RunnableOperand all = operand(kScale), some = operand(kScale, {"fold_batch_norm"});
  EXPECT_GT(some.engine->graph().nodes().size(), all.engine->graph().nodes().size());
  EXPECT_EQ(apart(side_by_side(all, all, inputs)), "");
  EXPECT_NE(apart(side_by_side(all, some, inputs)), "");
}

TEST(SideBySide, EveryOutputIsCompared) {
  constexpr std::string_view kTwice =
      "graph g(%x: f32[4]) -> (%y, z = %y)\n"
      "  %y = Neg(%x)\n";
  constexpr std::string_view kTwo =
      "graph g(%x: f32[4]) -> (%y, %z)\n"
      "  %y = Neg(%x)\n"
      "  %z = Exp(%x)\n";
  EXPECT_EQ(apart(side_by_side(operand(kTwice), operand(kTwo), four())), "y*");
  EXPECT_EQ(apart(side_by_side(operand(kTwo), operand(kTwice), four())), "z*");
  try {
    side_by_side(operand(kRelu), operand(kTwo), four());
    ADD_FAILURE() << "they have other numbers of outputs";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::accuracy);
    EXPECT_EQ(error.message(), "the first has 1 outputs, the second 2");
  }
}

}  // namespace hone::test::side_by_side_test
