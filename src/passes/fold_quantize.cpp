// Float ops between DequantizeLinear and QuantizeLinear become their integer forms.

#include <algorithm>
#include <cmath>
#include <numeric>

#include "ops/activation.hpp"
#include "ops/arithmetic.hpp"
#include "ops/common/quantization.hpp"
#include "ops/convolution.hpp"
#include "ops/matmul.hpp"
#include "ops/pooling.hpp"
#include "ops/qlinear.hpp"
#include "ops/quantize.hpp"
#include "ops/quantized.hpp"
#include "ops/reduction.hpp"
#include "ops/shape.hpp"
#include "passes/prepare_fusion.hpp"
#include "passes/quantized_value.hpp"

namespace hone {
namespace {

constexpr std::string_view kFoldQuantize = "fold_quantize";

/// Axes 2, 3, ... and no other.
bool is_spatial(const std::optional<Dims>& axes, size_t rank) {
  if (!axes || axes->size() + 2 != rank || rank < 3) return false;
  for (size_t i = 0; i < axes->size(); ++i)
    if (!(*axes)[i].is(static_cast<int64_t>(i) + 2)) return false;
  return true;
}

class QuantizedNode {
 public:
  QuantizedNode(Graph& graph, const Quantized& result, const PassOptions& options)
      : graph_(graph), result_(result), options_(options) {}

  bool run() {
    Value* value = result_.node->inputs[0];
    Node* op = only_producer(value);
    if (op != nullptr && (op->op.as<Relu>() != nullptr || op->op.as<Clip>() != nullptr)) {
      if (!find_bounds(*op)) return false;
      activation_ = op;
      if (limited(*op)) return true;
      op = only_producer(op->inputs[0]);
    }
    if (op == nullptr) return false;
    op_ = op;
    if (op->op.as<Conv>() != nullptr) return convolution();
    if (op->op.as<Gemm>() != nullptr) return gemm();
    if (op->op.as<MatMul>() != nullptr) return product();
    if (op->op.as<Add>() != nullptr) return biased_product() || pointwise(QLinearAdd{});
    if (op->op.as<Mul>() != nullptr) return pointwise(QLinearMul{});
    return pool();
  }

 private:
  /// The node whose only result nobody else reads.
  Node* only_producer(const Value* value) const {
    Node* node = value->producer;
    const bool alone = node != nullptr && value->index == 0 && node->outputs.size() == 1 &&
                       read_once(graph_, value) && !options_.keep(*node);
    return alone ? node : nullptr;
  }

  /// What the result is limited to beyond its range; false: not known.
  bool find_bounds(const Node& activation) {
    if (activation.op.as<Relu>() != nullptr) return limit(0, 0);
    for (size_t i = 1; i < activation.inputs.size(); ++i) {
      if (activation.inputs[i] == nullptr) continue;
      const auto bound = scalar_of(activation.inputs[i]);
      if (!bound || !limit(i - 1, *bound)) return false;
    }
    return true;
  }

  /// Rounding is monotone: the smaller of two numbers becomes the smaller of two integers.
  bool limit(size_t side, double bound) {
    if (std::isnan(bound)) return false;
    const IntegerRange range = integer_range(*dtype_of(result_.value));
    const double integer = hone::quantized(rounded_to(DType::f32, bound / result_.scale_number),
                                           result_.zero_number, range);
    if (integer == (side == 0 ? range.least : range.most)) return true;
    bounds_[side] = integer;
    return true;
  }

  /// Integers of the same scale: the activation alone.
  bool limited(const Node& activation) {
    const auto x = dequantized(activation.inputs[0], options_);
    if (!x || !x->same_numbers(result_)) return false;
    std::vector<Value*> inputs{x->value, bound(0), bound(1)};
    bounds_[0] = bounds_[1] = std::nullopt;
    become(Clip{}, std::move(inputs));
    return true;
  }

  Value* zero_of(const Quantized& each) { return zero_of(each.zero, each.value); }
  Value* zero_of(Value* zero, const Value* integers) {
    if (zero != nullptr) return zero;
    return add_literal(graph_, integers->name + "_zero", Tensor(*dtype_of(integers), {}));
  }

  Origins origins() const { return origins_of({product_, op_, activation_, result_.node}); }
  Value* add(Op op, std::vector<Value*> inputs) {
    return add_before(graph_, result_.node, kFoldQuantize, origins(), std::move(op),
                      std::move(inputs), result_.value->name);
  }

