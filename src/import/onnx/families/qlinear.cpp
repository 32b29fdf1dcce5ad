#include "ops/qlinear.hpp"

#include "import/builder/channels_last.hpp"
#include "import/onnx/plain.hpp"
#include "import/onnx/window_fields.hpp"
#include "ops/activation.hpp"
#include "ops/compare.hpp"
#include "ops/layout.hpp"
#include "ops/quantize.hpp"
#include "ops/quantized.hpp"
#include "ops/reduction.hpp"

namespace hone::onnx {
namespace {

/// Emits `op`; where the attribute channels_last says that channels come after the spatial axes of
/// input 0, between two transposes. `like`: another input of as many axes.
void emit_layout(NodeReader& node, Op op, int like = -1) {
  std::vector<Value*> operands = node.all_inputs();
  if (!node.flag("channels_last", false)) return void(node.emit(std::move(op), operands));
  const int rank = image_rank(node, like);
  operands[0] = channels_first(node, node.required(0), rank);
  emit_channels_last(node, node.intermediate(std::move(op), operands, "channels_first_y"), rank);
}

void import_qlinear_average_pool(NodeReader& node) {
  QLinearAveragePool op{.window = read_window(node),
                        .ceil_mode = node.flag("ceil_mode", false),
                        .count_include_pad = node.flag("count_include_pad", false)};
  emit_layout(node, std::move(op));
}

void import_qlinear_global_average_pool(NodeReader& node) {
  emit_layout(node, QLinearGlobalAveragePool{});
}

void import_conv(NodeReader& node) {
  emit_layout(node, QLinearConv{.window = read_window(node, 3), .group = node.integer("group", 1)},
              3);
}

/// Where the scale and the zero point of a quantized tensor stand among the node's inputs.
struct Quantization {
  int scale, zero_point;
};

/// The numbers that quantized input `x` stands for.
Value* dequantized(NodeReader& node, int x, Quantization q) {
  return node.intermediate(DequantizeLinear{},
                           {node.required(x), node.required(q.scale), node.input(q.zero_point)},
                           "real");
}

QuantizeLinear quantize_like(NodeReader& node, int x) {
  QuantizeLinear op;
  op.output_dtype = node.dtype_in(x).value_or(DType::u8);
  return op;
}

bool same_constant(const NodeReader& node, int a, int b) {
  if (node.input(a) == node.input(b)) return true;
  const Tensor *left = node.constant_tensor(a), *right = node.constant_tensor(b);
  return left != nullptr && right != nullptr && left->count() == 1 && right->count() == 1 &&
         left->dtype() == right->dtype() && left->number(0) == right->number(0);
}

/// Quantized input `x` with the scale and zero point of the result.
Value* requantized(NodeReader& node, int x, Quantization from, Quantization to) {
  if (same_constant(node, from.scale, to.scale) &&
      same_constant(node, from.zero_point, to.zero_point))
    return node.required(x);
  Value* real = dequantized(node, x, from);
  return node.intermediate(quantize_like(node, x),
                           {real, node.required(to.scale), node.input(to.zero_point)},
                           "requantized");
}

/// ONNX Runtime tabulates the function over all quantized numbers, in f32: the same as this chain.
void import_through_reals(NodeReader& node, Op op) {
  const Quantization x{1, 2}, y{3, 4};
  Value* real = dequantized(node, 0, x);
  Value* result = node.intermediate(std::move(op), {real}, "real_y");
  node.emit(quantize_like(node, 0), {result, node.required(y.scale), node.input(y.zero_point)});
}

void import_leaky_relu(NodeReader& node) {
  LeakyRelu op;
  op.alpha = node.real("alpha", op.alpha);
  import_through_reals(node, op);
}

void import_sigmoid(NodeReader& node) { import_through_reals(node, Sigmoid{}); }

void import_reduce_mean(NodeReader& node) {
  ReduceMean op{.axes = node.dims("axes"), .keepdims = node.flag("keepdims", true)};
  import_through_reals(node, std::move(op));
}

/// Inputs: the result's scale and zero point, then each tensor with its own.
void import_concat(NodeReader& node) {
  node.check(node.inputs() >= 5 && node.inputs() % 3 == 2, "has ", node.inputs(),
             " inputs, wanted a scale and a zero point, then tensors with theirs");
  std::vector<Value*> operands;
  for (int i = 2; i < node.inputs(); i += 3)
    operands.push_back(requantized(node, i, {i + 1, i + 2}, {0, 1}));
  node.emit(Concat{.axis = node.integer("axis")}, std::move(operands));
}

void import_where(NodeReader& node) {
  Value *x = requantized(node, 1, {2, 3}, {7, 8}), *y = requantized(node, 4, {5, 6}, {7, 8});
  node.emit(Where{}, {node.required(0), x, y});
}

/// `opset` says whose Softmax it is: before 13 the axes from `axis` on are one.
void import_softmax(NodeReader& node) {
  const QLinearSoftmax op{.axis = node.integer("axis", -1),
                          .flatten = node.integer("opset", 13) < 13};
  node.emit(op, node.all_inputs());
}

}  // namespace

void register_qlinear(Importers& importers) {
  const auto add = [&](std::string_view name, ImportFunction f) {
    importers.add(name, f, 1, Importers::kAnyVersion, "com.microsoft");
  };
  add("QLinearAdd", import_plain<QLinearAdd>), add("QLinearMul", import_plain<QLinearMul>);
  add("QLinearAveragePool", import_qlinear_average_pool);
  add("QLinearGlobalAveragePool", import_qlinear_global_average_pool);
  add("QLinearConv", import_conv), add("QLinearConcat", import_concat);
  add("QLinearLeakyRelu", import_leaky_relu), add("QLinearSigmoid", import_sigmoid);
  add("QLinearReduceMean", import_reduce_mean), add("QLinearWhere", import_where);
  add("QLinearSoftmax", import_softmax);
}

}  // namespace hone::onnx
