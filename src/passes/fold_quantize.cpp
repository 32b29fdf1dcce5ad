// Float ops between DequantizeLinear and QuantizeLinear become their integer forms.

#include <algorithm>
#include <cmath>

#include "ops/activation.hpp"
#include "ops/arithmetic.hpp"
#include "ops/common/quantization.hpp"
#include "ops/convolution.hpp"
#include "ops/layout.hpp"
#include "ops/pooling.hpp"
#include "ops/qlinear.hpp"
#include "ops/quantize.hpp"
#include "ops/quantized.hpp"
#include "ops/shape.hpp"
#include "passes/prepare_fusion.hpp"
#include "passes/rewrite.hpp"

namespace hone {
namespace {

bool is_byte(const Value* value) {
  const auto type = dtype_of(value);
  return type == DType::u8 || type == DType::i8;
}

/// Contents that are here to be read.
const Tensor* contents_of(const Value* value) {
  if (value == nullptr || !value->is_constant() || value->weight->is_absent() ||
      value->weight->is_random())
    return nullptr;
  return &value->weight->tensor();
}

double number_at(const Tensor& tensor, int64_t i) {
  return tensor.number(tensor.count() == 1 ? 0 : i);
}

/// A value of 8-bit integers and what they stand for.
struct Quantized {
  Node* node = nullptr;                     // what converts
  Value* value = nullptr;                   // the integers
  Value *scale = nullptr, *zero = nullptr;  // zero: null for 0
  double scale_number = 0, zero_number = 0;

  bool same_numbers(const Quantized& other) const {
    return scale_number == other.scale_number && zero_number == other.zero_number &&
           dtype_of(value) == dtype_of(other.value);
  }
};

std::optional<Quantized> quantized(Node* node, Value* integers, int64_t block_size) {
  Quantized found{node, integers, node->inputs[1], node->input(2), 0, 0};
  const Tensor* scale = contents_of(found.scale);
  const Tensor* zero = contents_of(found.zero);
  if (!is_byte(integers) || block_size != 0 || scale == nullptr || scale->count() != 1 ||
      scale->dtype() != DType::f32 || (found.zero != nullptr && zero == nullptr) ||
      (zero != nullptr && zero->count() != 1) || !(scale->number(0) > 0))
    return std::nullopt;
  found.scale_number = scale->number(0);
  found.zero_number = zero == nullptr ? 0 : zero->number(0);
  return found;
}

/// One scale for all.
std::optional<Quantized> dequantized(const Value* value, const PassOptions& options) {
  Node* node = producer_of<DequantizeLinear>(value);
  if (node == nullptr || options.keep(*node)) return std::nullopt;
  const auto& op = *node->op.as<DequantizeLinear>();
  if (op.output_dtype != DType::f32) return std::nullopt;
  return quantized(node, node->inputs[0], op.block_size);
}

class QuantizedNode {
 public:
  QuantizedNode(Graph& graph, const Quantized& result, const PassOptions& options)
      : graph_(graph), result_(result), options_(options) {}

  bool run() {
    Value* value = result_.node->inputs[0];
    Node* op = only_producer(value);
    if (op != nullptr && (op->op.as<Relu>() != nullptr || op->op.as<Clip>() != nullptr)) {
      if (!saturation_does(*op)) return false;
      activation_ = op;
      op = only_producer(op->inputs[0]);
    }
    if (op == nullptr) return false;
    op_ = op;
    if (op->op.as<Conv>() != nullptr) return convolution();
    if (op->op.as<Add>() != nullptr) return pointwise(QLinearAdd{});
    if (op->op.as<Mul>() != nullptr) return pointwise(QLinearMul{});
    return activation_ == nullptr && movement();
  }

 private:
  /// The node whose only result nobody else reads.
  Node* only_producer(const Value* value) const {
    Node* node = value->producer;
    const bool alone = node != nullptr && value->index == 0 && node->outputs.size() == 1 &&
                       read_once(graph_, value) && !options_.keep(*node);
    return alone ? node : nullptr;
  }