  /// The QuantizeLinear becomes `op`, reshaped if its sizes are others, within the bounds of the
  /// activation.
  void become(Op op, std::vector<Value*> inputs, bool other_sizes = false) {
    if (other_sizes) {
      inputs = {add(std::move(op), std::move(inputs))};
      op = reshape_to(*dims_of(result_.value));
    }
    if (bounds_[0] || bounds_[1]) {
      inputs = {add(std::move(op), std::move(inputs)), bound(0), bound(1)};
      op = Clip{};
    }
    Node& node = *result_.node;
    for (size_t i = std::max(node.inputs.size(), inputs.size()); i-- > 0;)
      graph_.set_input(&node, i, i < inputs.size() ? inputs[i] : nullptr);
    node.origin = origins();
    graph_.set_op(&node, std::move(op));
    node.by = kFoldQuantize;
  }
  Value* bound(size_t side) {
    if (!bounds_[side]) return nullptr;
    Tensor tensor(*dtype_of(result_.value), {});
    tensor.set_integer(0, static_cast<int64_t>(*bounds_[side]));
    return add_literal(graph_, result_.value->name + "_bound", std::move(tensor));
  }

  bool convolution() {
    const Conv conv = *op_->op.as<Conv>();
    const auto x = dequantized(op_->inputs[0], options_);
    const auto w = dequantized_weight(op_->inputs[1], 0, options_);
    if (!x || !w || dims_of(w->value)->size() < 3) return false;
    Value* bias = nullptr;
    if (Value* given = op_->input(2)) {
      const auto filters = dims_of(w->value)->front().constant();
      if (filters) bias = integer_bias(given, *w->scales, x->scale_number, *filters);
      if (bias == nullptr) return false;
    }
    become(QLinearConv{conv.window, conv.group},
           {x->value, x->scale, zero_of(*x), w->value, w->scale, zero_of(w->zero, w->value),
            result_.scale, zero_of(result_), bias});
    return true;
  }

  /// The bias, times `factor`, in units of the products; null: its contents are not here, or do not
  /// fit i32.
  Value* integer_bias(Value* bias, const Tensor& w_scale, double x_scale, int64_t filters,
                      double factor = 1) {
    const Node* from = producer_of<DequantizeLinear>(bias);
    Value* stored = from == nullptr ? bias : from->inputs[0];
    const Tensor* contents = contents_of(stored);
    const Tensor* scale = from == nullptr ? nullptr : contents_of(from->inputs[1]);
    const Tensor* zero = from == nullptr ? nullptr : contents_of(from->input(2));
    if (contents == nullptr || contents->count() != filters) return nullptr;
    if (from != nullptr && (scale == nullptr || (from->input(2) != nullptr && zero == nullptr) ||
                            from->op.as<DequantizeLinear>()->block_size != 0 ||
                            (scale->count() != 1 && scale->count() != filters)))
      return nullptr;
    Tensor integers(DType::i32, {filters});
    for (int64_t i = 0; i < filters; ++i) {
      double real = contents->number(i);
      if (zero != nullptr) real -= number_at(*zero, i);
      if (scale != nullptr) real *= number_at(*scale, i);
      const double integer = std::nearbyint(real * factor / (x_scale * number_at(w_scale, i)));
      if (!(std::abs(integer) < 0x1p30)) return nullptr;
      integers.set_integer(i, static_cast<int64_t>(integer));
    }
    if (contents->dtype() == DType::i32 && same_bits(*contents, integers)) return stored;
    return graph_.add_constant(bias->name + "_integers",
                               Weight::of(std::move(integers), cat("computed ", bias->name)));
  }

  bool product() {
    const Dims *left = dims_of(op_->inputs[0]), *right = dims_of(op_->inputs[1]);
    if (left == nullptr || right == nullptr || left->size() < 2 || right->size() < 2) return false;
    const auto a = dequantized(op_->inputs[0], options_);
    const auto b = dequantized_weight(op_->inputs[1], std::ssize(*right) - 1, options_);
    if (!a || !b) return false;
    become(QLinearMatMul{}, {a->value, a->scale, zero_of(*a), b->value, b->scale,
                             zero_of(b->zero, b->value), result_.scale, zero_of(result_)});
    return true;
  }

