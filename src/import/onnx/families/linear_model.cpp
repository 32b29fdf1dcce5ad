// ai.onnx.ml's linear models and support vector regression, in ops of the network's own.

#include "import/onnx/enum_field.hpp"
#include "import/onnx/scores.hpp"
#include "ops/activation.hpp"
#include "ops/arithmetic.hpp"
#include "ops/cast.hpp"
#include "ops/compare.hpp"
#include "ops/layout.hpp"
#include "ops/math.hpp"
#include "ops/matmul.hpp"
#include "ops/reduction.hpp"
#include "ops/shape.hpp"
#include "ops/softmax.hpp"
#include "ops/tree.hpp"

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

/// A support vector machine that tells each pair of classes apart.
struct PairwiseMachine {
  std::vector<float> coefficients, rho;
  std::vector<int64_t> vectors;  // of each class
  int64_t classes = 0, supports = 0;

  int64_t pairs() const { return classes * (classes - 1) / 2; }

  /// A row for each pair (i, j), i < j: what each support vector counts for. The coefficients are
  /// stored as classes - 1 rows: those of class i's vectors against class j in row j - 1 or j.
  std::vector<float> weights() const {
    std::vector<float> result(static_cast<size_t>(pairs() * supports), 0.0f);
    std::vector<int64_t> starts{0};
    for (const int64_t count : vectors) starts.push_back(starts.back() + count);
    int64_t row = 0;
    const auto fill = [&](int64_t of, int64_t stored_row) {
      for (int64_t k = starts[static_cast<size_t>(of)]; k < starts[static_cast<size_t>(of + 1)];
           ++k)
        result[static_cast<size_t>(row * supports + k)] =
            coefficients[static_cast<size_t>(stored_row * supports + k)];
    };
    for (int64_t i = 0; i < classes; ++i)
      for (int64_t j = i + 1; j < classes; ++j, ++row) fill(i, j - 1), fill(j, i);
    return result;
  }

  /// [pairs, classes]: 1 for a pair's first class, -1 for its second.
  std::vector<float> signs() const {
    std::vector<float> result(static_cast<size_t>(pairs() * classes), 0.0f);
    int64_t row = 0;
    for (int64_t i = 0; i < classes; ++i)
      for (int64_t j = i + 1; j < classes; ++j, ++row) {
        result[static_cast<size_t>(row * classes + i)] = 1;
        result[static_cast<size_t>(row * classes + j)] = -1;
      }
    return result;
  }
};

/// Class numbers [n] by the votes of all pairs; of equals the first.
Value* elect(NodeReader& node, const PairwiseMachine& machine, Value* decisions) {
  const auto number = [&](double value) {
    return node.constant(Tensor::scalar(DType::f32, value), "number");
  };
  Value* positive = node.intermediate(Greater{}, {decisions, number(0)}, "positive");
  Value* vote = node.intermediate(Where{}, {positive, number(1), number(-1)}, "vote");
  Value* signs = float_constant(node, machine.signs(), {machine.pairs(), machine.classes}, "signs");
  Value* votes = node.intermediate(MatMul{}, {vote, signs}, "votes");
  return node.intermediate(ArgMax{.axis = 1, .keepdims = false}, {votes}, "class");
}

/// Probabilities of classes from decisions of pairs: logistic functions of a * decision + b.
Value* probabilities(NodeReader& node, const PairwiseMachine& machine, Value* decisions,
                     const std::vector<float>& a, const std::vector<float>& b) {
  const int64_t pairs = machine.pairs();
  node.check(static_cast<int64_t>(a.size()) == pairs && b.size() == a.size(), "has ", a.size(),
             " and ", b.size(), " probability coefficients for ", pairs, " pairs");
  Value* scaled =
      node.intermediate(Mul{}, {decisions, float_constant(node, a, {pairs}, "prob_a")}, "scaled");
  Value* moved =
      node.intermediate(Add{}, {scaled, float_constant(node, b, {pairs}, "prob_b")}, "moved");
  Value* pair =
      node.intermediate(Sigmoid{}, {node.intermediate(Neg{}, {moved}, "opposite")}, "pair");
  return node.intermediate(PairwiseCoupling{.classes = machine.classes}, {pair}, "probabilities");
}

/// Without support vectors a linear classifier. Else the votes of pairs decide; the scores are
/// probabilities where their coefficients are given, or the pairs' decisions (of two classes d:
/// [-d, d]).
void import_svm_classifier(NodeReader& node) {
  const std::string transform = read_post_transform(node);
  const Tensor labels = read_class_labels(node, "classlabels_ints");
  const Kernel kernel = read_kernel(node);
  PairwiseMachine machine{.coefficients = node.reals("coefficients"),
                          .rho = node.reals("rho"),
                          .vectors = node.ints("vectors_per_class"),
                          .classes = labels.count()};
  const std::vector<float> support = node.reals("support_vectors");
  const std::vector<float> a = node.reals("prob_a"), b = node.reals("prob_b");
  for (const int64_t count : machine.vectors) {
    node.check(count >= 0 && count <= static_cast<int64_t>(machine.coefficients.size()),
               "vectors_per_class has ", count);
    machine.supports += count;
  }
  if (machine.supports == 0) {
    std::vector<float> rho = machine.rho;
    if (rho.size() == 1) rho.resize(static_cast<size_t>(machine.classes), rho[0]);
    return give_best(node, labels, linear_scores(node, machine.coefficients, rho, machine.classes),
                     transform);
  }
  const int64_t supports = machine.supports, pairs = machine.pairs();
  const auto numbers = static_cast<int64_t>(support.size());
  node.check(
      machine.classes >= 2 && static_cast<int64_t>(machine.vectors.size()) == machine.classes,
      "has ", machine.vectors.size(), " groups of vectors for ", machine.classes, " classes");
  node.check(
      static_cast<int64_t>(machine.coefficients.size()) == (machine.classes - 1) * supports &&
          static_cast<int64_t>(machine.rho.size()) == pairs && numbers % supports == 0,
      "has ", machine.coefficients.size(), " coefficients, ", machine.rho.size(), " offsets and ",
      numbers, " numbers for ", supports, " support vectors of ", machine.classes, " classes");
  Value* similar =
      compare_vectors(node, kernel, float_rows(node, node.required(0)),
                      float_constant(node, support, {supports, numbers / supports}, "vectors"));
  Value* decisions = node.intermediate(
      Gemm{.transB = true},
      {similar, float_constant(node, machine.weights(), {pairs, supports}, "weights"),
       float_constant(node, machine.rho, {pairs}, "rho")},
      "decisions");
  give_labels(node, labels, elect(node, machine, decisions));
  if (!node.wants(1)) return;
  if (!a.empty()) decisions = probabilities(node, machine, decisions, a, b);
  else if (machine.classes == 2)
    decisions = node.intermediate(
        Concat{.axis = 1}, {node.intermediate(Neg{}, {decisions}, "opposite"), decisions}, "both");
  node.give(1, transform_scores(node, decisions, transform));
}

}  // namespace

void register_linear_model(Importers& importers) {
  constexpr int kAny = Importers::kAnyVersion;
  constexpr std::string_view kMl = "ai.onnx.ml";
  importers.add("LinearRegressor", import_linear_regressor, 1, kAny, kMl);
  importers.add("LinearClassifier", import_linear_classifier, 1, kAny, kMl);
  importers.add("SVMRegressor", import_svm_regressor, 1, kAny, kMl);
  importers.add("SVMClassifier", import_svm_classifier, 1, kAny, kMl);
}

}  // namespace hone::onnx
