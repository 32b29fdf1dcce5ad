// Operators as opsets 1 to 6 define them: what one node becomes, and what it gives.

#include <gtest/gtest.h>

#include "import/onnx_writer.hpp"
#include "ir/evaluation/evaluation.hpp"

namespace hone::test::legacy_rows_test {

constexpr int64_t kF32 = 1, kI64 = 7, kBool = 9, kF16 = 10;
using Attributes = std::vector<Proto>;

/// A model of one node; its graph inputs and stored tensors are what the node reads.
std::string model_at(int64_t opset, const Proto& only_node, const std::vector<Proto>& inputs,
                     const std::vector<Proto>& tensors = {},
                     const std::vector<Proto>& outputs = {untyped("y")}) {
  return model({.graph = graph({{only_node}, inputs, outputs, tensors}), .opsets = {{"", opset}}});
}

/// The lines of the nodes.
std::string lines(int64_t opset, const Proto& only_node, const std::vector<Proto>& inputs,
                  const std::vector<Proto>& tensors = {}) {
  const std::string text = printed(model_at(opset, only_node, inputs, tensors));
  return text.substr(text.find('\n') + 1);
}

std::string error_at(int64_t opset, const Proto& only_node, const std::vector<Proto>& inputs) {
  return error_of(model_at(opset, only_node, inputs));
}

Tensor of_floats(std::vector<int64_t> shape, const std::vector<float>& values) {
  Tensor tensor(DType::f32, std::move(shape));
  for (size_t i = 0; i < values.size(); ++i) tensor.put(static_cast<int64_t>(i), values[i]);
  return tensor;
}

std::vector<double> numbers_of(const Tensor& tensor) {
  std::vector<double> numbers;
  for (int64_t i = 0; i < tensor.count(); ++i) numbers.push_back(tensor.number(i));
  return numbers;
}

std::vector<Tensor> results(const std::string& file, const std::vector<Tensor>& inputs) {
  return evaluate(*import_text(file).graph, inputs);
}

Proto add(const Attributes& attributes, std::string_view op = "Add") {
  return node(op, {"x", "w"}, {"y"}, "", attributes);
}

TEST(LegacyRows, BroadcastingStandsWhereAxisSays) {
  const std::vector<Proto> inputs{value("x", {"n", "3", "4", "5"}), value("w", {"3", "4"})};
  EXPECT_EQ(lines(6, add({integer("broadcast", 1), integer("axis", 1)}), inputs),
            "  %y.aligned = Unsqueeze(%w) axes=[2] : f32[3,4,1]  # y\n"
            "  %y = Add(%x, %y.aligned) : f32[n,3,4,5]  # y\n");
  EXPECT_EQ(lines(6, add({integer("broadcast", 1), integer("axis", -3)}, "Pow"), inputs),
            "  %y.aligned = Unsqueeze(%w) axes=[2] : f32[3,4,1]  # y\n"
            "  %y = Pow(%x, %y.aligned) : f32[n,3,4,5]  # y\n");
  const std::vector<Proto> suffix{value("x", {"2", "3"}), value("w", {"3"})};
  for (const Attributes& plain : {Attributes{integer("broadcast", 1)},
                                  Attributes{integer("broadcast", 1), integer("axis", 1)}})
    EXPECT_EQ(lines(1, add(plain, "Sub"), suffix), "  %y = Sub(%x, %w) : f32[2,3]  # y\n");
  EXPECT_EQ(lines(6, add({integer("broadcast", 1), integer("axis", 0)}, "Mul"),
                  {value("x", {"2", "3"}), value("w", {})}),
            "  %y = Mul(%x, %w) : f32[2,3]  # y\n");
  EXPECT_EQ(lines(6, add({}, "Div"), {value("x", {"n"}), value("w", {"n"})}),
            "  %y = Div(%x, %w) : f32[n]  # y\n");
}

TEST(LegacyRows, BroadcastingOfOpset1GivesTheNumbersOfItsMeaning) {
  const std::string file = model_at(
      1, add({integer("broadcast", 1), integer("axis", 0), integers("consumed_inputs", {0})}),
      {value("x", {"2", "3"}), value("w", {"2"})});
  const auto got = results(file, {of_floats({2, 3}, {0, 1, 2, 3, 4, 5}), of_floats({2}, {10, 20})});
  EXPECT_EQ(numbers_of(got.at(0)), (std::vector<double>{10, 11, 12, 23, 24, 25}));
}

TEST(LegacyRows, LogicAndComparisonBroadcastTheSameWay) {
  for (const std::string_view op : {"And", "Or", "Xor"})
    EXPECT_EQ(lines(6, add({integer("broadcast", 1), integer("axis", 0)}, op),
                    {value("x", {"2", "3"}, kBool), value("w", {"2"}, kBool)}),
              cat("  %y.aligned = Unsqueeze(%w) axes=[1] : bool[2,1]  # y\n  %y = ", op,
                  "(%x, %y.aligned) : bool[2,3]  # y\n"));
  for (const std::string_view op : {"Equal", "Greater", "Less"})
    EXPECT_EQ(lines(6, add({integer("broadcast", 1)}, op),
                    {value("x", {"2", "3"}, kI64), value("w", {"3"}, kI64)}),
              cat("  %y = ", op, "(%x, %w) : bool[2,3]  # y\n"));
}

TEST(LegacyRows, WrongBroadcastsAreErrors) {
  const std::vector<Proto> inputs{value("x", {"2", "3"}), value("w", {"3"})};
  const auto has = [&](const Attributes& attributes, std::string_view what) {
    const std::string error = error_at(6, add(attributes), inputs);
    EXPECT_NE(error.find(what), std::string::npos) << error;
  };
  has({}, "2x3 and 3 without attribute broadcast");
  has({integer("broadcast", 1), integer("axis", 2)}, "axis 2 for operands of 2 and 1 dimensions");
  has({integer("broadcast", 1), integer("axis", -3)}, "axis -3");
  has({integer("broadcast", 1), integer("axis", INT64_MIN)}, "axis -9223372036854775808");
  EXPECT_NE(error_at(6, node("Add", {"x"}, {"y"}), inputs).find("wanted 2"), std::string::npos);
  // From opset 7 on the attributes are not there.
  EXPECT_NE(error_at(7, add({integer("broadcast", 1)}), inputs).find("broadcast"),
            std::string::npos);
}

TEST(LegacyRows, PReluSlopeBelongsToChannels) {
  const Proto prelu = node("PRelu", {"x", "w"}, {"y"});
  const std::vector<Proto> inputs{value("x", {"1", "3", "2"}), value("w", {"3"})};
  EXPECT_EQ(lines(6, prelu, inputs),
            "  %y.aligned = Unsqueeze(%w) axes=[1] : f32[3,1]  # y\n"
            "  %y = PRelu(%x, %y.aligned) : f32[1,3,2]  # y\n");
  EXPECT_EQ(lines(6, prelu, {value("x", {"1", "3", "2"}), value("w", {"1"})}),
            "  %y = PRelu(%x, %w) : f32[1,3,2]  # y\n");
}

TEST(LegacyRows, GemmBroadcastsOnRequest) {
  const std::vector<Proto> inputs{value("x", {"2", "3"}), value("w", {"3", "4"}),
                                  value("c", {"4"})};
  const auto gemm = [](const Attributes& attributes) {
    return node("Gemm", {"x", "w", "c"}, {"y"}, "", attributes);
  };
  EXPECT_EQ(lines(6, gemm({integer("broadcast", 1)}), inputs),
            "  %y = Gemm(%x, %w, %c) : f32[2,4]  # y\n");
  EXPECT_NE(error_at(6, gemm({}), inputs).find("1 dimensions and attribute broadcast is 0"),
            std::string::npos);
}

TEST(LegacyRows, CastNamesItsTypeBeforeOpset6) {
  const auto cast = [](const Proto& to) { return node("Cast", {"x"}, {"y"}, "", {to}); };
  EXPECT_EQ(lines(5, cast(text("to", "FLOAT16")), {value("x")}),
            "  %y = Cast(%x) to=f16 : f16[2]  # y\n");
  EXPECT_EQ(lines(1, cast(text("to", "INT64")), {value("x")}),
            "  %y = Cast(%x) to=i64 : i64[2]  # y\n");
  EXPECT_NE(error_at(5, cast(text("to", "float")), {value("x")}).find("\"float\" does not exist"),
            std::string::npos);
  EXPECT_NE(error_at(6, cast(text("to", "FLOAT")), {value("x")}).find("wanted an integer"),
            std::string::npos);
}

TEST(LegacyRows, WhatBecameAnOperandIsAnAttribute) {
  const std::vector<Proto> x{value("x", {"2", "6"})};
  EXPECT_EQ(lines(4, node("Reshape", {"x"}, {"y"}, "", {integers("shape", {0, -1, 2})}), x),
            "  %y = Reshape(%x) shape=[0,-1,2] : f32[2,3,2]  # y\n");
  EXPECT_NE(error_at(1, node("Reshape", {"x"}, {"y"}), x).find("shape is missing"),
            std::string::npos);
  EXPECT_EQ(lines(1, node("Pad", {"x"}, {"y"}, "", {integers("paddings", {0, 1, 0, 2})}), x),
            "  %y = Pad(%x) pads=[0,1,0,2] : f32[2,9]  # y\n");
  EXPECT_EQ(
      lines(1,
            node("Split", {"x"}, {"y", "z"}, "", {integer("axis", 1), integers("split", {2, 4})}),
            x),
      "  %y, %z = Split(%x) axis=1 split=[2,4] : f32[2,2], f32[2,4]  # y\n");
  EXPECT_EQ(lines(3, node("Concat", {"x", "x"}, {"y"}), x),
            "  %y = Concat(%x, %x) axis=1 : f32[2,12]  # y\n");
  EXPECT_NE(error_at(4, node("Concat", {"x", "x"}, {"y"}), x).find("axis\" is missing"),
            std::string::npos);
}

TEST(LegacyRows, SplitOfOpset1TakesSizesAsAnOperand) {
  const std::string file =
      model_at(1, node("Split", {"x", "sizes"}, {"y", "z"}, "", {integer("axis", 0)}),
               {value("x", {"3"})}, {floats("sizes", {2}, {1, 2})}, {value("y"), value("z")});
  const auto got = results(file, {of_floats({3}, {7, 8, 9})});
  EXPECT_EQ(numbers_of(got.at(0)), (std::vector<double>{7}));
  EXPECT_EQ(numbers_of(got.at(1)), (std::vector<double>{8, 9}));
}

TEST(LegacyRows, TileOfOpset1RepeatsAlongOneAxis) {
  const auto tile = [](float axis) {
    return model_at(5, node("Tile", {"x", "tiles", "axis"}, {"y"}), {value("x", {"2", "2"})},
                    {floats("tiles", {1}, {2}), floats("axis", {1}, {axis})});
  };
  const Tensor x = of_floats({2, 2}, {1, 2, 3, 4});
  EXPECT_EQ(numbers_of(results(tile(1), {x}).at(0)), (std::vector<double>{1, 2, 1, 2, 3, 4, 3, 4}));
  EXPECT_EQ(numbers_of(results(tile(0), {x}).at(0)), (std::vector<double>{1, 2, 3, 4, 1, 2, 3, 4}));
  for (const float axis : {2.0f, -1.0f, 0.5f, NAN})
    EXPECT_NE(error_of(tile(axis)).find("but the input has 2 dimensions"), std::string::npos)
        << axis;
}

TEST(LegacyRows, UpsampleOfOpset1ScalesAPlane) {
  const auto upsample = [](std::string_view mode, const Attributes& scales) {
    Attributes attributes = scales;
    attributes.push_back(text("mode", mode));
    return model_at(1, node("Upsample", {"x"}, {"y"}, "", attributes),
                    {value("x", {"1", "1", "1", "2"})});
  };
  const Attributes scales{real("height_scale", 1), real("width_scale", 2)};
  const Tensor x = of_floats({1, 1, 1, 2}, {1, 3});
  EXPECT_EQ(numbers_of(results(upsample("nearest", scales), {x}).at(0)),
            (std::vector<double>{1, 1, 3, 3}));
  EXPECT_EQ(numbers_of(results(upsample("bilinear", scales), {x}).at(0)),
            (std::vector<double>{1, 2, 3, 3}));
  EXPECT_NE(error_of(upsample("linear", scales)).find("wanted nearest, bilinear"),
            std::string::npos);
  EXPECT_NE(error_of(upsample("nearest", {})).find("scale"), std::string::npos);
}

TEST(LegacyRows, LpPoolsOfOpset1HaveAFloatExponent) {
  const auto pool = [](float p) { return node("GlobalLpPool", {"x"}, {"y"}, "", {real("p", p)}); };
  const std::vector<Proto> x{value("x", {"1", "1", "4"})};
  EXPECT_NE(lines(1, pool(1), x).find("ReduceL1(%x)"), std::string::npos);
  EXPECT_NE(error_at(1, pool(1.5f), x).find("p is 1.5"), std::string::npos);
  EXPECT_NE(error_at(1, pool(NAN), x).find("p is nan"), std::string::npos);
  EXPECT_NE(error_at(2, pool(1), x).find("wanted an integer"), std::string::npos);
}

TEST(LegacyRows, RecurrencesIgnoreOutputSequence) {
  const std::vector<Proto> inputs{value("x", {"4", "1", "2"}), value("w", {"1", "9", "2"}),
                                  value("r", {"1", "9", "3"})};
  const auto gru = [](int64_t flag) {
    return node("GRU", {"x", "w", "r"}, {"y"}, "",
                {integer("hidden_size", 3), integer("output_sequence", flag)});
  };
  for (const int64_t flag : {0, 1})
    EXPECT_NE(lines(6, gru(flag), inputs).find("f32[4,1,1,3]"), std::string::npos);
  EXPECT_NE(error_at(7, gru(1), inputs).find("output_sequence"), std::string::npos);
}

// Batch statistics of {1, 3}: mean 2, variance 1. Running ones: mean 10, variance 4.
std::string batch_norm(const Attributes& attributes, const Names& outputs) {
  std::vector<Proto> declared;
  for (const std::string& output : outputs) declared.push_back(value(output));
  Attributes all = attributes;
  all.push_back(real("epsilon", 0));
  all.push_back(real("momentum", 0.5f));
  return model_at(
      6, node("BatchNormalization", {"x", "s", "b", "m", "v"}, outputs, "", all),
      {value("x", {"2", "1"})},
      {floats("s", {1}, {2}), floats("b", {1}, {1}), floats("m", {1}, {10}), floats("v", {1}, {4})},
      declared);
}

TEST(LegacyRows, BatchNormalizationTellsItsModeByIsTest) {
  const Tensor x = of_floats({2, 1}, {1, 3});
  EXPECT_EQ(numbers_of(results(batch_norm({integer("is_test", 1)}, {"y"}), {x}).at(0)),
            (std::vector<double>{-8, -6}));
  const auto got = results(batch_norm({}, {"y", "mean", "var", "saved", "spread"}), {x});
  EXPECT_EQ(numbers_of(got.at(0)), (std::vector<double>{-1, 3}));
  EXPECT_EQ(numbers_of(got.at(1)), (std::vector<double>{6}));
  EXPECT_EQ(numbers_of(got.at(2)), (std::vector<double>{2.5}));
  EXPECT_EQ(numbers_of(got.at(3)), (std::vector<double>{2}));
  EXPECT_EQ(numbers_of(got.at(4)), (std::vector<double>{1}));
  EXPECT_NE(error_of(batch_norm({integer("spatial", 0)}, {"y"})).find("spatial is 0"),
            std::string::npos);
}

TEST(LegacyRows, BatchNormalizationMayHaveStatisticsForEveryElement) {
  const std::string file = model_at(7,
                                    node("BatchNormalization", {"x", "s", "b", "m", "v"}, {"y"}, "",
                                         {integer("spatial", 0), real("epsilon", 3)}),
                                    {value("x", {"n", "1", "2"})},
                                    {floats("s", {1, 2}, {2, 4}), floats("b", {1, 2}, {0, 1}),
                                     floats("m", {1, 2}, {1, 2}), floats("v", {1, 2}, {1, 13})});
  EXPECT_EQ(numbers_of(results(file, {of_floats({1, 1, 2}, {3, 6})}).at(0)),
            (std::vector<double>{2, 5}));
}

TEST(LegacyRows, ConsumedInputsAreIgnoredBeforeOpset6Only) {
  const Proto relu = node("Relu", {"x"}, {"y"}, "", {integers("consumed_inputs", {0})});
  EXPECT_EQ(lines(5, relu, {value("x", {"2"}, kF16)}), "  %y = Relu(%x) : f16[2]  # y\n");
  EXPECT_NE(error_at(6, relu, {value("x", {"2"}, kF32)}).find("consumed_inputs"),
            std::string::npos);
}

TEST(LegacyRows, DropoutSaysWhetherItTrains) {
  const std::vector<Proto> inputs{value("x", {"2"})};
  const auto call = [](int64_t is_test) {
    return node("Dropout", {"x"}, {"y"}, "", {integer("is_test", is_test)});
  };
  EXPECT_EQ(lines(6, call(1), inputs), "  %y = Identity(%x) : f32[2]  # y\n");
  EXPECT_NE(error_at(6, call(0), inputs).find("is_test is 0"), std::string::npos);
}

}  // namespace hone::test::legacy_rows_test
