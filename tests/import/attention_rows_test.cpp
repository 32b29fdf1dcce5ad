// Rows of src/import/onnx/families/attention.cpp and its kin: what one node becomes, in text.

#include <gtest/gtest.h>

#include "import/onnx_writer.hpp"

namespace hone::test {
namespace {

constexpr int64_t kI64 = 7;
constexpr std::string_view kMicrosoft = "com.microsoft";

/// The nodes' lines of a model whose graph inputs are `inputs`; the first is x.
std::string lines(const Proto& only_node, const std::vector<Proto>& inputs, int64_t opset = 28) {
  const Proto body = graph({.nodes = {only_node}, .inputs = inputs});
  const std::string text =
      printed(model({.graph = body, .opsets = {{"", opset}, {std::string(kMicrosoft), 1}}}));
  return text.substr(text.find('\n') + 1);
}
std::string refusal(const Proto& only_node, const std::vector<Proto>& inputs, int64_t opset = 28) {
  const Proto body = graph({.nodes = {only_node}, .inputs = inputs});
  return error_of(model({.graph = body, .opsets = {{"", opset}, {std::string(kMicrosoft), 1}}}));
}

TEST(AttentionRows, RotaryEmbedding) {
  const std::vector<Proto> inputs{value("x", {"n", "s", "16"}), value("c", {"9", "2"}),
                                  value("p", {"n", "s"}, kI64)};
  EXPECT_EQ(lines(node("RotaryEmbedding", {"x", "c", "c", "p"}, {"y"}, "",
                       {integer("num_heads", 4), integer("interleaved", 1)}),
                  inputs),
            "  %y = RotaryEmbedding(%x, %c, %c, %p) interleaved=true num_heads=4 "
            ": f32[n,s,16]  # y\n");
  EXPECT_NE(refusal(node("RotaryEmbedding", {"x", "c", "c", "p"}, {"y"}), inputs).find("num_heads"),
            std::string::npos);
  EXPECT_EQ(lines(node("RotaryEmbedding", {"x", "p", "c", "c"}, {"y"}, "",
                       {real("scale", 1), integer("is_packed_batching", 0)}, kMicrosoft),
                  inputs),
            "  %y = RotaryEmbedding(%x, %c, %c, %p) : f32[n,s,16]  # y\n");
}

TEST(AttentionRows, SwiGluIsASwishAndAProduct) {
  const std::vector<Proto> inputs{value("x", {"n", "2"}), value("b", {"n", "2"}),
                                  value("c", {"n", "1"})};
  EXPECT_EQ(lines(node("SwiGLU", {"x", "b"}, {"y"}, "", {real("alpha", 2)}), inputs),
            "  %y.swish = Swish(%x) alpha=2 : f32[n,2]  # y\n"
            "  %y = Mul(%y.swish, %b) : f32[n,2]  # y\n");
  EXPECT_NE(refusal(node("SwiGLU", {"x", "c"}, {"y"}), inputs).find("same shape"),
            std::string::npos);
}

TEST(AttentionRows, TensorScatter) {
  const std::vector<Proto> inputs{value("x", {"n", "8", "2"}), value("u", {"n", "s", "2"}),
                                  value("w", {"n"}, kI64)};
  EXPECT_EQ(lines(node("TensorScatter", {"x", "u", "w"}, {"y"}, "",
                       {integer("axis", 1), text("mode", "circular")}),
                  inputs),
            "  require s <= 8\n"
            "  %y = TensorScatter(%x, %u, %w) axis=1 mode=circular : f32[n,8,2]  # y\n");
}

}  // namespace
}  // namespace hone::test
