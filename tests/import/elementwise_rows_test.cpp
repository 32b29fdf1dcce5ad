// Rows of src/import/onnx/families that do more than rename: what one node becomes, in text.

#include <gtest/gtest.h>

#include "import/onnx_writer.hpp"

namespace hone::test::elementwise_rows_test {

constexpr int64_t kF32 = 1, kU8 = 2, kI8 = 3, kI64 = 7, kF16 = 10;

/// The nodes' lines of a model whose graph inputs are `inputs`; the first is x.
std::string lines(const Proto& only_node, const std::vector<Proto>& inputs, int64_t opset,
                  std::string_view domain = "", const std::vector<Proto>& tensors = {}) {
  std::vector<std::pair<std::string, int64_t>> opsets{{"", opset}};
  if (!domain.empty()) opsets.emplace_back(domain, 1);
  const Proto body = graph({.nodes = {only_node}, .inputs = inputs, .tensors = tensors});
  const std::string text = printed(model({.graph = body, .opsets = opsets}));
  return text.substr(text.find('\n') + 1);
}

TEST(ElementwiseRows, ClipTakesBoundsFromAttributesBeforeOpset11) {
  const auto clip = [](const std::vector<Proto>& attributes) {
    return node("Clip", {"x"}, {"y"}, "", attributes);
  };
  EXPECT_EQ(lines(clip({real("min", 0), real("max", 6)}), {value("x")}, 7),
            "  %y = Clip(%x, f32{0}, f32{6}) : f32[2]  # y\n");
  EXPECT_EQ(lines(clip({real("max", 6)}), {value("x", {"2"}, kF16)}, 10),
            "  %y = Clip(%x, _, f16{6}) : f16[2]  # y\n");
  EXPECT_EQ(lines(clip({}), {value("x")}, 10), "  %y = Clip(%x) : f32[2]  # y\n");
  const std::string late =
      error_of(model({.graph = graph({.nodes = {clip({real("max", 6)})}}), .opsets = {{"", 11}}}));
  EXPECT_NE(late.find("max"), std::string::npos) << late;
}

TEST(ElementwiseRows, CastLikeBecomesCast) {
  EXPECT_EQ(
      lines(node("CastLike", {"x", "like"}, {"y"}), {value("x"), value("like", {"n"}, kI64)}, 19),
      "  %y = Cast(%x) to=i64 : i64[2]  # y\n");
  EXPECT_EQ(lines(node("Cast", {"x"}, {"y"}, "", {integer("to", 24), text("round_mode", "down")}),
                  {value("x")}, 24),
            "  %y = Cast(%x) to=f8e8m0 round_mode=down : f8e8m0[2]  # y\n");
  EXPECT_NE(error_of(model_of({node("Cast", {"x"}, {"y"})})).find("to is missing"),
            std::string::npos);
}

TEST(ElementwiseRows, QuantizedTypesComeFromTheZeroPoint) {
  const std::vector<Proto> inputs{value("x", {"2"}, kF16), value("s", {}, kF16),
                                  value("z", {}, kI8)};
  EXPECT_EQ(lines(node("QuantizeLinear", {"x", "s", "z"}, {"y"}), inputs, 19),
            "  %y = QuantizeLinear(%x, %s, %z) output_dtype=i8 precision=f16 : i8[2]  # y\n");
  EXPECT_EQ(lines(node("QuantizeLinear", {"x", "s"}, {"y"}, "",
                       {integer("output_dtype", 5), integer("precision", kF32)}),
                  inputs, 23),
            "  %y = QuantizeLinear(%x, %s) output_dtype=i16 : i16[2]  # y\n");
  EXPECT_EQ(lines(node("DequantizeLinear", {"x", "s"}, {"y"}, "", {integer("axis", 0)}),
                  {value("x", {"2"}, kU8), value("s", {"2"}, kF16)}, 13),
            "  %y = DequantizeLinear(%x, %s) axis=0 output_dtype=f16 : f16[2]  # y\n");
}

TEST(ElementwiseRows, MicrosoftVariants) {
  const std::string_view domain = "com.microsoft";
  EXPECT_EQ(lines(node("FastGelu", {"x"}, {"y"}, "", {}, domain), {value("x")}, 17, domain),
            "  %y = Gelu(%x) approximate=tanh : f32[2]  # y\n");
  EXPECT_EQ(lines(node("QuickGelu", {"x"}, {"y"}, "", {}, domain), {value("x")}, 17, domain),
            "  %y = Swish(%x) alpha=1.702 : f32[2]  # y\n");
  const std::string pooled =
      lines(node("QLinearGlobalAveragePool", {"x", "s", "", "s"}, {"y"}, "",
                 {integer("channels_last", 1)}, domain),
            {value("x", {"n", "4", "5", "3"}, kU8), value("s", {})}, 17, domain);
  EXPECT_NE(pooled.find("Transpose(%x) perm=[0,3,1,2] : u8[n,3,4,5]"), std::string::npos) << pooled;
  EXPECT_NE(pooled.find("perm=[0,2,3,1] : u8[n,1,1,3]"), std::string::npos) << pooled;
}

TEST(ElementwiseRows, UnknownChoicesAreErrorsOfTheNode) {
  const std::string shift = error_of(model_of({node("BitShift", {"x", "x"}, {"y"})}));
  EXPECT_NE(shift.find("direction is missing"), std::string::npos) << shift;
  const std::string gelu = error_of(model(
      {.graph = graph({.nodes = {node("Gelu", {"x"}, {"y"}, "", {text("approximate", "exact")})}}),
       .opsets = {{"", 20}}}));
  EXPECT_NE(gelu.find("wanted none, tanh"), std::string::npos) << gelu;
}

}  // namespace hone::test::elementwise_rows_test
