// com.microsoft: convolutions and products with what ONNX Runtime's optimizer fused into them.

#include "import/builder/channels_last.hpp"
#include "import/onnx/fused_activation.hpp"
#include "import/onnx/window_fields.hpp"
#include "ops/activation.hpp"
#include "ops/arithmetic.hpp"
#include "ops/convolution.hpp"
#include "ops/layout.hpp"
#include "ops/matmul.hpp"
#include "ops/pooling.hpp"
#include "ops/softmax.hpp"

namespace hone::onnx {
namespace {

std::optional<int> rank_of(const Value* value) {
  if (!value->type.is_tensor() || !value->type.tensor().has_rank()) return std::nullopt;
  return value->type.tensor().rank();
}

Conv read_conv(NodeReader& node) {
  return {.window = read_window(node, 1), .group = node.integer("group", 1)};
}

std::vector<Value*> conv_operands(NodeReader& node, Value* x) {
  return {x, node.required(1), node.input(2)};
}

/// activation(convolution + residual), input 3 being the residual.
void import_fused_conv(NodeReader& node) {
  const auto activation = read_activation(node);
  const Conv conv = read_conv(node);
  std::vector<Value*> operands = conv_operands(node, node.required(0));
  if (node.input(3) == nullptr) {
    emit_activated(node, conv, std::move(operands), activation);
    return;
  }
  Value* sum = node.intermediate(conv, std::move(operands), "convolved");
  emit_activated(node, Add{}, {sum, node.input(3)}, activation);
}

/// The same with channels last in the input, the residual and the result.
void import_nhwc_conv(NodeReader& node) {
  const auto activation = read_activation(node);
  const Conv conv = read_conv(node);
  const int rank = image_rank(node, 1);
  Value* x = channels_first(node, node.required(0), rank);
  std::vector<Value*> operands = conv_operands(node, x);
  if (node.input(3) == nullptr) {
    emit_channels_last(node, activated(node, conv, std::move(operands), activation), rank);
    return;
  }
  Value* sum = node.intermediate(conv, std::move(operands), "convolved");
  Value* residual = channels_first(node, node.input(3), rank);
  emit_channels_last(node, activated(node, Add{}, {sum, residual}, activation), rank);
}

void import_nhwc_max_pool(NodeReader& node) {
  MaxPool op{.window = read_window(node), .ceil_mode = node.flag("ceil_mode", false)};
  const int rank = image_rank(node);
  Value* x = channels_first(node, node.required(0), rank);
  emit_channels_last(node, node.intermediate(std::move(op), {x}, "pooled"), rank);
}

/// Pads are an operand, all begins before all ends.
void import_conv_transpose_with_pads(NodeReader& node) {
  ConvTranspose op{.window = read_window(node, 1),
                   .group = node.integer("group", 1),
                   .output_padding = node.ints("output_padding")};
  if (node.input(2) != nullptr) {
    const auto pads = node.constant_ints(2);
    if (!pads) node.unsupported("pads that are not constant");
    op.window.pads = *pads;
  }
  node.emit(std::move(op), {node.required(0), node.required(1), node.input(3)});
}

/// The operand as a plain matrix product takes it. `batch`: its first axis moves behind the batch
/// axes; `matrix`: then the last two change places. Vectors stay as they are.
Value* transposed(NodeReader& node, int input, bool matrix, bool batch) {
  Value* value = node.required(input);
  if (!matrix && !batch) return value;
  const auto rank = rank_of(value);
  if (!rank) node.unsupported("transposing an operand of unknown rank");
  if (*rank < 2) return value;
  Transpose op;
  for (int axis = 0; axis < *rank; ++axis) op.perm.push_back(axis);
  if (batch) {
    op.perm.erase(op.perm.begin());
    op.perm.insert(op.perm.end() - 1, 0);
  }
  if (matrix) std::swap(op.perm.back(), op.perm[op.perm.size() - 2]);
  return node.intermediate(std::move(op), {value}, "transposed");
}

/// alpha * A * B as NumPy multiplies, each operand transposed before where an attribute says so.
void import_fused_matmul(NodeReader& node) {
  const auto activation = read_activation(node);
  const float alpha = node.real("alpha", 1);
  const bool a_matrix = node.flag("transA", false), b_matrix = node.flag("transB", false);
  const bool a_batch = node.flag("transBatchA", false), b_batch = node.flag("transBatchB", false);
  node.ignore("activation_axis");
  if (node.rank(0) == 2 && node.rank(1) == 2 && !a_batch && !b_batch) {
    const Gemm op{.alpha = alpha, .transA = a_matrix, .transB = b_matrix};
    emit_activated(node, op, {node.required(0), node.required(1)}, activation);
    return;
  }
  std::vector<Value*> operands{transposed(node, 0, a_matrix, a_batch),
                               transposed(node, 1, b_matrix, b_batch)};
  if (alpha == 1) return void(emit_activated(node, MatMul{}, std::move(operands), activation));
  Value* product = node.intermediate(MatMul{}, std::move(operands), "product");
  const DType type = node.dtype_in(0).value_or(DType::f32);
  Value* factor = node.constant(Tensor::scalar(type, static_cast<double>(alpha)), "alpha");
  emit_activated(node, Mul{}, {product, factor}, activation);
}

void import_fused_gemm(NodeReader& node) {
  const auto activation = read_activation(node);
  const Gemm op{.alpha = node.real("alpha", 1),
                .beta = node.real("beta", 1),
                .transA = node.flag("transA", false),
                .transB = node.flag("transB", false)};
  emit_activated(node, op, {node.required(0), node.required(1), node.input(2)}, activation);
}

/// softmax(scores + bias) over `axis` and all axes after it. How the bias repeats follows from its
/// shape.
void import_bias_softmax(NodeReader& node) {
  Softmax op{.axis = node.integer("axis", 1)};
  node.ignore("is_inner_broadcast");
  Value* scores = node.intermediate(Add{}, {node.required(0), node.required(1)}, "biased");
  const auto rank = rank_of(scores);
  op.flatten = op.axis != -1 && (!rank || op.axis != *rank - 1);
  node.emit(op, {scores});
}

void import_bias_add(NodeReader& node) {
  Value* biased = node.intermediate(Add{}, {node.required(0), node.required(1)}, "biased");
  node.emit(Add{}, {biased, node.required(2)});
}

/// The first half of the channels, scaled by the gelu of the second.
void import_bias_split_gelu(NodeReader& node) {
  Value* biased = node.intermediate(Add{}, {node.required(0), node.required(1)}, "biased");
  const std::vector<Value*> halves =
      node.intermediates(Split{.axis = -1, .num_outputs = 2}, {biased}, 2, "half");
  Value* gate = node.intermediate(Gelu{}, {halves[1]}, "gate");
  node.emit(Mul{}, {halves[0], gate});
}

/// Gemm's product, bias and the approximate gelu.
void import_gemm_fast_gelu(NodeReader& node) {
  Gelu gelu;
  gelu.approximate = Gelu::Approximate::tanh;
  Value* product = node.intermediate(MatMul{}, {node.required(0), node.required(1)}, "product");
  if (node.input(2) != nullptr) product = node.intermediate(Add{}, {product, node.input(2)}, "sum");
  node.emit(gelu, {product});
}

}  // namespace

void register_fused(Importers& importers) {
  const auto add = [&](std::string_view name, ImportFunction f) {
    importers.add(name, f, 1, Importers::kAnyVersion, "com.microsoft");
  };
  add("FusedConv", import_fused_conv), add("NhwcConv", import_nhwc_conv);
  add("NhwcFusedConv", import_nhwc_conv), add("NhwcMaxPool", import_nhwc_max_pool);
  add("ConvTransposeWithDynamicPads", import_conv_transpose_with_pads);
  add("FusedMatMul", import_fused_matmul), add("TransposeMatMul", import_fused_matmul);
  add("FusedMatMulActivation", import_fused_matmul), add("FusedGemm", import_fused_gemm);
  add("BiasSoftmax", import_bias_softmax), add("BiasAdd", import_bias_add);
  add("BiasSplitGelu", import_bias_split_gelu), add("GemmFastGelu", import_gemm_fast_gelu);
}

}  // namespace hone::onnx
