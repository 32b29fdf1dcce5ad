// Operators of com.microsoft that import as several ops: values, by reference evaluation of the
// imported graph. Wanted values are ONNX Runtime 1.31's where no sum in a comment says otherwise.

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "import/onnx_writer.hpp"
#include "ir/evaluation.hpp"

namespace hone::test {
namespace {

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
                             std::string_view domain = kMicrosoft) {
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
                           : type == DType::i32 ? 6
                                                : 7));
    given.push_back(operands[i]);
  }
  for (const std::string& output : outputs)
    if (!output.empty()) results.push_back(value(output));
  const Proto body = graph({.nodes = {node(op, inputs, outputs, "", attributes, domain)},
                            .inputs = values,
                            .outputs = results});
  const Imported imported =
      import_text(model({.graph = body, .opsets = {{"", 21}, {std::string(kMicrosoft), 1}}}));
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

}  // namespace
}  // namespace hone::test