  /// Rounding to the result's range cuts off all that the activation does.
  bool saturation_does(const Node& activation) const {
    const IntegerRange range = integer_range(*dtype_of(result_.value));
    const auto real = [&](double integer) {
      return (integer - result_.zero_number) * result_.scale_number;
    };
    if (activation.op.as<Relu>() != nullptr) return real(range.least) == 0;
    for (size_t i = 1; i < activation.inputs.size(); ++i) {
      if (activation.inputs[i] == nullptr) continue;
      const auto bound = scalar_of(activation.inputs[i]);
      if (!bound) return false;
      if (i == 1 ? *bound > real(range.least) : *bound < real(range.most)) return false;
    }
    return true;
  }

  Value* zero_of(const Quantized& each) {
    if (each.zero != nullptr) return each.zero;
    return add_literal(graph_, each.value->name + "_zero", Tensor(*dtype_of(each.value), {}));
  }

  void become(Op op, const std::vector<Value*>& inputs) {
    Node& node = *result_.node;
    for (size_t i = std::max(node.inputs.size(), inputs.size()); i-- > 0;)
      graph_.set_input(&node, i, i < inputs.size() ? inputs[i] : nullptr);
    graph_.set_op(&node, std::move(op));
    node.origin =
        activation_ == nullptr ? origins_of({op_, &node}) : origins_of({op_, activation_, &node});
    node.by = "fold_quantize";
  }

  bool convolution() {
    const Conv conv = *op_->op.as<Conv>();
    const auto x = dequantized(op_->inputs[0], options_);
    Node* weight = producer_of<DequantizeLinear>(op_->inputs[1]);
    if (!x || weight == nullptr || options_.keep(*weight) || !is_byte(weight->inputs[0]))
      return false;
    const auto& way = *weight->op.as<DequantizeLinear>();
    const Tensor *integers = contents_of(weight->inputs[0]),
                 *scale = contents_of(weight->inputs[1]);
    const Tensor* zero = contents_of(weight->input(2));
    if (integers == nullptr || integers->rank() < 3 || scale == nullptr || way.block_size != 0 ||
        way.output_dtype != DType::f32 || (weight->input(2) != nullptr && zero == nullptr))
      return false;
    const int64_t filters = integers->dim(0);
    const bool by_filter = way.axis == 0 || way.axis == -integers->rank();
    if (scale->count() != 1 && (scale->count() != filters || !by_filter)) return false;
    Value* bias = nullptr;
    if (Value* given = op_->input(2)) {
      bias = integer_bias(given, *scale, x->scale_number, filters);
      if (bias == nullptr) return false;
    }
    const Quantized w{weight, weight->inputs[0], weight->inputs[1], weight->input(2), 0, 0};
    become(QLinearConv{conv.window, conv.group},
           {x->value, x->scale, zero_of(*x), w.value, w.scale, zero_of(w), result_.scale,
            zero_of(result_), bias});
    return true;
  }

  /// The bias in units of the products; null: its contents are not here, or do not fit i32.
  Value* integer_bias(Value* bias, const Tensor& w_scale, double x_scale, int64_t filters) {
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
      const double integer = std::nearbyint(real / (x_scale * number_at(w_scale, i)));
      if (!(std::abs(integer) < 0x1p30)) return nullptr;
      integers.set_integer(i, static_cast<int64_t>(integer));
    }
    if (contents->dtype() == DType::i32 && same_bits(*contents, integers)) return stored;
    return graph_.add_constant(bias->name + "_integers",
                               Weight::of(std::move(integers), cat("computed ", bias->name)));
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

  /// Ops that give elements of their operands: they do so with the integers.
  bool movement() {
    const Op op = op_->op;
    const auto* pool = op.as<MaxPool>();
    const bool concat = op.as<Concat>() != nullptr;
    if (pool == nullptr && !concat && op.as<Reshape>() == nullptr && op.as<Flatten>() == nullptr &&
        op.as<Squeeze>() == nullptr && op.as<Unsqueeze>() == nullptr &&
        op.as<Transpose>() == nullptr)
      return false;
    std::vector<Value*> inputs = op_->inputs;
    for (size_t i = 0; i < (concat ? inputs.size() : 1); ++i) {
      const auto x = dequantized(inputs[i], options_);
      if (!x || !x->same_numbers(result_)) return false;
      inputs[i] = x->value;
    }
    become(op, inputs);
    return true;
  }

  Graph& graph_;
  const Quantized& result_;
  const PassOptions& options_;
  Node* op_ = nullptr;
  Node* activation_ = nullptr;
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
