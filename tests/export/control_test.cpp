// Bodies: ours are closed and take what they read from outside; ONNX's just read it.

#include <gtest/gtest.h>

#include "export/round_trip.hpp"

namespace hone::test::control_test {

Tensor count(int64_t n) { return Tensor::ints({n}).reshaped({}); }

constexpr std::string_view kLoop = R"(graph net(%n: i64[], %x: f32[3]) -> (%y, %z)
  %k = Neg(%x)
  %y, %z = Loop(%n, _, %x, %k) states=1
    body(%i: i64[], %c: bool[], %s: f32[3], %k: f32[3]) -> (%c, %t, %k.1)
      %t = Sub(%s, %k)
      %k.1 = Mul(%t, %k)
)";

TEST(ExportControl, Loops) {
  for (const int64_t n : {0, 1, 4}) expect_same_results(kLoop, {count(n), ramp({3})});
  const onnx::Model model = onnx::model_of(*graph_of(kLoop));
  const onnx::NodeModel& node = model.graph.nodes.back();
  EXPECT_EQ(node.inputs, (std::vector<std::string>{"n", "", "x"}));
  EXPECT_EQ(node.outputs, (std::vector<std::string>{"y", "z"}));
  const onnx::GraphModel& body = body_of(node, "body");
  EXPECT_EQ(body.inputs.size(), 3U);                 // none for what it reads from outside
  EXPECT_EQ(body.nodes.front().inputs.back(), "k");  // which it reads by name
  EXPECT_EQ(body.outputs.size(), 3U);
}

TEST(ExportControl, ALoopThatEndsByItsCondition) {
  expect_same_results(R"(graph net(%x: f32[2]) -> (%y)
  %y = Loop(_, bool{true}, %x) states=1
    body(%i: i64[], %c: bool[], %s: f32[2]) -> (%go, %t)
      %t = Add(%s, %s)
      %go = Less(%i, i64{3})
)",
                      {ramp({2})});
}

TEST(ExportControl, Scans) {
  constexpr std::string_view kScan = R"(graph net(%x: f32[n,2], %b: f32[2]) -> (%y, %z)
  %y, %z = Scan(%b, %x, %b) states=1 input_directions=[1] output_axes=[1]
    body(%s: f32[2], %row: f32[2], %b: f32[2]) -> (%t, %u)
      %t = Add(%s, %row)
      %u = Mul(%t, %b)
)";
  expect_same_results(kScan, {ramp({4, 2}), ramp({2})});
  const onnx::Model model = onnx::model_of(*graph_of(kScan));
  EXPECT_EQ(body_of(model.graph.nodes.back(), "body").inputs.size(), 2U);
}

TEST(ExportControl, BodiesInBodies) {
  expect_same_results(R"(graph net(%n: i64[], %c: bool[], %x: f32[3]) -> (%y)
  %y = Loop(%n, _, %x, %c, %x) states=1
    body(%i: i64[], %go: bool[], %s: f32[3], %c: bool[], %x: f32[3]) -> (%go, %t)
      %t = If(%c, %s, %x)
        then_branch(%s: f32[3], %x: f32[3]) -> (%t)
          %t = Add(%s, %x)
        else_branch(%s: f32[3], %x: f32[3]) -> (%s)
)",
                      {count(3), Tensor::scalar(DType::boolean, 1), ramp({3})});
}

TEST(ExportControl, SizesInABodyAreThoseOfWhatItReads) {
  expect_same_results(R"(graph net(%c: bool[], %x: f32[n,m]) -> (%y)
  %y = If(%c, %x)
    then_branch(%x: f32[n,m]) -> (%y)
      %y = Reshape(%x) shape=[n*m]
    else_branch(%x: f32[n,m]) -> (%y)
      %y = Expand(f32{2}) shape=[m+n]
)",
                      {Tensor::scalar(DType::boolean, 0), ramp({2, 3})});
}

TEST(ExportControl, SequencesAndOptionals) {
  expect_same_results(R"(graph net(%x: f32[3]) -> (%y, %has)
  %none = SequenceEmpty()
  %one = SequenceInsert(%none, %x)
  %two = SequenceInsert(%one, %x, i64{0})
  %y = ConcatFromSequence(%two)
  %maybe = Optional(%x)
  %has = OptionalHasElement(%maybe)
)",
                      {ramp({3})});
}

/// Our loop takes a bare value where the state is an optional; in ONNX a state keeps its type.
TEST(ExportControl, AStateThatIsAnOptionalStaysOne) {
  constexpr std::string_view kText = R"(graph net(%n: i64[], %x: f32[3]) -> (%y, %has)
  %maybe = Optional(%x)
  %last = Loop(%n, _, %maybe) states=1
    body(%i: i64[], %c: bool[], %s: opt(f32[3])) -> (%c, %t)
      %v = OptionalGetElement(%s)
      %t = Add(%v, %v)
  %y = OptionalGetElement(%last)
  %has = OptionalHasElement(%last)
)";
  for (const int64_t n : {0, 1, 3}) expect_same_results(kText, {count(n), ramp({3})});
  const onnx::Model model = onnx::model_of(*graph_of(kText));
  const onnx::GraphModel& body = body_of(model.graph.nodes.at(1), "body");
  EXPECT_EQ(body.nodes.back().op_type, "Optional");
  EXPECT_EQ(cat(body.outputs.back().type), "opt(f32[3])");
  EXPECT_EQ(body.nodes.back().outputs.front(), body.outputs.back().name);
}

TEST(ExportControl, SeedsAreWritten) {
  expect_same_results("graph net(%x: f32[8]) -> (%y)\n  %y = RandomNormalLike(%x) seed=5\n",
                      {ramp({8})});
  expect_same_results("graph net(%x: f32[8]) -> (%y)\n  %y = RandomUniformLike(%x)\n",
                      {ramp({8})});  // seed 0, not one of the node's name
}

}  // namespace hone::test::control_test
