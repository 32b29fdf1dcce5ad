// Operators of com.microsoft that become other ops: what one node becomes, in text, or in numbers
// where the text says little (expected ones: ONNX Runtime 1.31).

#include <gtest/gtest.h>

#include "import/onnx_writer.hpp"
#include "ir/evaluation/evaluation.hpp"

namespace hone::test::contrib_rows_test {

constexpr int64_t kF32 = 1, kU8 = 2, kI8 = 3, kI32 = 6, kI64 = 7, kF16 = 10;
constexpr std::string_view kDomain = "com.microsoft";

std::string file(std::string_view op, const Names& names, const std::vector<Proto>& inputs,
                 const std::vector<Proto>& attributes = {}, const std::vector<Proto>& tensors = {},
                 const Names& results = {"y"}) {
  std::vector<Proto> outputs;
  for (const std::string& name : results) outputs.push_back(untyped(name));
  return model({.graph = graph({.nodes = {node(op, names, results, "", attributes, kDomain)},
                                .inputs = inputs,
                                .outputs = outputs,
                                .tensors = tensors}),
                .opsets = {{"", 17}, {std::string(kDomain), 1}}});
}

/// The nodes' lines, without the comments that name them.
std::string lines(const std::string& file) {
  std::string text = printed(file), result;
  text.erase(0, text.find('\n') + 1);
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\n', at);
    const std::string line = text.substr(at, end - at);
    result += line.substr(2, line.find("  # ") - 2) + "\n";
    at = end + 1;
  }
  return result;
}

Tensor counting(std::vector<int64_t> shape) {
  Tensor result(DType::f32, std::move(shape));
  for (int64_t i = 0; i < result.count(); ++i) result.set_number(i, static_cast<double>(i));
  return result;
}

std::vector<double> evaluated(const std::string& file, const std::vector<Tensor>& inputs) {
  const Tensor y = evaluate(*import_text(file).graph, inputs).front();
  std::vector<double> values;
  for (int64_t i = 0; i < y.count(); ++i) values.push_back(y.number(i));
  return values;
}

Proto reals(std::string_view name, const std::vector<float>& values) {
  Proto made = Proto().bytes(1, name).number(20, 6);
  for (const float value : values) made.real(7, value);
  return made;
}

Proto scalar(std::string_view name, int64_t type = kF32) { return value(name, {}, type); }

TEST(ContribRows, FusedConv) {
  const std::vector<Proto> inputs{value("x", {"n", "2", "5"}), value("w", {"3", "2", "3"}),
                                  value("z", {"n", "3", "3"})};
  const Proto slope = reals("activation_params", {0.25F});
  EXPECT_EQ(lines(file("FusedConv", {"x", "w"}, inputs, {text("activation", "LeakyRelu"), slope})),
            "%y.before_activation = Conv(%x, %w) : f32[n,3,3]\n"
            "%y = LeakyRelu(%y.before_activation) alpha=0.25 : f32[n,3,3]\n");
  EXPECT_EQ(lines(file("FusedConv", {"x", "w", "", "z"}, inputs, {text("activation", "Relu")})),
            "%y.convolved = Conv(%x, %w) : f32[n,3,3]\n"
            "%y.before_activation = Add(%y.convolved, %z) : f32[n,3,3]\n"
            "%y = Relu(%y.before_activation) : f32[n,3,3]\n");
  EXPECT_EQ(lines(file("FusedConv", {"x", "w"}, inputs,
                       {text("activation", "Clip"), reals("activation_params", {-1, 6})})),
            "%y.before_activation = Conv(%x, %w) : f32[n,3,3]\n"
            "%y = Clip(%y.before_activation, f32{-1}, f32{6}) : f32[n,3,3]\n");
  const std::string unknown =
      error_of(file("FusedConv", {"x", "w"}, inputs, {text("activation", "Swirl")}));
  EXPECT_NE(unknown.find("the fused activation \"Swirl\""), std::string::npos) << unknown;
}

