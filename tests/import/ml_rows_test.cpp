// Operators of ai.onnx.ml; the numbers are ONNX Runtime's.

#include <gtest/gtest.h>

#include <cmath>

#include "import/onnx_writer.hpp"
#include "ir/evaluation/evaluation.hpp"

namespace hone::test::ml_rows_test {

constexpr int64_t kF32 = 1, kI32 = 6, kI64 = 7, kString = 8;
using Attributes = std::vector<Proto>;
using Doubles = std::vector<double>;

Proto reals(std::string_view name, const std::vector<float>& values) {
  Proto attribute;
  attribute.bytes(1, name);
  for (const float each : values) attribute.real(7, each);
  return attribute.number(20, 6);
}

Proto texts(std::string_view name, const Names& values) {
  Proto attribute;
  attribute.bytes(1, name);
  for (const std::string& each : values) attribute.bytes(9, each);
  return attribute.number(20, 8);
}

std::string model_of(std::string_view op, const Attributes& attributes, int64_t version,
                     const std::vector<Proto>& inputs, const Names& outputs) {
  Names names;
  for (size_t i = 0; i < inputs.size(); ++i)
    names.push_back(i == 0 ? "x" : "x" + std::to_string(i));
  std::vector<Proto> results;
  for (const std::string& name : outputs) results.push_back(untyped(name));
  return model(
      {.graph = graph({{node(op, names, outputs, "", attributes, "ai.onnx.ml")}, inputs, results}),
       .opsets = {{"", 18}, {"ai.onnx.ml", version}}});
}

Tensor floats_of(std::vector<int64_t> shape, const std::vector<float>& values) {
  Tensor tensor(DType::f32, std::move(shape));
  for (size_t i = 0; i < values.size(); ++i) tensor.put(static_cast<int64_t>(i), values[i]);
  return tensor;
}

/// All results' numbers for one float matrix.
std::vector<Tensor> results(std::string_view op, const Attributes& attributes, const Tensor& x,
                            const Names& outputs = {"y"}, int64_t version = 3) {
  const std::string file = model_of(op, attributes, version,
                                    {value("x", {"n", std::to_string(x.dim(1))}, kF32)}, outputs);
  return evaluate(*import_text(file).graph, {x});
}

void expect_near(const Tensor& got, const Doubles& wanted, double most = 6e-5) {
  ASSERT_EQ(got.count(), static_cast<int64_t>(wanted.size()));
  for (size_t i = 0; i < wanted.size(); ++i)
    EXPECT_NEAR(got.number(static_cast<int64_t>(i)), wanted[i], most) << i;
}

const Tensor kX = floats_of({2, 2}, {1, 2, -1, 0.2f});

TEST(MlRows, LinearRegressor) {
  const Attributes two{integer("targets", 2), reals("coefficients", {.3f, .1f, -.3f, .2f}),
                       reals("intercepts", {0, 0})};
  expect_near(results("LinearRegressor", two, kX)[0], {0.5, 0.1, -0.28, 0.34});
  Attributes soft = two;
  soft.push_back(text("post_transform", "SOFTMAX"));
  expect_near(results("LinearRegressor", soft, kX)[0], {0.5987, 0.4013, 0.3498, 0.6502});
  soft.back() = text("post_transform", "LOGISTIC");
  expect_near(results("LinearRegressor", soft, kX)[0], {0.6225, 0.525, 0.4305, 0.5842});
}

TEST(MlRows, LinearClassifier) {
  Attributes one{reals("coefficients", {.3f, .1f}), reals("intercepts", {.1f}),
                 integers("classlabels_ints", {4, 7})};
  auto found = results("LinearClassifier", one, kX, {"y", "z"});
  EXPECT_EQ(found[0].integers(), (std::vector<int64_t>{7, 4}));
  expect_near(found[1], {0.4, 0.6, 1.18, -0.18});
  one.push_back(text("post_transform", "LOGISTIC"));
  expect_near(results("LinearClassifier", one, kX, {"y", "z"})[1],
              {0.3543, 0.6457, 0.5449, 0.4551});
  const Attributes three{
      reals("coefficients", {.3f, .1f, -.3f, .2f, 0, .1f}), reals("intercepts", {.1f, .2f, 0}),
      texts("classlabels_strings", {"a", "b", "c"}), text("post_transform", "SOFTMAX")};
  found = results("LinearClassifier", three, kX, {"y", "z"});
  EXPECT_EQ(found[0].strings(), (Names{"a", "b"}));
  expect_near(found[1], {0.4147, 0.3072, 0.278, 0.2339, 0.4805, 0.2857});
}

TEST(MlRows, SvmRegressor) {
  const auto of = [](std::string_view kernel, int64_t one_class) {
    return results(
        "SVMRegressor",
        {reals("coefficients", {.3f, .1f}), reals("rho", {.2f}), integer("n_supports", 2),
         reals("support_vectors", {1, 2, 0, 1}), text("kernel_type", kernel),
         reals("kernel_params", {.5f, .25f, 3}), integer("one_class", one_class)},
        kX)[0];
  };
  expect_near(of("LINEAR", 0), {1.9, 0.04});
  expect_near(of("POLY", 0), {6.6344, 0.2043});
  expect_near(of("RBF", 0), {0.5368, 0.2521});
  expect_near(of("SIGMOID", 0), {0.5824, 0.2187});
  expect_near(of("RBF", 1), {1, 1});
}

std::vector<Tensor> machine(const std::vector<int64_t>& labels, const std::vector<int64_t>& vectors,
                            const std::vector<float>& coefficients, const std::vector<float>& rho,
                            Attributes more = {}) {
  more.insert(more.end(),
              {integers("classlabels_ints", labels), integers("vectors_per_class", vectors),
               reals("coefficients", coefficients), reals("rho", rho),
               reals("support_vectors", {1, 2, 0, 1, -1, 0}), text("kernel_type", "RBF"),
               reals("kernel_params", {.5f, .25f, 3})});
  return results("SVMClassifier", more, floats_of({3, 2}, {1, 2, 0, 1, -1, .2f}), {"y", "z"});
}

TEST(MlRows, SvmClassifier) {
  auto found = machine({4, 7}, {2, 1}, {.5f, .25f, -.75f}, {.1f});
  EXPECT_EQ(found[0].integers(), (std::vector<int64_t>{4, 4, 7}));
  expect_near(found[1], {-0.6782, 0.6782, -0.258, 0.258, 0.5116, -0.5116});
  found = machine({4, 7}, {2, 1}, {.5f, .25f, -.75f}, {.1f},
                  {reals("prob_a", {-1}), reals("prob_b", {.2f})});
  EXPECT_EQ(found[0].integers(), (std::vector<int64_t>{4, 4, 7}));
  // Of two classes, too, they are iterated as LIBSVM does: 1 / (1 + exp(0.2 - 0.6782)) is 0.6173.
  expect_near(found[1], {0.6163064, 0.3836936, 0.5145032, 0.4854969, 0.3292344, 0.6707655}, 1e-6);
  const std::vector<float> six{.5f, .25f, -.75f, .1f, .2f, -.3f};
  found = machine({4, 7, 9}, {1, 1, 1}, six, {.1f, .2f, .3f});
  EXPECT_EQ(found[0].integers(), (std::vector<int64_t>{4, 4, 4}));
  expect_near(found[1], {0.692, 0.2863, 0.3681, 0.5339, -0.0391, 0.3896, 0.2235, -0.5325, 0.094});
  found = machine({4, 7, 9}, {1, 1, 1}, six, {.1f, .2f, .3f},
                  {reals("prob_a", {-1, -.5f, -.7f}), reals("prob_b", {.2f, .1f, 0})});
  expect_near(found[1],
              {0.3945453, 0.3001108, 0.3053439, 0.3576634, 0.3234435, 0.3188931, 0.2947942,
               0.340818, 0.3643878},
              1e-6);
}

TEST(MlRows, Features) {
  const Tensor rows = floats_of({3, 2}, {1, -2, 0, 0, -3, -1});
  const auto normalized = [&](std::string_view norm) {
    return results("Normalizer", {text("norm", norm)}, rows)[0];
  };
  expect_near(normalized("MAX"), {1, -2, 0, 0, 3, 1});
  expect_near(normalized("L1"), {0.3333, -0.6667, 0, 0, -0.75, -0.25});
  expect_near(normalized("L2"), {0.4472, -0.8944, 0, 0, -0.9487, -0.3162});
  expect_near(results("Scaler", {reals("scale", {2, 3}), reals("offset", {1, 2})}, kX)[0],
              {0, 0, -4, -5.4});
  expect_near(results("Binarizer", {real("threshold", 1)}, kX)[0], {0, 1, 0, 0});
  const Tensor holes = floats_of({2, 2}, {NAN, 1, 2, NAN});
  expect_near(
      results("Imputer", {reals("imputed_value_floats", {7, 8}), real("replaced_value_float", NAN)},
              holes)[0],
      {7, 1, 2, 8});
  for (const int64_t size : {1, 2, 3}) {
    const Tensor y = results("FeatureVectorizer", {integers("inputdimensions", {size})}, kX)[0];
    ASSERT_EQ(y.shape(), (std::vector<int64_t>{2, size}));
    EXPECT_EQ(y.number(0), 1);
    EXPECT_EQ(y.number(size), -1);
    if (size == 3) {
      EXPECT_EQ(y.number(2), 0);
    }
  }
}

/// x <= 0 ? leaf 1 : leaf 2, and who votes there.
Attributes stump(const std::vector<float>& weights, const std::vector<int64_t>& ids,
                 const std::string& votes) {
  const auto count = static_cast<int64_t>(ids.size());
  std::vector<int64_t> leaves, zeros(static_cast<size_t>(count), 0);
  for (int64_t i = 0; i < count; ++i) leaves.push_back(1 + i % 2);
  return {integers("nodes_treeids", {0, 0, 0}),
          integers("nodes_nodeids", {0, 1, 2}),
          integers("nodes_featureids", {0, 0, 0}),
          reals("nodes_values", {0, 0, 0}),
          texts("nodes_modes", {"BRANCH_LEQ", "LEAF", "LEAF"}),
          integers("nodes_truenodeids", {1, 0, 0}),
          integers("nodes_falsenodeids", {2, 0, 0}),
          integers(votes + "_treeids", zeros),
          integers(votes + "_nodeids", leaves),
          integers(votes + "_ids", ids),
          reals(votes + "_weights", weights)};
}

std::vector<Tensor> classified(const std::vector<float>& weights, const std::vector<int64_t>& ids,
                               const std::vector<int64_t>& labels, std::string_view transform) {
  Attributes attributes = stump(weights, ids, "class");
  attributes.push_back(integers("classlabels_int64s", labels));
  attributes.push_back(text("post_transform", transform));
  return results("TreeEnsembleClassifier", attributes, floats_of({2, 1}, {-1, 1}), {"y", "z"});
}

TEST(MlRows, TreeEnsembleClassifier) {
  auto found = classified({.2f, .7f}, {0, 0}, {5, 9}, "NONE");
  EXPECT_EQ(found[0].integers(), (std::vector<int64_t>{5, 9}));
  expect_near(found[1], {0.8, 0.2, 0.3, 0.7});
  expect_near(classified({.2f, .7f}, {0, 0}, {5, 9}, "LOGISTIC")[1],
              {0.4502, 0.5498, 0.3318, 0.6682});
  found = classified({.2f, .7f, .6f, .3f}, {0, 2, 1, 1}, {5, 9, 11}, "SOFTMAX");
  EXPECT_EQ(found[0].integers(), (std::vector<int64_t>{9, 11}));
  expect_near(found[1], {0.3021, 0.4506, 0.2473, 0.2292, 0.3093, 0.4615});
  expect_near(classified({.2f, .7f, .6f, .3f}, {0, 2, 1, 1}, {5, 9, 11}, "SOFTMAX_ZERO")[1],
              {0.4013, 0.5987, 0, 0, 0.4013, 0.5987});
  found = classified({-.4f, .7f}, {0, 0}, {5, 9}, "NONE");
  EXPECT_EQ(found[0].integers(), (std::vector<int64_t>{5, 9}));
  expect_near(found[1], {0.4, -0.4, -0.7, 0.7});
}

TEST(MlRows, BaseValuesOfTwoClassesAreAddedToEach) {
  Attributes attributes = stump({.2f, .7f}, {0, 0}, "class");
  attributes.push_back(integers("classlabels_int64s", {5, 9}));
  attributes.push_back(reals("base_values", {-1, 3}));
  const auto found =
      results("TreeEnsembleClassifier", attributes, floats_of({2, 1}, {-1, 1}), {"y", "z"});
  EXPECT_EQ(found[0].integers(), (std::vector<int64_t>{9, 9}));
  expect_near(found[1], {-0.8, 3, -0.3, 3});
}

TEST(MlRows, TreeEnsembleRegressor) {
  Attributes attributes = stump({2, 3}, {1, 1}, "target");
  attributes.push_back(integer("n_targets", 2));
  attributes.push_back(reals("base_values", {.5f, 1}));
  const Tensor x = floats_of({2, 1}, {-1, 1});
  expect_near(results("TreeEnsembleRegressor", attributes, x)[0], {0.5, 3, 0.5, 4});
  attributes.push_back(text("aggregate_function", "AVERAGE"));
  expect_near(results("TreeEnsembleRegressor", attributes, x, {"y"}, 1)[0], {0.5, 3, 0.5, 4});
}

TEST(MlRows, TreesThatAreNone) {
  const auto error = [](size_t place, const Proto& instead) {
    Attributes attributes = stump({2, 3}, {0, 0}, "target");
    attributes[place] = instead;
    return error_of(
        model_of("TreeEnsembleRegressor", attributes, 3, {value("x", {"n", "1"}, kF32)}, {"y"}));
  };
  EXPECT_NE(error(1, integers("nodes_nodeids", {0, 1, 1})).find("twice"), std::string::npos);
  EXPECT_NE(error(5, integers("nodes_truenodeids", {9, 0, 0})).find("no node"), std::string::npos);
  EXPECT_NE(error(6, integers("nodes_falsenodeids", {1, 0, 0})).find("two roots"),
            std::string::npos);
  EXPECT_EQ(
      error(4, texts("nodes_modes", {"BRANCH_LEQ", "LEAF"})),
      "invalid_model: 1 of 1 nodes cannot be run (net.onnx, opset 18, made by acme-export 2.1):\n  "
      "1x  ai.onnx.ml::TreeEnsembleRegressor v3  y  nodes_modes has 2 entries, nodes_treeids 3");
  EXPECT_EQ(error(4, texts("nodes_modes", {"BRANCH", "LEAF", "LEAF"})),
            "invalid_model: 1 of 1 nodes cannot be run (net.onnx, opset 18, made by acme-export "
            "2.1):\n  1x  ai.onnx.ml::TreeEnsembleRegressor v3  y  nodes_modes has \"BRANCH\"");
  EXPECT_EQ(error(10, reals("target_weights", {1})),
            "invalid_model: 1 of 1 nodes cannot be run (net.onnx, opset 18, made by acme-export "
            "2.1):\n  1x  ai.onnx.ml::TreeEnsembleRegressor v3  y  the votes' attributes have 2, "
            "2, 2 and 1 entries");
}

TEST(MlRows, LabelEncoderOfEveryVersion) {
  const auto run = [](const Attributes& attributes, int64_t version, const Proto& input,
                      const Tensor& x, std::string_view op = "LabelEncoder") {
    return evaluate(*import_text(model_of(op, attributes, version, {input}, {"y"})).graph, {x})[0];
  };
  const Tensor words = Tensor::of_strings({2}, {"b", "c"});
  const Proto text_input = value("x", {"2"}, kString), number_input = value("x", {"2"}, kI64);
  const Attributes classes{texts("classes_strings", {"a", "b"})};
  EXPECT_EQ(run(classes, 1, text_input, words).integers(), (std::vector<int64_t>{1, -1}));
  EXPECT_EQ(run(classes, 1, number_input, Tensor::ints({0, 5})).strings(), (Names{"a", "_Unused"}));
  const Attributes second{texts("keys_strings", {"b"}), reals("values_floats", {2.5f})};
  EXPECT_EQ(run(second, 2, text_input, words).number(0), 2.5);
  const Attributes mapper{texts("cats_strings", {"b"}), integers("cats_int64s", {8}),
                          integer("default_int64", 3)};
  EXPECT_EQ(run(mapper, 1, text_input, words, "CategoryMapper").integers(),
            (std::vector<int64_t>{8, 3}));
  const Attributes hot{integers("cats_int64s", {1, 2})};
  EXPECT_EQ(run(hot, 1, value("x", {"2"}, kI32), Tensor::ints({2, 7}, DType::i32), "OneHotEncoder")
                .integers(),
            (std::vector<int64_t>{0, 1, 0, 0}));
}

TEST(MlRows, MapsAreToldWithAdvice) {
  const std::string error = error_of(model_of("ZipMap", {integers("classlabels_int64s", {0, 1})}, 1,
                                              {value("x", {"n", "2"}, kF32)}, {"y"}));
  EXPECT_NE(error.find("unsupported"), std::string::npos) << error;
  EXPECT_NE(error.find("map"), std::string::npos) << error;
}

}  // namespace hone::test::ml_rows_test
