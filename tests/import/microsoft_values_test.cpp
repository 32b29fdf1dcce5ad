// Operators of com.microsoft that import as several ops: values, by reference evaluation of the
// imported graph. Wanted values are ONNX Runtime 1.31's where no sum in a comment says otherwise.

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "import/onnx_writer.hpp"
#include "ir/evaluation/evaluation.hpp"
#include "support/refusal.hpp"

namespace hone::test::microsoft_values_test {

using Doubles = std::vector<double>;
constexpr std::string_view kMicrosoft = "com.microsoft";

Tensor numbers_of(DType type, std::vector<int64_t> shape, const Doubles& values) {
  Tensor tensor(type, std::move(shape));
  for (size_t i = 0; i < values.size(); ++i) tensor.set_number(static_cast<int64_t>(i), values[i]);
  return tensor;
}
Tensor floats_of(std::vector<int64_t> shape, const Doubles& values) {
  return numbers_of(DType::f32, std::move(shape), values);
}
Tensor ints_of(std::vector<int64_t> shape, const Doubles& values) {
  return numbers_of(DType::i32, std::move(shape), values);
}

/// Results of one node; an empty Tensor is an absent operand.
std::vector<Tensor> run_node(std::string_view op, const std::vector<Tensor>& operands,
                             const Names& outputs, const std::vector<Proto>& attributes = {},
                             std::string_view domain = kMicrosoft, int64_t opset = 21) {
  Names inputs;
  std::vector<Proto> values, results;
  std::vector<Tensor> given;
  for (size_t i = 0; i < operands.size(); ++i) {
    inputs.push_back(operands[i].empty() ? "" : cat("in", i));
    if (operands[i].empty()) continue;
    Names dims;
    for (const int64_t size : operands[i].shape()) dims.push_back(cat(size));
    const DType type = operands[i].dtype();
    values.push_back(value(inputs.back(), dims,
                           type == DType::f32   ? 1
                           : type == DType::f16 ? 10
                           : type == DType::u8  ? 2
                           : type == DType::i8  ? 3
                           : type == DType::i32 ? 6
                                                : 7));
    given.push_back(operands[i]);
  }
  for (const std::string& output : outputs)
    if (!output.empty()) results.push_back(untyped(output));
  const Proto body = graph({.nodes = {node(op, inputs, outputs, "", attributes, domain)},
                            .inputs = values,
                            .outputs = results});
  const Imported imported =
      import_text(model({.graph = body, .opsets = {{"", opset}, {std::string(kMicrosoft), 1}}}));
  return evaluate(*imported.graph, given);
}

void expect_near(const Tensor& found, const Doubles& wanted) {
  ASSERT_EQ(found.count(), static_cast<int64_t>(wanted.size()));
  for (size_t i = 0; i < wanted.size(); ++i)
    EXPECT_NEAR(found.number(static_cast<int64_t>(i)), wanted[i], 2e-5) << "element " << i;
}

TEST(MicrosoftValues, SkipLayerNormalization) {
  // Sums 4 and 8: mean 6, deviation 2.
  const std::vector<Tensor> y =
      run_node("SkipLayerNormalization",
               {floats_of({1, 1, 2}, {1, 5}), floats_of({1, 2}, {2, 2}), floats_of({2}, {10, 20}),
                floats_of({2}, {1, 2}), floats_of({2}, {1, 1})},
               {"y", "mean", "factor", "sum"});
  expect_near(y[0], {-9, 22});
  expect_near(y[1], {6});
  expect_near(y[2], {0.5});
  expect_near(y[3], {4, 8});
}

TEST(MicrosoftValues, SkipSimplifiedLayerNormalization) {
  // Sums 3 and 4: root of 12.5.
  const std::vector<Tensor> y = run_node("SkipSimplifiedLayerNormalization",
                                         {floats_of({1, 2}, {1, 3}), floats_of({1, 2}, {1, 1}),
                                          floats_of({2}, {1, 2}), floats_of({2}, {1, 0})},
                                         {"y", "", "factor", "sum"});
  const double factor = 1 / std::sqrt(12.5);
  expect_near(y[0], {3 * factor, 8 * factor});
  expect_near(y[1], {factor});
  expect_near(y[2], {3, 4});
}

TEST(MicrosoftValues, SimplifiedLayerNormalizationOfTheDefaultDomain) {
  const std::vector<Tensor> y = run_node(
      "SimplifiedLayerNormalization", {floats_of({1, 2, 1}, {3, 4}), floats_of({2, 1}, {1, 2})},
      {"y", "factor"}, {integer("axis", 1), real("epsilon", 0)}, "");
  const double factor = 1 / std::sqrt(12.5);
  expect_near(y[0], {3 * factor, 8 * factor});
  expect_near(y[1], {factor});
}

TEST(MicrosoftValues, LayerNormalizationBeforeTheStandardsOwn) {
  // 1 and 3: their mean is 2, their deviation 1. The result has the scale's type.
  for (const DType type : {DType::f32, DType::f16}) {
    const std::vector<Tensor> y = run_node(
        "LayerNormalization",
        {numbers_of(type, {1, 2}, {1, 3}), floats_of({2}, {2, 3}), floats_of({2}, {0.5, 0})},
        {"y", "mean", "factor"}, {real("epsilon", 0)}, "", 11);
    expect_near(y[0], {-1.5, 3});
    expect_near(y[1], {2});
    expect_near(y[2], {1});
    EXPECT_EQ(y[0].dtype(), DType::f32);
  }
  const Tensor half = numbers_of(DType::f16, {2}, {2, 3});
  const std::vector<Tensor> y =
      run_node("LayerNormalization", {floats_of({1, 2}, {1, 3}), half}, {"y"}, {}, "", 11);
  EXPECT_EQ(y[0].dtype(), DType::f16);
  expect_near(y[0], {-2, 3});
}

TEST(MicrosoftValues, EmbedLayerNormalization) {
  const Tensor ids = ints_of({1, 2}, {1, 0}), segments = ints_of({1, 2}, {0, 1});
  const Tensor words = floats_of({2, 2}, {1, 2, 3, 4}),
               places = floats_of({3, 2}, {0, 0, 1, 1, 5, 7}),
               kinds = floats_of({2, 2}, {0, 0, -1, 0}), ones = floats_of({2}, {1, 1}),
               zeros = floats_of({2}, {0, 0});
  const auto embed = [&](const Tensor& mask, const Tensor& positions) {
    return run_node("EmbedLayerNormalization",
                    {ids, segments, words, places, kinds, ones, zeros, mask, positions},
                    {"y", "index", "sum"}, {integer("mask_index_type", 1)});
  };
  std::vector<Tensor> y = embed(ints_of({1, 2}, {1, 0}), {});
  expect_near(y[0], {-1, 1, -1, 1});
  expect_near(y[1], {1});
  expect_near(y[2], {3, 4, 1, 3});
  y = embed({}, ints_of({1, 2}, {2, 1}));
  expect_near(y[1], {0});
  expect_near(y[2], {8, 11, 1, 3});
}

// Queries of zero weigh all keys that they see alike, so that y is the mean of the values.

TEST(MicrosoftValues, MultiHeadAttentionMasks) {
  const Tensor zeros = floats_of({1, 2, 1}, {0, 0}), values = floats_of({1, 2, 1}, {2, 6});
  const auto mha = [&](const Tensor& mask, const std::vector<Proto>& more = {}) {
    std::vector<Proto> attributes = more;
    attributes.push_back(integer("num_heads", 1));
    return run_node("MultiHeadAttention", {zeros, zeros, values, {}, mask}, {"y"}, attributes)[0];
  };
  expect_near(mha({}), {4, 4});
  expect_near(mha({}, {integer("unidirectional", 1)}), {2, 4});
  expect_near(mha(ints_of({1, 2}, {0, 1})), {6, 6});
  expect_near(mha(ints_of({1}, {1})), {2, 2});
  expect_near(mha(ints_of({1, 2, 2}, {0, 1, 1, 0})), {6, 2});
  // Lengths 1 and 2, then where each sample begins.
  const Tensor two = floats_of({2, 2, 1}, {0, 0, 0, 0}),
               of_two = floats_of({2, 2, 1}, {2, 6, 4, 8});
  expect_near(
      run_node("MultiHeadAttention", {two, two, of_two, {}, ints_of({8}, {1, 2, 0, 1, 3, 0, 1, 3})},
               {"y"}, {integer("num_heads", 1)})[0],
      {2, 2, 6, 6});
  // What is masked only gets less: weights 1 and 1 / 3.
  expect_near(mha(ints_of({1, 2}, {1, 0}), {real("mask_filter_value", -std::log(3.0f))}), {3, 3});
}

TEST(MicrosoftValues, MultiHeadAttentionLayouts) {
  const Tensor q = floats_of({1, 1, 2}, {0, 0});
  const std::vector<Proto> heads{integer("num_heads", 2)};
  const Tensor past = floats_of({1, 2, 1, 1}, {1, 2}), now = floats_of({1, 1, 2}, {3, 6});
  const std::vector<Tensor> y = run_node(
      "MultiHeadAttention", {q, now, now, {}, {}, {}, past, past}, {"y", "k", "v", "qk"}, heads);
  expect_near(y[0], {2, 4});
  expect_near(y[2], {1, 3, 2, 6});
  expect_near(y[3], {0, 0, 0, 0});
  const Tensor cache = floats_of({1, 2, 2, 1}, {1, 3, 2, 6});
  expect_near(run_node("MultiHeadAttention", {q, cache, cache}, {"y"}, heads)[0], {2, 4});
  // Queries, keys and values in one; the bias is added to each.
  const Tensor packed = floats_of({1, 1, 2, 3, 1}, {0, 1, 5, 0, 1, 7});
  expect_near(run_node("MultiHeadAttention", {packed, {}, {}, floats_of({6}, {0, 0, 0, 0, 10, 20})},
                       {"y"}, heads)[0],
              {15, 27});
  // A buffer that holds one key so far; the second of its places is free.
  const Tensor buffer = floats_of({1, 2, 3, 1}, {1, 9, 9, 2, 9, 9});
  const std::vector<Tensor> shared =
      run_node("MultiHeadAttention", {q, now, now, {}, {}, {}, buffer, buffer, ints_of({1}, {1})},
               {"y", "k", "v"}, heads);
  expect_near(shared[0], {2, 4});
  expect_near(shared[2], {1, 3, 9, 2, 6, 9});
}

// Two beams: the only key so far is the second one's in both.
TEST(MicrosoftValues, MultiHeadAttentionOfBeams) {
  const Tensor buffer = floats_of({2, 1, 3, 1}, {1, 9, 9, 5, 9, 9});
  const Tensor beams = ints_of({1, 2, 3}, {1, 7, 7, 1, 7, 7});
  const auto y = [&](int64_t queries, const Tensor& mask) {
    const Tensor q(DType::f32, {2, queries, 1});
    Tensor v(DType::f32, {2, queries, 1});
    for (int64_t i = 0; i < v.count(); ++i) v.set_number(i, i < queries ? 3 : 7);
    return run_node("MultiHeadAttention",
                    {q, q, v, {}, mask, {}, buffer, buffer, ints_of({1}, {1}), beams},
                    {"y", "k", "v"}, {integer("num_heads", 1)});
  };
  const std::vector<Tensor> one = y(1, {});
  expect_near(one[0], {4, 6});
  expect_near(one[2], {1, 3, 9, 5, 7, 9});
  expect_near(y(1, ints_of({2, 2}, {0, 1, 1, 1}))[0], {3, 6});
  expect_near(y(2, {})[0], {7 / 3.0, 7 / 3.0, 19 / 3.0, 19 / 3.0});  // no beams yet
}

TEST(MicrosoftValues, AttentionProjects) {
  // x = 1: q, k = 0 and v = 2 x + bias 1 for token 1, 6 x + 1 for the next.
  const Tensor x = floats_of({1, 2, 1}, {1, 3}), weights = floats_of({1, 3}, {0, 0, 2}),
               bias = floats_of({3}, {0, 0, 1});
  const auto attention = [&](const Tensor& mask, const Tensor& past, const Names& outputs,
                             const std::vector<Proto>& more = {}) {
    std::vector<Proto> attributes = more;
    attributes.push_back(integer("num_heads", 1));
    return run_node("Attention", {x, weights, bias, mask, past}, outputs, attributes);
  };
  expect_near(attention({}, {}, {"y"})[0], {5, 5});
  expect_near(attention({}, {}, {"y"}, {integer("unidirectional", 1)})[0], {3, 5});
  expect_near(attention(ints_of({2}, {2, 1}), {}, {"y"})[0], {7, 7});  // ends, then starts
  expect_near(attention(ints_of({1}, {1}), {}, {"y"})[0], {3, 3});
  const std::vector<Tensor> y =
      attention({}, floats_of({2, 1, 1, 1, 1}, {0, 11}), {"y", "present"});
  expect_near(y[0], {7, 7});
  expect_near(y[1], {0, 0, 0, 11, 3, 7});
  expect_near(run_node("Attention", {x, floats_of({1, 4}, {0, 0, 1, 2})}, {"y"},
                       {integer("num_heads", 1), integers("qkv_hidden_sizes", {1, 1, 2})})[0],
              {2, 4, 2, 4});
}

// A query of zero has the mean of what the cache holds: new values are rounded and limited first.
TEST(MicrosoftValues, GroupQueryAttentionOfCodes) {
  const Tensor zero = floats_of({1, 1, 2}, {0, 0}), more = floats_of({1, 1, 2}, {3.1, -100});
  const auto run = [&](const Tensor& past, const Tensor& scale, double bits) {
    return run_node("GroupQueryAttention",
                    {zero,
                     zero,
                     more,
                     past,
                     past,
                     ints_of({1}, {1}),
                     ints_of({}, {2}),
                     {},
                     {},
                     {},
                     {},
                     {},
                     scale,
                     scale},
                    {"y", "k", "v"},
                    {integer("num_heads", 1), integer("kv_num_heads", 1),
                     integer("kv_cache_bit_width", static_cast<int64_t>(bits)),
                     text("k_quant_type", "PER_TENSOR"), text("v_quant_type", "PER_TENSOR")});
  };
  const Tensor half = floats_of({1}, {0.5}), halves = floats_of({1, 1, 1, 2}, {0.5, 0.25});
  const std::vector<Tensor> bytes = run(numbers_of(DType::i8, {1, 1, 1, 2}, {10, 20}), half, 8);
  expect_near(bytes[0], {4, -27});
  EXPECT_EQ(bytes[2].dtype(), DType::i8);
  expect_near(bytes[2], {10, 20, 6, -128});
  expect_near(bytes[1], {10, 20, 0, 0});
  // Codes 3 and -2, then 6 and -8, each with 8 added.
  const std::vector<Tensor> pairs =
      run(numbers_of(DType::u8, {1, 1, 1, 1}, {6 << 4 | 11}), half, 4);
  expect_near(pairs[0], {2.25, -2.5});
  expect_near(pairs[2], {6 << 4 | 11, 14});
  const std::vector<Tensor> own = run(numbers_of(DType::i8, {1, 1, 1, 2}, {10, 20}), halves, 8);
  expect_near(own[0], {4, (5 - 32) / 2.0});
  EXPECT_EQ(refusal_of([&] {
              (void)run(numbers_of(DType::i8, {1, 1, 1, 2}, {10, 20}), floats_of({1}, {0}), 8);
            }),
            "invalid_model: a scale is 0, wanted a positive number (GroupQueryAttention y)");
}

TEST(MicrosoftValues, GroupQueryAttentionNormalizesHeads) {
  // The one key becomes 1 by its norm, the weight 3 makes it 3; it is what the cache gets.
  const Tensor x = floats_of({1, 1, 1}, {5}), norm = floats_of({1}, {3});
  const std::vector<Tensor> y =
      run_node("GroupQueryAttention",
               {x,
                x,
                x,
                {},
                {},
                ints_of({1}, {0}),
                ints_of({}, {1}),
                {},
                {},
                {},
                {},
                {},
                {},
                {},
                norm,
                norm},
               {"y", "k", "v"},
               {integer("num_heads", 1), integer("kv_num_heads", 1), real("qk_norm_epsilon", 0)});
  expect_near(y[0], {5});
  expect_near(y[1], {3});
}

}  // namespace hone::test::microsoft_values_test