TEST(ContribRows, ChannelsLast) {
  const std::vector<Proto> inputs{value("x", {"n", "5", "2"}), value("w", {"3", "2", "3"}),
                                  value("z", {"n", "3", "3"})};
  EXPECT_EQ(lines(file("NhwcFusedConv", {"x", "w", "", "z"}, inputs, {text("activation", "Relu")})),
            "%y.channels_first = Transpose(%x) perm=[0,2,1] : f32[n,2,5]\n"
            "%y.convolved = Conv(%y.channels_first, %w) : f32[n,3,3]\n"
            "%y.channels_first.1 = Transpose(%z) perm=[0,2,1] : f32[n,3,3]\n"
            "%y.before_activation = Add(%y.convolved, %y.channels_first.1) : f32[n,3,3]\n"
            "%y.activated = Relu(%y.before_activation) : f32[n,3,3]\n"
            "%y = Transpose(%y.activated) perm=[0,2,1] : f32[n,3,3]\n");
  EXPECT_EQ(lines(file("NhwcMaxPool", {"x"}, {value("x", {"n", "5", "2"}, kI8)},
                       {integers("kernel_shape", {3})})),
            "%y.channels_first = Transpose(%x) perm=[0,2,1] : i8[n,2,5]\n"
            "%y.pooled = MaxPool(%y.channels_first) kernel_shape=[3] : i8[n,2,3]\n"
            "%y = Transpose(%y.pooled) perm=[0,2,1] : i8[n,3,2]\n");
  EXPECT_EQ(lines(file("GroupNorm", {"x", "g", "g"},
                       {value("x", {"n", "h", "4"}, kF16), value("g", {"4"})},
                       {integer("groups", 2), integer("activation", 1)})),
            "%y.channels_first = Transpose(%x) perm=[0,2,1] : f16[n,4,h]\n"
            "%y.real = Cast(%y.channels_first) : f32[n,4,h]\n"
            "%y.normalized = GroupNormalization(%y.real, %g, %g) num_groups=2 : f32[n,4,h]\n"
            "%y.activated = Swish(%y.normalized) : f32[n,4,h]\n"
            "%y.narrow = Cast(%y.activated) to=f16 : f16[n,4,h]\n"
            "%y = Transpose(%y.narrow) perm=[0,2,1] : f16[n,h,4]\n");
  EXPECT_EQ(
      lines(file("SkipGroupNorm", {"x", "g", "g", "s", "g"},
                 {value("x", {"n", "4", "h", "w"}), value("g", {"4"}), value("s", {"n", "4"})},
                 {integer("groups", 2), integer("activation", 0), integer("channels_last", 0)}, {},
                 {"y", "sum"})),
      "%y.skip = Unsqueeze(%s) axes=[2,3] : f32[n,4,1,1]\n"
      "%y.sum = Add(%x, %y.skip) : f32[n,4,h,w]\n"
      "%y.bias = Unsqueeze(%g) axes=[1,2] : f32[4,1,1]\n"
      "%y.sum.1 = Add(%y.sum, %y.bias) : f32[n,4,h,w]\n"
      "%y.normalized = GroupNormalization(%y.sum.1, %g, %g) num_groups=2 : f32[n,4,h,w]\n");
}

TEST(ContribRows, Products) {
  const std::vector<Proto> matrices{value("x", {"k", "4"}), value("w", {"k", "5"})};
  EXPECT_EQ(
      lines(file("FusedMatMul", {"x", "w"}, matrices, {integer("transA", 1), real("alpha", 0.5F)})),
      "%y = Gemm(%x, %w) alpha=0.5 transA=true : f32[4,5]\n");
  EXPECT_EQ(lines(file("FusedGemm", {"x", "w"}, matrices,
                       {integer("transA", 1), text("activation", "HardSigmoid"),
                        real("activation_alpha", 0.25F), real("activation_beta", 0.75F)})),
            "%y.before_activation = Gemm(%x, %w) transA=true : f32[4,5]\n"
            "%y = HardSigmoid(%y.before_activation) alpha=0.25 beta=0.75 : f32[4,5]\n");
  EXPECT_EQ(
      lines(file("TransposeMatMul", {"x", "w"}, {value("x", {"b", "4", "5"}), value("w", {"5"})},
                 {integer("transB", 1), real("alpha", 2)})),
      "%y.product = MatMul(%x, %w) : f32[b,4]\n"
      "%y = Mul(%y.product, f32{2}) : f32[b,4]\n");
  // Batches may stand between rows and columns.
  EXPECT_EQ(evaluated(file("FusedMatMul", {"x", "w"},
                           {value("x", {"3", "b", "2"}), value("w", {"b", "3", "2"})},
                           {integer("transBatchA", 1), integer("transA", 1), real("alpha", 0.5F)}),
                      {counting({3, 2, 2}), counting({2, 3, 2})}),
            (std::vector<double>{20, 26, 23, 30.5, 80, 89, 92, 102.5}));
}

