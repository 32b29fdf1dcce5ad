#include "import/onnx/scores.hpp"

#include <algorithm>

#include "ops/activation.hpp"
#include "ops/arithmetic.hpp"
#include "ops/cast.hpp"
#include "ops/compare.hpp"
#include "ops/gather.hpp"
#include "ops/layout.hpp"
#include "ops/math.hpp"
#include "ops/shape.hpp"
#include "ops/softmax.hpp"
#include "ops/tree.hpp"

namespace hone::onnx {
namespace {

constexpr std::array<std::string_view, 5> kTransforms = {"NONE", "SOFTMAX", "LOGISTIC",
                                                         "SOFTMAX_ZERO", "PROBIT"};

Op transform_op(std::string_view transform) {
  if (transform == "SOFTMAX") return Softmax{};
  if (transform == "LOGISTIC") return Sigmoid{};
  if (transform == "SOFTMAX_ZERO") return SoftmaxZero{};
  return Probit{};
}

/// Output 1 and what it is made from.
void give_scores(NodeReader& node, Value* scores, std::string_view transform) {
  if (node.wants(1)) node.give(1, transform_scores(node, scores, transform));
}

}  // namespace

std::string read_post_transform(NodeReader& node) {
  std::string transform = node.text("post_transform", "NONE");
  node.check(std::find(kTransforms.begin(), kTransforms.end(), transform) != kTransforms.end(),
             "post_transform is \"", transform, "\", wanted ", join(kTransforms, ", "));
  return transform;
}

Value* transform_scores(NodeReader& node, Value* scores, std::string_view transform) {
  if (transform == "NONE") return scores;
  return node.intermediate(transform_op(transform), {scores}, "transformed");
}

Tensor read_class_labels(NodeReader& node, std::string_view integers) {
  const std::vector<int64_t> numbers = node.ints(integers);
  std::vector<std::string> strings = node.strings("classlabels_strings");
  node.check(numbers.empty() || strings.empty(), "has class labels of both kinds");
  node.check(!numbers.empty() || !strings.empty(), "has no class labels");
  if (strings.empty()) return Tensor::ints(numbers);
  const auto count = static_cast<int64_t>(strings.size());
  return Tensor::of_strings({count}, std::move(strings));
}

void give_labels(NodeReader& node, const Tensor& labels, Value* classes) {
  Value* table = node.constant(labels, "labels");
  node.give(0, node.intermediate(Gather{}, {table, classes}, "label"));
}

void give_best(NodeReader& node, const Tensor& labels, Value* scores, std::string_view transform) {
  Value* best = node.intermediate(ArgMax{.axis = 1, .keepdims = false}, {scores}, "class");
  give_labels(node, labels, best);
  give_scores(node, scores, transform);
}

void give_one_of_two(NodeReader& node, const Tensor& labels, Value* score, double threshold,
                     bool opposite, std::string_view transform) {
  if (transform == "PROBIT") node.unsupported("PROBIT of the one score of two classes");
  const auto number = [&](double value) {
    return node.constant(Tensor::scalar(DType::f32, value), "number");
  };
  Value* vector = node.intermediate(Squeeze{.axes = Dims{1}}, {score}, "score");
  Value* second = node.intermediate(Greater{}, {vector, number(threshold)}, "second");
  give_labels(node, labels, node.intermediate(Cast{.to = DType::i64}, {second}, "class"));
  const bool logistic = transform == "LOGISTIC";
  Value* first = opposite || logistic ? node.intermediate(Neg{}, {score}, "first")
                                      : node.intermediate(Sub{}, {number(1), score}, "first");
  Value* both = node.intermediate(Concat{.axis = 1}, {first, score}, "scores");
  give_scores(node, both, logistic ? "LOGISTIC" : "NONE");
}

Value* float_rows(NodeReader& node, Value* x) {
  const DType dtype = x->type.tensor().dtype;
  if (dtype != DType::f32) x = node.intermediate(Cast{.to = DType::f32}, {x}, "floats");
  const TensorType& type = x->type.tensor();
  if (type.has_rank() && type.rank() == 1)
    x = node.intermediate(Unsqueeze{.axes = Dims{0}}, {x}, "row");
  return x;
}

Value* float_constant(NodeReader& node, const std::vector<float>& values,
                      std::vector<int64_t> shape, std::string_view hint) {
  Tensor tensor(DType::f32, std::move(shape));
  for (size_t i = 0; i < values.size(); ++i) tensor.put(static_cast<int64_t>(i), values[i]);
  return node.constant(std::move(tensor), hint);
}

}  // namespace hone::onnx
