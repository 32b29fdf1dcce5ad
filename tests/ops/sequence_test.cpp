#include "ops/sequence.hpp"

#include <gtest/gtest.h>

#include "ir/text/text.hpp"
#include "ops/common/registry.hpp"
#include "ops/one_node.hpp"
#include "ops/optional.hpp"

namespace hone::test::sequence_test {

Tensor list_of(std::vector<Tensor> elements) {
  return Tensor::sequence(DType::f32, std::move(elements));
}

/// The outputs of a graph in text, by reference.
std::vector<Tensor> outputs_of(std::string_view text, const std::vector<Tensor>& inputs) {
  const auto graph = parse(text, all_ops());
  infer(*graph);
  return evaluate(*graph, inputs);
}

/// Prints the type of the graph's first output.
std::string output_type(std::string_view text) {
  const auto graph = parse(text, all_ops());
  infer(*graph);
  return cat(graph->outputs()[0].value->type);
}

TEST(Sequence, IsBuiltAndTakenApart) {
  constexpr std::string_view kText =
      "graph g(%a: f32[2], %b: f32[3], %i: i64[]) -> (%at, %n, %gone, %gone_n)\n"
      "  %s = SequenceConstruct(%a, %b)\n"
      "  %t = SequenceInsert(%s, %a, i64[]{-1})\n"
      "  %at = SequenceAt(%t, %i)\n"
      "  %n = SequenceLength(%t)\n"
      "  %e = SequenceErase(%t, i64[]{0})\n"
      "  %gone = SequenceAt(%e, i64[]{0})\n"
      "  %l = SequenceErase(%e)\n"
      "  %gone_n = SequenceLength(%l)\n";
  const std::vector<Tensor> inputs{f32({1, 2}), f32({3, 4, 5}), Tensor::scalar(DType::i64, -1)};
  const std::vector<Tensor> found = outputs_of(kText, inputs);
  EXPECT_EQ(numbers(found[0]), (std::vector<double>{3, 4, 5}));
  EXPECT_EQ(found[1].integer(0), 3);
  EXPECT_EQ(numbers(found[2]), (std::vector<double>{1, 2})) << "inserted before the last";
  EXPECT_EQ(found[3].integer(0), 1);
  for (const double wrong : {3, -4}) {
    std::vector<Tensor> outside = inputs;
    outside[2] = Tensor::scalar(DType::i64, wrong);
    EXPECT_NE(refusal_of([&] { outputs_of(kText, outside); }).find("out of range for size 3"),
              std::string::npos);
  }
}

TEST(Sequence, ElementTypesStateWhatAllHave) {
  EXPECT_EQ(output_type("graph g(%a: f32[n,2], %b: f32[n,2]) -> (%s)\n"
                        "  %s = SequenceConstruct(%a, %b)\n"),
            "seq(f32[n,2])");
  EXPECT_EQ(output_type("graph g(%a: f32[n,2], %b: f32[2,n]) -> (%s)\n"
                        "  %s = SequenceConstruct(%a, %b)\n"),
            "seq(f32[*])");
  EXPECT_NE(refusal_of([] {
              output_type(
                  "graph g(%a: f32[2], %b: i64[2]) -> (%s)\n"
                  "  %s = SequenceConstruct(%a, %b)\n");
            }).find("wanted one dtype"),
            std::string::npos);
}

TEST(Sequence, EmptyHasNothingToErase) {
  const Tensor empty = list_of({});
  EXPECT_NE(refusal_of([&] {
              outputs_of("graph g(%s: seq(f32[*])) -> (%e)\n  %e = SequenceErase(%s)\n", {empty});
            }).find("nothing to erase"),
            std::string::npos);
  const auto found = outputs_of(
      "graph g() -> (%s, %n)\n  %s = SequenceEmpty() dtype=i32\n  %n = SequenceLength(%s)\n", {});
  EXPECT_EQ(cat(describe(found[0])), "a sequence of 0 i32 tensors");
  EXPECT_EQ(found[1].integer(0), 0);
}

TEST(Sequence, SplitsByOneByASizeAndByAList) {
  const Tensor x = tensor(DType::f32, {2, 3}, {0, 1, 2, 3, 4, 5});
  const auto split = [&](std::string_view rest) {
    std::vector<std::vector<double>> pieces;
    const std::string text =
        cat("graph g(%x: f32[2,3]) -> (%s)\n  %s = SplitToSequence(%x", rest, "\n");
    const std::vector<Tensor> found = outputs_of(text, {x});
    for (const Tensor& piece : found[0].elements()) pieces.push_back(numbers(piece));
    return pieces;
  };
  using Pieces = std::vector<std::vector<double>>;
  EXPECT_EQ(split(") axis=1"), (Pieces{{0, 3}, {1, 4}, {2, 5}}));
  EXPECT_EQ(split(", i64[]{2}) axis=1"), (Pieces{{0, 1, 3, 4}, {2, 5}}));
  EXPECT_EQ(split(", i64[2]{1,2}) axis=-1"), (Pieces{{0, 3}, {1, 2, 4, 5}}));
  EXPECT_EQ(split(", i64[3]{0,3,0}) axis=1"), (Pieces{{}, {0, 1, 2, 3, 4, 5}, {}}));
  EXPECT_EQ(refusal_of([&] { split(", i64[2]{1,1}) axis=1"); }),
            "invalid_model: the pieces' sizes add up to 2, the axis has 3 (SplitToSequence %s)");
  EXPECT_EQ(refusal_of([&] { split(", i64[2]{-1,4}) axis=1"); }),
            "invalid_model: the pieces' sizes are [-1,4], the axis has 3 (SplitToSequence %s)");
  EXPECT_EQ(refusal_of([&] { split(", i64[]{0}) axis=1"); }),
            "invalid_model: the pieces' size is 0, wanted at least 1 (SplitToSequence %s)");
  EXPECT_EQ(output_type("graph g(%x: f32[n,3]) -> (%s)\n  %s = SplitToSequence(%x) axis=1 "
                        "keepdims=false\n"),
            "seq(f32[n])");
  EXPECT_EQ(output_type("graph g(%x: f32[n,3]) -> (%s)\n  %s = SplitToSequence(%x, i64[]{2}) "
                        "axis=1\n"),
            "seq(f32[*])")
      << "the last piece is smaller";
}

TEST(Sequence, JoinsAndStacks) {
  const Tensor parts =
      list_of({tensor(DType::f32, {2, 1}, {1, 2}), tensor(DType::f32, {2, 2}, {3, 4, 5, 6})});
  const auto joined = outputs_of(
      "graph g(%s: seq(f32[*])) -> (%y)\n  %y = ConcatFromSequence(%s) axis=1\n", {parts});
  EXPECT_EQ(joined[0].shape(), (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(numbers(joined[0]), (std::vector<double>{1, 3, 4, 2, 5, 6}));
  const Tensor alike = list_of({f32({1, 2}), f32({3, 4}), f32({5, 6})});
  const auto stacked = outputs_of(
      "graph g(%s: seq(f32[2])) -> (%y)\n  %y = ConcatFromSequence(%s) axis=-1 new_axis=true\n",
      {alike});
  EXPECT_EQ(stacked[0].shape(), (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(numbers(stacked[0]), (std::vector<double>{1, 3, 5, 2, 4, 6}));
  EXPECT_NE(refusal_of([&] {
              outputs_of(
                  "graph g(%s: seq(f32[*])) -> (%y)\n"
                  "  %y = ConcatFromSequence(%s) axis=0\n",
                  {parts});
            }).find("cannot be joined"),
            std::string::npos);
}

TEST(Sequence, StringsAreElementsToo) {
  const Tensor words = Tensor::of_strings({3}, {"a", "b", "c"});
  const auto found = outputs_of(
      "graph g(%x: str[3]) -> (%y)\n  %s = SplitToSequence(%x, i64[2]{1,2})\n"
      "  %y = SequenceAt(%s, i64[]{1})\n",
      {words});
  EXPECT_EQ(found[0].strings(), (std::vector<std::string>{"b", "c"}));
}

TEST(Optional, HoldsSomethingOrNothing) {
  constexpr std::string_view kText =
      "graph g(%o: opt(f32[2])) -> (%has, %value)\n  %has = OptionalHasElement(%o)\n"
      "  %value = OptionalGetElement(%o)\n";
  const auto found = outputs_of(kText, {f32({1, 2})});
  EXPECT_EQ(found[0].integer(0), 1);
  EXPECT_EQ(numbers(found[1]), (std::vector<double>{1, 2}));
  EXPECT_NE(refusal_of([&] { outputs_of(kText, {Tensor::nothing()}); }).find("holds nothing"),
            std::string::npos);
  EXPECT_EQ(outputs_of("graph g() -> (%h)\n  %o = Optional() type=f32[2]\n"
                       "  %h = OptionalHasElement()\n",
                       {})[0]
                .integer(0),
            0);
  EXPECT_EQ(output_type("graph g() -> (%o)\n  %o = Optional() type=seq(f32[*])\n"),
            "opt(seq(f32[*]))");
}

}  // namespace hone::test::sequence_test