  /// A product of rows with a matrix, and one number for each of its columns.
  bool biased_product() {
    for (const size_t side : {0, 1}) {
      Node* node = producer_of<MatMul>(op_->inputs[side]);
      Value* bias = op_->inputs[1 - side];
      const Dims* dims = dims_of(op_->output());
      if (node == nullptr || dims == nullptr || dims->size() < 2 ||
          only_producer(op_->inputs[side]) == nullptr || dims_of(node->output()) == nullptr ||
          *dims_of(node->output()) != *dims)
        continue;
      const Dims *right = dims_of(node->inputs[1]), *columns = dims_of(bias);
      if (right == nullptr || right->size() != 2 || columns == nullptr || columns->empty() ||
          columns->back() != dims->back() || !right->front().constant() ||
          !right->back().constant())
        continue;
      const auto a = dequantized(node->inputs[0], options_);
      const auto b = dequantized_weight(node->inputs[1], 1, options_);
      if (!a || !b) continue;
      Value* integers = integer_bias(bias, *b->scales, a->scale_number, *dims->back().constant());
      if (integers == nullptr) continue;
      product_ = node;
      const bool matrix = dims->size() == 2;
      Value* rows = matrix ? a->value : add(reshape_to({Dim(-1), right->front()}), {a->value});
      become(QGemm{}, gemm_operands(*a, rows, *b, vector(integers)), !matrix);
      return true;
    }
    return false;
  }

  bool gemm() {
    const Gemm gemm = *op_->op.as<Gemm>();
    const auto a = dequantized(op_->inputs[0], options_);
    const auto b = dequantized_weight(op_->inputs[1], gemm.transB ? 0 : 1, options_);
    if (!a || !b || !(gemm.alpha > 0)) return false;
    Value* bias = nullptr;
    if (Value* given = op_->input(2)) {
      const auto columns = dims_of(op_->output())->back().constant();
      const Dims* dims = dims_of(given);
      if (!columns || dims == nullptr || dims->empty() || dims->back() != *columns) return false;
      bias = integer_bias(given, *b->scales, double{gemm.alpha} * a->scale_number, *columns,
                          double{gemm.beta});
      if (bias == nullptr) return false;
    }
    become(QGemm{gemm.alpha, gemm.transA, gemm.transB}, gemm_operands(*a, a->value, *b, bias));
    return true;
  }

  std::vector<Value*> gemm_operands(const Quantized& a, Value* rows, const QuantizedWeight& b,
                                    Value* bias) {
    return {rows,
            a.scale,
            zero_of(a),
            b.value,
            b.scale,
            zero_of(b.zero, b.value),
            bias == nullptr ? nullptr : vector(bias),
            result_.scale,
            zero_of(result_)};
  }
  Value* vector(Value* value) {
    const Dims& dims = *dims_of(value);
    return dims.size() == 1 ? value : add(reshape_to({hone::product(dims)}), {value});
  }

  bool pointwise(Op op) {
    const auto a = dequantized(op_->inputs[0], options_), b = dequantized(op_->inputs[1], options_);
    if (!a || !b || dtype_of(a->value) != dtype_of(result_.value) ||
        dtype_of(b->value) != dtype_of(result_.value))
      return false;
    become(std::move(op), {a->value, a->scale, zero_of(*a), b->value, b->scale, zero_of(*b),
                           result_.scale, zero_of(result_)});
    return true;
  }

  /// Means of windows, or of the whole map.
  bool pool() {
    const auto* average = op_->op.as<AveragePool>();
    const auto* mean = op_->op.as<ReduceMean>();
    if (average == nullptr && mean == nullptr && op_->op.as<GlobalAveragePool>() == nullptr)
      return false;
    const auto x = dequantized(op_->inputs[0], options_);
    const Dims* dims = dims_of(op_->inputs[0]);
    if (!x || dims == nullptr || dtype_of(x->value) != dtype_of(result_.value) ||
        (mean != nullptr && !is_spatial(mean->axes, dims->size())))
      return false;
    const Op op = average != nullptr ? Op(QLinearAveragePool{average->window, average->ceil_mode,
                                                             average->count_include_pad})
                                     : Op(QLinearGlobalAveragePool{});
    become(op, {x->value, x->scale, zero_of(*x), result_.scale, zero_of(result_)},
           mean != nullptr && !mean->keepdims);
    return true;
  }

  Graph& graph_;
  const Quantized& result_;
  const PassOptions& options_;
  Node* op_ = nullptr;
  Node* product_ = nullptr;  // what op_ adds a bias to
  Node* activation_ = nullptr;
  std::optional<double> bounds_[2];  // of the integers, where the activation says more than range
};

}  // namespace

bool fold_quantize(Graph& graph, const PassOptions& options) {
  bool changed = false;
  for (Node& node : graph.nodes()) {
    const auto* op = node.op.as<QuantizeLinear>();
    if (op == nullptr || options.keep(node) || op->precision != DType::f32 ||
        dtype_of(node.inputs[0]) != DType::f32)
      continue;
    const auto result = quantized(&node, node.output(), op->block_size);
    if (result) changed |= QuantizedNode(graph, *result, options).run();
  }
  return changed;
}

}  // namespace hone
