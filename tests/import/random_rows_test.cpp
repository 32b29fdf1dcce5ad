// Dropout and the random operators of every version, and others whose versions differ in a type or
// an attribute.

#include <gtest/gtest.h>

#include "import/onnx_writer.hpp"
#include "ir/evaluation/evaluation.hpp"

namespace hone::test::random_rows_test {

constexpr int64_t kF32 = 1, kI64 = 7, kBool = 9, kF64 = 11;
using Attributes = std::vector<Proto>;

std::string model_at(int64_t opset, const Proto& only_node, const std::vector<Proto>& inputs,
                     const Names& outputs = {"y"}) {
  std::vector<Proto> results;
  for (const std::string& name : outputs) results.push_back(untyped(name));
  return model({.graph = graph({{only_node}, inputs, results}), .opsets = {{"", opset}}});
}

std::string lines(int64_t opset, const Proto& only_node, const std::vector<Proto>& inputs,
                  const Names& outputs = {"y"}) {
  const std::string text = printed(model_at(opset, only_node, inputs, outputs));
  return text.substr(text.find('\n') + 1);
}

std::vector<Tensor> results(int64_t opset, const Proto& only_node, const std::vector<Proto>& inputs,
                            const std::vector<Tensor>& given, const Names& outputs = {"y"}) {
  return evaluate(*import_text(model_at(opset, only_node, inputs, outputs)).graph, given);
}

Tensor ones(DType dtype) {
  Tensor tensor(dtype, {2});
  for (int64_t i = 0; i < 2; ++i) tensor.set_number(i, 1);
  return tensor;
}

TEST(RandomRows, DropoutIsTheIdentityOutsideOfTraining) {
  const Proto old = node("Dropout", {"x"}, {"y", "m"}, "", {real("ratio", 0.9f)});
  for (const int64_t opset : {7, 9}) {
    const auto found = results(opset, old, {value("x")}, {ones(DType::f32)}, {"y", "m"});
    EXPECT_TRUE(same_bits(found[0], ones(DType::f32))) << opset;
    EXPECT_TRUE(same_bits(found[1], ones(DType::f32))) << opset;  // a mask of the data's type
  }
  EXPECT_TRUE(same_bits(results(10, old, {value("x")}, {ones(DType::f32)}, {"y", "m"})[1],
                        ones(DType::boolean)));
  const Proto late = node("Dropout", {"x", "r"}, {"y", "m"}, "", {integer("seed", 3)});
  for (const int64_t opset : {12, 13, 22})
    EXPECT_TRUE(
        same_bits(results(opset, late, {value("x"), value("r", {})},
                          {ones(DType::f32), Tensor::scalar(DType::f32, 0.9)}, {"y", "m"})[1],
                  ones(DType::boolean)))
        << opset;
  EXPECT_EQ(
      error_of(model_at(12, old, {value("x")}, {"y", "m"})),
      "unsupported: 1 of 1 nodes cannot be run (net.onnx, opset 12, made by acme-export 2.1):\n  "
      "1x  ai.onnx::Dropout  y  attribute \"ratio\" is not known");  // ratio is an input there
}

// What NumPy gives for RandomState(0).uniform(size=2) >= 0.6: the first is dropped.
TEST(RandomRows, DropoutInTraining) {
  const Proto call = node("Dropout", {"x", "r", "t"}, {"y", "m"}, "", {integer("seed", 0)});
  const std::vector<Proto> inputs{value("x"), value("r", {}), value("t", {}, kBool)};
  const auto found = results(
      22, call, inputs,
      {ones(DType::f32), Tensor::scalar(DType::f32, 0.6), Tensor::scalar(DType::boolean, 1)},
      {"y", "m"});
  EXPECT_EQ(found[1].integers(), (std::vector<int64_t>{0, 1}));
  EXPECT_EQ(found[0].number(0), 0);
  EXPECT_FLOAT_EQ(found[0].at<float>(1), 2.5f);
}

TEST(RandomRows, SeedsAndTypes) {
  const Proto uniform = node("RandomUniform", {}, {"y"}, "",
                             {integers("shape", {2}), real("seed", 0), integer("dtype", kF64)});
  for (const int64_t opset : {7, 22}) {
    const Tensor y = results(opset, uniform, {}, {})[0];
    EXPECT_EQ(y.at<double>(0), 0.5488135039273248) << opset;
    EXPECT_EQ(y.at<double>(1), 0.7151893663724195) << opset;
  }
  EXPECT_EQ(lines(22, node("RandomNormalLike", {"x"}, {"y"}, "", {real("seed", 0.5f)}),
                  {value("x", {"n"}, kF64)}),
            "  %y = RandomNormalLike(%x) dtype=f64 seed=1056964608 : f64[n]  # y\n");
  EXPECT_EQ(
      lines(15, node("Bernoulli", {"x"}, {"y"}, "", {real("seed", 2), integer("dtype", kBool)}),
            {value("x")}),
      "  %y = Bernoulli(%x) dtype=bool seed=2 : bool[2]  # y\n");
  EXPECT_EQ(lines(7,
                  node("Multinomial", {"x"}, {"y"}, "",
                       {real("seed", 1), integer("sample_size", 4), integer("dtype", kI64)}),
                  {value("x", {"n", "3"})}),
            "  %y = Multinomial(%x) dtype=i64 sample_size=4 seed=1 : i64[n,4]  # y\n");
}

TEST(RandomRows, NodesWithoutASeedDifferAndStay) {
  const auto drawn = [](std::string_view name) {
    return results(22, node("RandomUniform", {}, {"y"}, name, {integers("shape", {8})}), {}, {})[0];
  };
  EXPECT_TRUE(same_bits(drawn("/a"), drawn("/a")));
  EXPECT_FALSE(same_bits(drawn("/a"), drawn("/b")));
}

TEST(VersionRows, ModOfFloatsNeedsFmodBeforeOpset28) {
  const std::vector<Proto> inputs{value("x"), value("w")};
  const Proto mod = node("Mod", {"x", "w"}, {"y"});
  EXPECT_NE(error_of(model_at(13, mod, inputs)).find("fmod=1"), std::string::npos);
  EXPECT_EQ(lines(28, mod, inputs), "  %y = Mod(%x, %w) : f32[2]  # y\n");
}

TEST(VersionRows, SpaceToDepthHasAModeFromOpset28) {
  const std::vector<Proto> inputs{value("x", {"1", "2", "2", "2"})};
  const Proto call =
      node("SpaceToDepth", {"x"}, {"y"}, "", {integer("blocksize", 2), text("mode", "CRD")});
  Tensor x(DType::f32, {1, 2, 2, 2});
  for (int64_t i = 0; i < 8; ++i) x.set_number(i, static_cast<double>(i));
  EXPECT_EQ(results(28, call, inputs, {x})[0].integers(),
            (std::vector<int64_t>{0, 1, 2, 3, 4, 5, 6, 7}));
  const Proto plain = node("SpaceToDepth", {"x"}, {"y"}, "", {integer("blocksize", 2)});
  EXPECT_EQ(results(13, plain, inputs, {x})[0].integers(),
            (std::vector<int64_t>{0, 4, 1, 5, 2, 6, 3, 7}));
}

TEST(VersionRows, QLinearMatMulOfSmallFloats) {
  constexpr int64_t kF8 = 17;
  const Names names{"x", "as", "az", "b", "bs", "bz", "ys", "yz"};
  std::vector<Proto> inputs;
  std::vector<Tensor> given;
  for (size_t i = 0; i < names.size(); ++i) {
    const bool scale = i == 1 || i == 4 || i == 6, matrix = i == 0 || i == 3;
    inputs.push_back(value(names[i], matrix ? Names{"1", "1"} : Names{}, scale ? kF32 : kF8));
    const std::vector<int64_t> shape = matrix ? std::vector<int64_t>{1, 1} : std::vector<int64_t>{};
    Tensor tensor(scale ? DType::f32 : DType::f8e4m3fn, shape);
    tensor.set_number(0, matrix ? 3 : scale ? 0.5 : 0);
    given.push_back(std::move(tensor));
  }
  const Tensor y = results(21, node("QLinearMatMul", names, {"y"}), inputs, given)[0];
  EXPECT_EQ(y.dtype(), DType::f8e4m3fn);
  EXPECT_EQ(y.number(0), 4.5);  // 1.5 * 1.5 / 0.5
}

}  // namespace hone::test::random_rows_test
