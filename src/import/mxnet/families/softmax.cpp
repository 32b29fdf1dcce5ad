// Softmax, and the outputs that networks are trained with: they read labels, which are dropped.

#include "ops/softmax.hpp"

#include <limits>
#include <type_traits>

#include "import/mxnet/positions.hpp"
#include "ops/activation.hpp"
#include "ops/arithmetic.hpp"
#include "ops/cast.hpp"
#include "ops/compare.hpp"
#include "ops/math.hpp"
#include "ops/shape.hpp"

namespace hone::mxnet {
namespace {

/// Input 0 over the temperature, with another sign for softmin.
Value* logits(NodeReader& node, double sign) {
  const double temperature = node.real("temperature", 1);
  node.check(temperature > 0, "temperature is ", temperature);
  Value* x = node.required(0);
  if (node.has("dtype")) x = node.intermediate(Cast{.to = node.dtype("dtype", {})}, {x}, "cast");
  if (temperature == 1 && sign == 1) return x;
  return node.intermediate(Mul{}, {x, node.scalar(sign / temperature, "factor")}, "scaled");
}

/// Of the first elements of each row, as many as input 1 says; the others get 0.
template <class T>
void softmax_of_lengths(NodeReader& node, int64_t axis, double sign) {
  if constexpr (std::is_same_v<T, LogSoftmax>) node.unsupported("lengths of rows (use_length)");
  else {
    if (axis != node.rank_of(0) - 1) node.unsupported("lengths of rows along axis ", axis);
    Value* length = node.intermediate(Cast{.to = DType::f32}, {node.required(1)}, "length");
    length = node.intermediate(Unsqueeze{.axes = Dims{Dim(-1)}}, {length}, "length_of_row");
    Value* inside = node.intermediate(Less{}, {positions(node, 0, axis), length}, "inside");
    Value* none = node.scalar(-std::numeric_limits<double>::infinity(), "none");
    Value* masked = node.intermediate(Where{}, {inside, logits(node, sign), none}, "masked");
    node.emit(Softmax{.axis = axis, .zero_nan = true}, {masked});
  }
}

template <class T>
void import_plain(NodeReader& node, double sign) {
  const int64_t axis = node.axis_of(node.integer("axis", -1), 0);
  if (node.flag("use_length", false)) return softmax_of_lengths<T>(node, axis, sign);
  node.emit(T{.axis = axis}, {logits(node, sign)});
}
void import_softmax(NodeReader& node) { import_plain<Softmax>(node, 1); }
void import_softmin(NodeReader& node) { import_plain<Softmax>(node, -1); }
void import_log_softmax(NodeReader& node) { import_plain<LogSoftmax>(node, 1); }

void import_activation(NodeReader& node) {
  const bool channel = node.choice("mode", {"instance", "channel"}, "instance") == 1;
  node.emit(Softmax{.axis = 1, .flatten = !channel}, {node.required(0)});
}

void import_output(NodeReader& node) {
  const bool multiple = node.flag("multi_output", false);
  const bool preserves = node.flag("preserve_shape", false);
  node.ignore(
      {"grad_scale", "ignore_label", "use_ignore", "normalization", "out_grad", "smooth_alpha"});
  if (multiple) node.emit(Softmax{.axis = 1}, {node.required(0)});
  else if (preserves) node.emit(Softmax{.axis = -1}, {node.required(0)});
  else node.emit(Softmax{.axis = 1, .flatten = true}, {node.required(0)});
}

void ignore_training(NodeReader& node) {
  node.ignore({"grad_scale", "margin", "regularization_coefficient", "use_linear"});
}
void import_as_it_is(NodeReader& node) {
  ignore_training(node);
  node.give(0, node.required(0));
}
void import_logistic(NodeReader& node) {
  ignore_training(node);
  node.emit(Sigmoid{}, {node.required(0)});
}

constexpr auto kSizes = Importer::Like::sizes;

}  // namespace

void register_softmax(Importers& importers) {
  importers.add("softmax", {.run = import_softmax, .like = kSizes});
  importers.add("softmin", {.run = import_softmin, .like = kSizes});
  importers.add("log_softmax", {.run = import_log_softmax, .like = kSizes});
  importers.add("SoftmaxActivation", {.run = import_activation, .like = kSizes});
  importers.add({"SoftmaxOutput", "Softmax"}, {.run = import_output, .labels = 1, .like = kSizes});
  importers.add({"LinearRegressionOutput", "MAERegressionOutput", "SVMOutput"},
                {.run = import_as_it_is, .labels = 1, .like = kSizes});
  importers.add("LogisticRegressionOutput", {.run = import_logistic, .labels = 1, .like = kSizes});
}

}  // namespace hone::mxnet
