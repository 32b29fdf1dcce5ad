#include "ops/quantized.hpp"

#include "import/onnx/plain.hpp"
#include "import/onnx/window_fields.hpp"
#include "ops/arithmetic.hpp"
#include "ops/cast.hpp"
#include "ops/matmul.hpp"
#include "ops/quantize.hpp"

namespace hone::onnx {
namespace {

void import_conv_integer(NodeReader& node) {
  ConvInteger op{.window = read_window(node, 1), .group = node.integer("group", 1)};
  node.emit(std::move(op), node.all_inputs());
}

void import_qlinear_conv(NodeReader& node) {
  QLinearConv op{.window = read_window(node, 3), .group = node.integer("group", 1)};
  node.emit(std::move(op), node.all_inputs());
}

/// Of integers one op; of 8-bit floats in the numbers that they stand for. Scales may be one a row
/// of the first operand and of the result, one a column of the second.
void import_qlinear_matmul(NodeReader& node) {
  const auto is_integer_input = [&](int i) {
    return !node.dtype_in(i) || is_integer(*node.dtype_in(i));
  };
  if (is_integer_input(0) && is_integer_input(3) && is_integer_input(7))
    return void(node.emit(QLinearMatMul{}, node.all_inputs()));
  const auto real = [&](int i, int64_t axis) {
    return node.intermediate(DequantizeLinear{.axis = axis, .output_dtype = DType::f32},
                             {node.required(i), node.required(i + 1), node.required(i + 2)},
                             "real");
  };
  Value* product = node.intermediate(MatMul{}, {real(0, -2), real(3, -1)}, "product");
  QuantizeLinear result;
  result.axis = -2;
  result.output_dtype = node.dtype_in(7).value_or(DType::u8);
  node.emit(result, {product, node.required(6), node.required(7)});
}

void import_qgemm(NodeReader& node) {
  QGemm op{.alpha = node.real("alpha", 1),
           .transA = node.flag("transA", false),
           .transB = node.flag("transB", false)};
  node.emit(op, node.all_inputs());
}

/// The integer product of inputs `a` and `b`, scaled, plus the bias, in the type of the scales.
struct ScaledProduct {
  Value *a, *b, *a_scale, *b_scale, *a_zero_point, *b_zero_point, *bias;
};

void emit_scaled(NodeReader& node, const ScaledProduct& p) {
  const DType type = p.b_scale->type.is_tensor() ? p.b_scale->type.tensor().dtype : DType::f32;
  const auto real = [&](Value* value, std::string_view hint) {
    const bool is_real = value->type.is_tensor() && value->type.tensor().dtype == DType::f32;
    return is_real ? value : node.intermediate(Cast{.to = DType::f32}, {value}, hint);
  };
  Value* scale =
      node.intermediate(Mul{}, {real(p.a_scale, "a_scale"), real(p.b_scale, "b_scale")}, "scale");
  Value* sums =
      node.intermediate(MatMulInteger{}, {p.a, p.b, p.a_zero_point, p.b_zero_point}, "sums");
  std::vector<Value*> operands{real(sums, "real_sums"), scale};
  Op last = Mul{};
  if (p.bias != nullptr) {
    operands = {node.intermediate(std::move(last), operands, "product"), real(p.bias, "bias")};
    last = Add{};
  }
  if (type == DType::f32) return void(node.emit(std::move(last), operands));
  node.emit(Cast{.to = type}, {node.intermediate(std::move(last), operands, "wide")});
}

void import_matmul_integer_to_float(NodeReader& node) {
  const Value* scale = node.required(2);
  const bool known = scale->type.is_tensor() && scale->type.tensor().has_rank();
  if (known && scale->type.tensor().rank() > 0 && !scale->type.tensor().shape().back().is(1))
    node.unsupported("a scale for each row of A");
  emit_scaled(node, {node.required(0), node.required(1), node.required(2), node.required(3),
                     node.input(4), node.input(5), node.input(6)});
}

void import_dynamic_quantize_matmul(NodeReader& node) {
  const std::vector<Value*> a =
      node.intermediates(DynamicQuantizeLinear{}, {node.required(0)}, 3, "a");
  emit_scaled(node,
              {a[0], node.required(1), a[1], node.required(2), a[2], node.input(3), node.input(4)});
}

}  // namespace

void register_quantized(Importers& importers) {
  add_plain<MatMulInteger>(importers);
  importers.add("QLinearMatMul", import_qlinear_matmul);
  importers.add("ConvInteger", import_conv_integer);
  importers.add("QLinearConv", import_qlinear_conv);
  const auto add = [&](std::string_view name, ImportFunction f) {
    importers.add(name, f, 1, Importers::kAnyVersion, "com.microsoft");
  };
  add("QGemm", import_qgemm), add("MatMulIntegerToFloat", import_matmul_integer_to_float);
  add("DynamicQuantizeMatMul", import_dynamic_quantize_matmul);
}

}  // namespace hone::onnx