TEST(ContribRows, IntegerProducts) {
  const std::vector<Proto> inputs{value("x", {"n", "4"}, kU8),
                                  value("w", {"4", "5"}, kI8),
                                  scalar("s"),
                                  value("t", {"5"}),
                                  scalar("z", kU8),
                                  value("b", {"5"})};
  EXPECT_EQ(lines(file("MatMulIntegerToFloat", {"x", "w", "s", "t", "z", "", "b"}, inputs)),
            "%y.scale = Mul(%s, %t) : f32[5]\n"
            "%y.sums = MatMulInteger(%x, %w, %z) : i32[n,5]\n"
            "%y.real_sums = Cast(%y.sums) : f32[n,5]\n"
            "%y.product = Mul(%y.real_sums, %y.scale) : f32[n,5]\n"
            "%y = Add(%y.product, %b) : f32[n,5]\n");
  EXPECT_EQ(lines(file("DynamicQuantizeMatMul", {"x", "w", "t"},
                       {value("x", {"n", "4"}), value("w", {"4", "5"}, kI8), value("t", {"5"})})),
            "%y.a0, %y.a1, %y.a2 = DynamicQuantizeLinear(%x) : u8[n,4], f32[], u8[]\n"
            "%y.scale = Mul(%y.a1, %t) : f32[5]\n"
            "%y.sums = MatMulInteger(%y.a0, %w, %y.a2) : i32[n,5]\n"
            "%y.real_sums = Cast(%y.sums) : f32[n,5]\n"
            "%y = Mul(%y.real_sums, %y.scale) : f32[n,5]\n");
  const std::string rows = error_of(file("MatMulIntegerToFloat", {"x", "w", "t", "t"}, inputs));
  EXPECT_NE(rows.find("a scale for each row of A"), std::string::npos) << rows;
}

TEST(ContribRows, QuantizedThroughReals) {
  const std::vector<Proto> inputs{value("x", {"n", "4"}, kI8), scalar("s"), scalar("z", kI8),
                                  scalar("t")};
  EXPECT_EQ(lines(file("QLinearLeakyRelu", {"x", "s", "z", "t"}, inputs, {real("alpha", 0.5F)})),
            "%y.real = DequantizeLinear(%x, %s, %z) : f32[n,4]\n"
            "%y.real_y = LeakyRelu(%y.real) alpha=0.5 : f32[n,4]\n"
            "%y = QuantizeLinear(%y.real_y, %t) output_dtype=i8 : i8[n,4]\n");
  EXPECT_EQ(lines(file("QLinearReduceMean", {"x", "s", "z", "t", "z"}, inputs,
                       {integers("axes", {-1}), integer("keepdims", 0)})),
            "%y.real = DequantizeLinear(%x, %s, %z) : f32[n,4]\n"
            "%y.real_y = ReduceMean(%y.real) axes=[-1] keepdims=false : f32[n]\n"
            "%y = QuantizeLinear(%y.real_y, %t, %z) output_dtype=i8 : i8[n]\n");
  // What has the result's scale already stays as it is.
  EXPECT_EQ(lines(file("QLinearConcat", {"t", "z", "x", "s", "z", "x", "t", "z"}, inputs,
                       {integer("axis", 1)})),
            "%y.real = DequantizeLinear(%x, %s, %z) : f32[n,4]\n"
            "%y.requantized = QuantizeLinear(%y.real, %t, %z) output_dtype=i8 : i8[n,4]\n"
            "%y = Concat(%y.requantized, %x) axis=1 : i8[n,8]\n");
  EXPECT_EQ(lines(file("QLinearWhere", {"c", "x", "s", "z", "x", "t", "z", "t", "z"},
                       {value("x", {"n", "4"}, kI8), scalar("s"), scalar("z", kI8), scalar("t"),
                        value("c", {"4"}, 9)})),
            "%y.real = DequantizeLinear(%x, %s, %z) : f32[n,4]\n"
            "%y.requantized = QuantizeLinear(%y.real, %t, %z) output_dtype=i8 : i8[n,4]\n"
            "%y = Where(%c, %y.requantized, %x) : i8[n,4]\n");
  EXPECT_EQ(lines(file("QLinearSoftmax", {"x", "s", "", "t", "z"}, inputs,
                       {integer("opset", 12), integer("axis", 1)})),
            "%y = QLinearSoftmax(%x, %s, _, %t, %z) axis=1 flatten=true : i8[n,4]\n");
  const std::string odd =
      error_of(file("QLinearConcat", {"t", "z", "x", "s"}, inputs, {integer("axis", 1)}));
  EXPECT_NE(odd.find("has 4 inputs"), std::string::npos) << odd;
}

