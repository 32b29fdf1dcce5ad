// Rows of src/import/onnx/families/attention.cpp and its kin: what one node becomes, in text.

#include <gtest/gtest.h>

#include "import/onnx_writer.hpp"

namespace hone::test::attention_rows_test {

constexpr int64_t kI32 = 6, kI64 = 7;
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

TEST(AttentionRows, Attention) {
  const std::vector<Proto> inputs{value("x", {"b", "s", "8"}), value("k", {"b", "t", "4"}),
                                  value("m", {"s", "1"}, 9)};
  const std::vector<Proto> heads{integer("q_num_heads", 4), integer("kv_num_heads", 2)};
  const auto with = [&](std::vector<Proto> more) {
    more.insert(more.begin(), heads.begin(), heads.end());
    return more;
  };
  const auto attention = [](const Names& names, const std::vector<Proto>& attributes) {
    return node("Attention", names, {"y"}, "", attributes);
  };
  EXPECT_EQ(lines(attention({"x", "k", "k"}, with({integer("is_causal", 1), real("scale", 0.5),
                                                   integer("left_window_size", 3)})),
                  inputs),
            "  %y = Attention(%x, %k, %k) is_causal=true q_num_heads=4 kv_num_heads=2 scale=0.5 "
            "left_window_size=3 zero_unseen=true : f32[b,s,8]  # y\n");
  // A mask of one column: for every key in opset 23, for the first since.
  const std::string old = lines(
      attention({"x", "k", "k", "m"}, with({integer("qk_matmul_output_mode", 3)})), inputs, 23);
  EXPECT_NE(old.find("Expand(%m) shape=[1,t] : bool[s,t]"), std::string::npos) << old;
  EXPECT_NE(old.find("qk_matmul_output_mode=probabilities"), std::string::npos) << old;
  EXPECT_EQ(lines(attention({"x", "k", "k", "m"}, heads), inputs, 24).find("Expand"),
            std::string::npos);
  EXPECT_NE(refusal(attention({"x", "k", "k"}, with({integer("left_window_size", 3)})), inputs, 24)
                .find("left_window_size"),
            std::string::npos);
  EXPECT_NE(refusal(attention({"x", "k", "k"}, with({integer("qk_matmul_output_mode", 4)})), inputs)
                .find("wanted 0 to 3"),
            std::string::npos);
}

TEST(AttentionRows, LayersWithAState) {
  const std::vector<Proto> inputs{value("x", {"b", "t", "8"}), value("w", {"t", "1", "3"})};
  EXPECT_EQ(lines(node("LinearAttention", {"x", "x", "x"}, {"y"}, "",
                       {integer("q_num_heads", 2), integer("kv_num_heads", 2),
                        integer("chunk_size", 16), text("update_rule", "linear")}),
                  inputs),
            "  %y = LinearAttention(%x, %x, %x) q_num_heads=2 kv_num_heads=2 update_rule=linear "
            ": f32[b,t,8]  # y\n");
  EXPECT_NE(refusal(node("LinearAttention", {"x", "x", "x"}, {"y"}, "",
                         {integer("q_num_heads", 2), integer("kv_num_heads", 2)}),
                    inputs)
                .find("needs decay"),
            std::string::npos);
  EXPECT_EQ(lines(node("CausalConvWithState", {"x", "w"}, {"y"}, "", {text("activation", "swish")}),
                  inputs),
            "  %y = CausalConvWithState(%x, %w) activation=silu : f32[b,t,8]  # y\n");
}

TEST(AttentionRows, FlexAttentionIsItsParts) {
  const Proto add = graph({.nodes = {node("Add", {"s", "one"}, {"t"})},
                           .inputs = {value("s", {"b", "h", "q", "k"})},
                           .outputs = {value("t")},
                           .tensors = {floats("one", {1}, {1})}});
  const std::vector<Proto> inputs{value("x", {"b", "4", "s", "16"}),
                                  value("k", {"b", "2", "t", "16"})};
  const Proto flex = graph({.nodes = {node("FlexAttention", {"x", "k", "k"}, {"y"}, "",
                                           {body("score_mod", add)}, "ai.onnx.preview")},
                            .inputs = inputs});
  const std::string text =
      printed(model({.graph = flex, .opsets = {{"", 26}, {"ai.onnx.preview", 1}}}));
  EXPECT_NE(text.find("Expand(%y.keys) shape=[b,2,2,t,16]"), std::string::npos) << text;
  EXPECT_NE(text.find("f32{0.5}"), std::string::npos) << text;  // the root of 1 / sqrt(16)
  EXPECT_NE(text.find("%t = Add(%y.scores, f32[1]{1}) : f32[b,4,s,t]"), std::string::npos) << text;
  EXPECT_NE(text.find("Softmax(%t) axis=3"), std::string::npos) << text;
  EXPECT_NE(text.find(" : f32[b,4,s,16]  # y"), std::string::npos) << text;
  const std::vector<Proto> wrong{inputs[0], value("k", {"b", "3", "t", "16"})};
  const Proto three =
      graph({.nodes = {node("FlexAttention", {"x", "k", "k"}, {"y"}, "", {}, "ai.onnx.preview")},
             .inputs = wrong});
  EXPECT_NE(error_of(model({.graph = three, .opsets = {{"", 26}, {"ai.onnx.preview", 1}}}))
                .find("4 query heads for 3"),
            std::string::npos);
}

TEST(AttentionRows, MultiHeadAttention) {
  const std::vector<Proto> inputs{value("x", {"b", "s", "8"}), value("k", {"b", "t", "8"}),
                                  value("m", {"b", "t"}, kI32), value("c", {"b", "2", "t", "4"}),
                                  value("p", {"b", "s", "2", "3", "4"})};
  const auto mha = [](const Names& names, std::vector<Proto> more = {}) {
    more.push_back(integer("num_heads", 2));
    return node("MultiHeadAttention", names, {"y"}, "", more, kMicrosoft);
  };
  EXPECT_EQ(lines(mha({"x", "k", "k"}, {integer("unidirectional", 1)}), inputs),
            "  %y = Attention(%x, %k, %k) is_causal=true q_num_heads=2 kv_num_heads=2 "
            ": f32[b,s,8]  # y\n");
  const std::string masked =
      lines(mha({"x", "k", "k", "", "m"}, {real("mask_filter_value", -5)}), inputs);
  EXPECT_NE(masked.find("f32{0}, f32{-5}"), std::string::npos) << masked;
  EXPECT_NE(masked.find(": f32[b,1,1,t]"), std::string::npos) << masked;
  EXPECT_NE(lines(mha({"x", "c", "c"}), inputs).find("perm=[0,2,1,3]"), std::string::npos);
  EXPECT_NE(lines(mha({"p"}), inputs).find("Split(%p) axis=3 split=[1,1,1]"), std::string::npos);
  EXPECT_NE(refusal(mha({"x"}), inputs).find("key is missing"), std::string::npos);
}

TEST(AttentionRows, GroupQueryAttention) {
  const std::vector<Proto> inputs{value("x", {"b", "s", "64"}), value("n", {"b"}, kI32),
                                  value("t", {}, kI32)};
  const auto gqa = [](std::vector<Proto> more) {
    more.push_back(integer("num_heads", 4)), more.push_back(integer("kv_num_heads", 2));
    return node("GroupQueryAttention", {"x", "", "", "", "", "n", "t"}, {"y", "k", "v"}, "", more,
                kMicrosoft);
  };
  const std::string packed = lines(gqa({integer("local_window_size", 3)}), inputs);
  EXPECT_NE(packed.find("Split(%x) axis=2 split=[32,16,16]"), std::string::npos) << packed;
  EXPECT_NE(packed.find("num_heads=4 kv_num_heads=2 local_window_size=3 "
                        ": f32[b,s,32], f32[b,2,y.places_d0,8], f32[b,2,y.places_d0,8]"),
            std::string::npos)
      << packed;
  EXPECT_NE(refusal(gqa({integer("sliding_window_cache", 1)}), inputs).find("window's size"),
            std::string::npos);
  EXPECT_NE(refusal(gqa({text("k_quant_type", "PER_TENSOR")}), inputs).find("without past_key"),
            std::string::npos);
  const std::vector<Proto> cached{value("x", {"b", "1", "64"}), value("c", {"b", "2", "p", "8"}, 3),
                                  value("n", {"b"}, kI32), value("t", {}, kI32), value("s", {"1"})};
  const auto quantized = [&](int64_t width, std::string_view of_values) {
    return node(
        "GroupQueryAttention", {"x", "", "", "c", "c", "n", "t", "", "", "", "", "", "s", "s"},
        {"y", "k", "v"}, "",
        {integer("num_heads", 4), integer("kv_num_heads", 2), integer("kv_cache_bit_width", width),
         text("k_quant_type", "PER_TENSOR"), text("v_quant_type", of_values)},
        kMicrosoft);
  };
  const std::string codes = lines(quantized(8, "PER_TENSOR"), cached);
  EXPECT_NE(codes.find(" : f32[b,1,32], i8[b,2,"), std::string::npos) << codes;
  EXPECT_NE(refusal(quantized(4, "PER_TENSOR"), cached).find("a cache of i8 with codes of 4 bits"),
            std::string::npos);
  EXPECT_NE(refusal(quantized(8, "PER_CHANNEL"), cached).find("v_quant_type=PER_CHANNEL"),
            std::string::npos);
}

TEST(AttentionRows, LayersShareWhatTellsHowManyKeysThereAre) {
  const auto layer = [](const std::string& x, const std::string& y) {
    return node("GroupQueryAttention", {x, x, x, "", "", "n", "t"}, {y, y + "k", y + "v"}, "",
                {integer("num_heads", 2), integer("kv_num_heads", 2)}, kMicrosoft);
  };
  const Proto body = graph(
      {.nodes = {layer("x", "a"), layer("a", "y")},
       .inputs = {value("x", {"b", "s", "16"}), value("n", {"b"}, kI32), value("t", {}, kI32)},
       .outputs = {untyped("y"), untyped("ak"), untyped("yk")}});
  const std::string text =
      printed(model({.graph = body, .opsets = {{"", 18}, {std::string(kMicrosoft), 1}}}));
  EXPECT_EQ(text.find("ConstantOfShape"), text.rfind("ConstantOfShape")) << text;
  EXPECT_NE(text.find("%y, %yk, %yv = GroupQueryAttention(%a, %a, %a, _, _, %n, %a.total.2) "),
            std::string::npos)
      << text;
}

TEST(AttentionRows, WhatOnnxRuntimeAloneRunsIsToldWell) {
  const auto advice = [](std::string_view op) {
    return refusal(node(op, {"x"}, {"y"}, "", {}, kMicrosoft), {value("x")});
  };
  EXPECT_NE(advice("BeamSearch").find("export the decoder alone"), std::string::npos);
  EXPECT_NE(advice("PackedMultiHeadAttention").find("without packing"), std::string::npos);
  EXPECT_NE(advice("NoSuchOperator").find("ONNX Runtime's own"), std::string::npos);
}

}  // namespace hone::test::attention_rows_test
