// Spatial and signal operators whose versions differ: what one node becomes, in text.

#include <gtest/gtest.h>

#include "import/onnx_writer.hpp"

namespace hone::test::spatial_rows_test {

constexpr int64_t kI64 = 7;

/// The line of node y in a model whose graph inputs are `inputs`.
std::string line(const Proto& only_node, const std::vector<Proto>& inputs, int64_t opset) {
  const Proto body = graph({.nodes = {only_node}, .inputs = inputs});
  const std::string text = printed(model({.graph = body, .opsets = {{"", opset}}}));
  return text.substr(text.find("%y ="));
}

TEST(SpatialRows, TheAxisOfDftWasAnAttribute) {
  const std::vector<Proto> inputs{value("x", {"2", "4", "6", "1"})};
  EXPECT_EQ(line(node("DFT", {"x"}, {"y"}), inputs, 17),
            "%y = DFT(%x) axis=[1] : f32[2,4,6,2]  # y\n");
  EXPECT_EQ(line(node("DFT", {"x"}, {"y"}, "", {integer("axis", -2), integer("onesided", 1)}),
                 inputs, 19),
            "%y = DFT(%x) axis=[-2] onesided=true : f32[2,4,4,2]  # y\n");
  EXPECT_EQ(line(node("DFT", {"x"}, {"y"}), inputs, 20), "%y = DFT(%x) : f32[2,4,6,2]  # y\n");
}

TEST(SpatialRows, ModesOfGridSampleHadOtherNames) {
  const std::vector<Proto> inputs{value("x", {"1", "1", "4", "4"}),
                                  value("g", {"1", "2", "3", "2"})};
  const auto sample = [&](std::string_view mode) {
    return node("GridSample", {"x", "g"}, {"y"}, "", {text("mode", mode)});
  };
  EXPECT_EQ(line(sample("bicubic"), inputs, 16),
            "%y = GridSample(%x, %g) mode=cubic : f32[1,1,2,3]  # y\n");
  EXPECT_EQ(line(sample("cubic"), inputs, 20), line(sample("bicubic"), inputs, 16));
  const std::string error = error_of(model(
      {.graph = graph({.nodes = {sample("linear")}, .inputs = inputs}), .opsets = {{"", 16}}}));
  EXPECT_NE(error.find("wanted bilinear"), std::string::npos) << error;
}

TEST(SpatialRows, RoiAlignOfOpset10HasPixelsAtWholeNumbers) {
  const std::vector<Proto> inputs{value("x", {"1", "1", "4", "4"}), value("r", {"n", "4"}),
                                  value("i", {"n"}, kI64)};
  const Proto align = node("RoiAlign", {"x", "r", "i"}, {"y"});
  EXPECT_EQ(line(align, inputs, 10),
            "%y = RoiAlign(%x, %r, %i) coordinate_transformation_mode=output_half_pixel"
            " : f32[n,1,1,1]  # y\n");
  EXPECT_EQ(line(align, inputs, 16), "%y = RoiAlign(%x, %r, %i) : f32[n,1,1,1]  # y\n");
}

TEST(SpatialRows, BoxesThatAreLeftAreBounded) {
  const Proto boxes = value("b", {"1", "n", "4"}), scores = value("s", {"1", "80", "n"});
  const std::string text =
      printed(model({.graph = graph({.nodes = {node("NonMaxSuppression", {"b", "s", "m"}, {"y"})},
                                     .inputs = {boxes, scores},
                                     .tensors = {int64s("m", {100})}}),
                     .opsets = {{"", 11}}}));
  EXPECT_NE(text.find("require y_d0 <= 8000"), std::string::npos) << text;
  EXPECT_NE(text.find("require y_d0 <= 80*n"), std::string::npos) << text;
  EXPECT_NE(text.find("i64[y_d0,3]"), std::string::npos) << text;
}

}  // namespace hone::test::spatial_rows_test