TEST(ContribRows, Fusions) {
  const std::vector<Proto> inputs{value("x", {"n", "2", "6"}), value("b", {"6"}),
                                  value("m", {"n", "1", "6"})};
  EXPECT_EQ(lines(file("BiasSoftmax", {"x", "m"}, inputs,
                       {integer("axis", 2), integer("is_inner_broadcast", 1)})),
            "%y.biased = Add(%x, %m) : f32[n,2,6]\n"
            "%y = Softmax(%y.biased) axis=2 : f32[n,2,6]\n");
  EXPECT_EQ(lines(file("BiasSplitGelu", {"x", "b"}, inputs)),
            "%y.biased = Add(%x, %b) : f32[n,2,6]\n"
            "%y.half0, %y.half1 = Split(%y.biased) axis=-1 num_outputs=2 : f32[n,2,3], f32[n,2,3]\n"
            "%y.gate = Gelu(%y.half1) : f32[n,2,3]\n"
            "%y = Mul(%y.half0, %y.gate) : f32[n,2,3]\n");
  EXPECT_EQ(lines(file("BiasAdd", {"x", "b", "x"}, inputs)),
            "%y.biased = Add(%x, %b) : f32[n,2,6]\n"
            "%y = Add(%y.biased, %x) : f32[n,2,6]\n");
}

TEST(ContribRows, EarlyForms) {
  EXPECT_EQ(lines(file("Pad", {"x", "pads", "v"}, {value("x", {"n"}), value("v", {"1"})}, {},
                       {header("pads", {1, 2}, kI64).bytes(9, std::string(16, '\0'))})),
            "%y.pads = Reshape(i64[1,2]{0,0}) shape=[-1] : i64[2]\n"
            "%y.value = Reshape(%v) shape=[] : f32[]\n"
            "%y = Pad(%x, %y.pads, %y.value) : f32[n]\n");
  EXPECT_EQ(lines(file("Range", {"a", "x"}, {value("x", {"1"}, kI32), scalar("a", kI32)})),
            "%y.limit = Reshape(%x) shape=[] : i32[]\n"
            "%y = Range(%a, %y.limit, i32{1}) : i32[y_d0]\n");
  EXPECT_EQ(lines(file("ExpandDims", {"x", "a"}, {value("x", {"n"})}, {},
                       {header("a", {}, kI32).bytes(9, std::string("\xff\xff\xff\xff"))})),
            "%y = Unsqueeze(%x) axes=[-1] : f32[n,1]\n");
  EXPECT_EQ(lines(file("Inverse", {"x"}, {value("x", {"n", "3", "3"})})),
            "%y = Inverse(%x) : f32[n,3,3]\n");
}

TEST(ContribRows, UniqueInTheOrderOfTheInput) {
  const std::string text = file("Unique", {"x"}, {value("x", {"n"})}, {}, {}, {"y", "at", "count"});
  Tensor x(DType::f32, {5});
  for (const int64_t i : {0, 3}) x.set_number(i, 7);
  x.set_number(2, -1);
  const std::vector<Tensor> found = evaluate(*import_text(text).graph, {x});
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[0].integers(), (std::vector<int64_t>{7, 0, -1}));
  EXPECT_EQ(found[1].integers(), (std::vector<int64_t>{0, 1, 2, 0, 1}));
  EXPECT_EQ(found[2].integers(), (std::vector<int64_t>{2, 2, 1}));
  EXPECT_EQ(lines(file("Trilu", {"x"}, {value("x", {"n", "m"})}, {integer("upper", 0)})),
            "%y = Trilu(%x) upper=false : f32[n,m]\n");
}

TEST(ContribRows, PackedWeights) {
  const std::vector<Proto> inputs{value("x", {"n", "20"}), value("w", {"3", "2", "8"}, kU8),
                                  value("s", {"6"})};
  EXPECT_EQ(lines(file("MatMulNBits", {"x", "w", "s"}, inputs,
                       {integer("K", 20), integer("N", 3), integer("block_size", 16),
                        integer("accuracy_level", 4)})),
            "%y = MatMulNBits(%x, %w, %s) K=20 N=3 block_size=16 accuracy_level=4 : f32[n,3]\n");
  const std::string prepacked =
      error_of(file("MatMulNBits", {"x", "w", "s"}, inputs,
                    {integer("K", 20), integer("N", 3), integer("block_size", 16),
                     integer("weight_prepacked", 1)}));
  EXPECT_NE(prepacked.find("packed for one device"), std::string::npos) << prepacked;
}

}  // namespace hone::test::contrib_rows_test
