// ai.onnx.ml's linear models and support vector regression, in ops of the network's own.

#include "import/onnx/enum_field.hpp"
#include "import/onnx/scores.hpp"
#include "ops/arithmetic.hpp"
#include "ops/compare.hpp"
#include "ops/math.hpp"
#include "ops/matmul.hpp"
#include "ops/reduction.hpp"
#include "ops/shape.hpp"

namespace hone::onnx {
namespace {

/// x times the transpose of `rows` rows of coefficients, plus one intercept each (or none).
Value* linear_scores(NodeReader& node, const std::vector<float>& coefficients,
                     const std::vector<float>& intercepts, int64_t rows) {
  const auto count = static_cast<int64_t>(coefficients.size());
  node.check(rows > 0 && count > 0 && count % rows == 0, "has ", count, " coefficients for ", rows,
             " targets");
  node.check(intercepts.empty() || static_cast<int64_t>(intercepts.size()) == rows, "has ",
             intercepts.size(), " intercepts for ", rows, " targets");
  std::vector<Value*> operands = {
      float_rows(node, node.required(0)),
      float_constant(node, coefficients, {rows, count / rows}, "coefficients")};
  if (!intercepts.empty())
    operands.push_back(float_constant(node, intercepts, {rows}, "intercepts"));
  return node.intermediate(Gemm{.transB = true}, operands, "scores");
}

void import_linear_regressor(NodeReader& node) {
  const std::string transform = read_post_transform(node);
  Value* scores = linear_scores(node, node.reals("coefficients"), node.reals("intercepts"),
                                node.integer("targets", 1));
  node.give(0, transform_scores(node, scores, transform));
}

/// One row of coefficients tells two classes apart by its score's sign.
void import_linear_classifier(NodeReader& node) {
  const std::string transform = read_post_transform(node);
  node.ignore("multi_class");
  const Tensor labels = read_class_labels(node, "classlabels_ints");
  const std::vector<float> intercepts = node.reals("intercepts");
  const std::vector<float> coefficients = node.reals("coefficients");
  const bool one = labels.count() == 2 && intercepts.size() == 1;
  Value* scores = linear_scores(node, coefficients, intercepts, one ? 1 : labels.count());
  if (one) give_one_of_two(node, labels, scores, 0, false, transform);
  else give_best(node, labels, scores, transform);
}

/// How a support vector machine compares two vectors.
struct Kernel {
  enum class Type : uint8_t {
    linear,
    poly,
    rbf,
    sigmoid
  };
  static constexpr std::string_view kTypes[] = {"LINEAR", "POLY", "RBF", "SIGMOID"};
  Type type = Type::linear;
  float gamma = 0, coef0 = 0, degree = 0;
};

Kernel read_kernel(NodeReader& node) {
  Kernel kernel{.type = read_enum(node, "kernel_type", Kernel::kTypes, Kernel::Type::linear)};
  const std::vector<float> numbers = node.reals("kernel_params");
  node.check(numbers.empty() || numbers.size() == 3, "kernel_params has ", numbers.size(),
             " numbers, wanted 3");
  if (!numbers.empty()) kernel = {kernel.type, numbers[0], numbers[1], numbers[2]};
  return kernel;
}

/// [n, features] and [vectors, features] to [n, vectors].
Value* compare_vectors(NodeReader& node, const Kernel& kernel, Value* x, Value* vectors) {
  const auto number = [&](float value) {
    return node.constant(Tensor::scalar(DType::f32, static_cast<double>(value)), "number");
  };
  const auto scaled = [&](Value* value, float factor) {
    return node.intermediate(Mul{}, {value, number(factor)}, "scaled");
  };
  if (kernel.type == Kernel::Type::rbf) {
    Value* rows = node.intermediate(Unsqueeze{.axes = Dims{1}}, {x}, "rows");
    Value* difference = node.intermediate(Sub{}, {rows, vectors}, "difference");
    Value* square = node.intermediate(ReduceSumSquare{.axes = Dims{-1}, .keepdims = false},
                                      {difference}, "square");
    return node.intermediate(Exp{}, {scaled(square, -kernel.gamma)}, "kernel");
  }
  Value* product = node.intermediate(Gemm{.transB = true}, {x, vectors}, "product");
  if (kernel.type == Kernel::Type::linear) return product;
  Value* shifted =
      node.intermediate(Add{}, {scaled(product, kernel.gamma), number(kernel.coef0)}, "shifted");
  if (kernel.type == Kernel::Type::sigmoid) return node.intermediate(Tanh{}, {shifted}, "kernel");
  return node.intermediate(Pow{}, {shifted, number(kernel.degree)}, "kernel");
}

/// One score a row, x against the support vectors (without any, against the coefficients); of one
/// class: 1 where it is positive, else -1.
void import_svm_regressor(NodeReader& node) {
  const std::string transform = read_post_transform(node);
  const Kernel kernel = read_kernel(node);
  const std::vector<float> coefficients = node.reals("coefficients"), rho = node.reals("rho");
  const std::vector<float> vectors = node.reals("support_vectors");
  const int64_t supports = node.integer("n_supports", 0);
  const auto count = static_cast<int64_t>(coefficients.size());
  const auto numbers = static_cast<int64_t>(vectors.size());
  node.check(supports >= 0 && rho.size() == 1 && count > 0, "has ", supports, " support vectors, ",
             count, " coefficients, ", rho.size(), " offsets");
  node.check(supports == 0 || (count == supports && numbers > 0 && numbers % supports == 0), "has ",
             count, " coefficients and ", numbers, " numbers for ", supports, " support vectors");
  Value* weights = float_constant(node, coefficients, {1, count}, "coefficients");
  Value* offset = float_constant(node, rho, {1}, "rho");
  Value* x = float_rows(node, node.required(0));
  if (supports > 0)
    x = compare_vectors(node, kernel, x,
                        float_constant(node, vectors, {supports, numbers / supports}, "vectors"));
  Value* score = node.intermediate(Gemm{.transB = true}, {x, weights, offset}, "score");
  if (node.flag("one_class", false)) {
    const auto number = [&](double value) {
      return node.constant(Tensor::scalar(DType::f32, value), "number");
    };
    Value* positive = node.intermediate(Greater{}, {score, number(0)}, "positive");
    score = node.intermediate(Where{}, {positive, number(1), number(-1)}, "side");
  }
  node.give(0, transform_scores(node, score, transform));
}

}  // namespace

void register_linear_model(Importers& importers) {
  constexpr int kAny = Importers::kAnyVersion;
  constexpr std::string_view kMl = "ai.onnx.ml";
  importers.add("LinearRegressor", import_linear_regressor, 1, kAny, kMl);
  importers.add("LinearClassifier", import_linear_classifier, 1, kAny, kMl);
  importers.add("SVMRegressor", import_svm_regressor, 1, kAny, kMl);
}

}  // namespace hone::onnx
