#include "ops/quantize.hpp"

#include "import/onnx/node_reader.hpp"

namespace hone::onnx {
namespace {

bool is_wide_float(DType type) { return is_float(type) && bits(type) >= 16; }

/// The quotient has the scale's type; where x and scale differ, or the scale is no wide float, f32.
DType default_precision(const NodeReader& node) {
  const auto x = node.dtype_in(0), scale = node.dtype_in(1);
  return x == scale && scale && is_wide_float(*scale) ? *scale : DType::f32;
}

void import_quantize_linear(NodeReader& node) {
  QuantizeLinear op;
  op.axis = node.integer("axis", 1);
  op.block_size = node.integer("block_size", 0);
  op.saturate = node.flag("saturate", true);
  op.output_dtype = node.dtype_in(2).value_or(DType::u8);
  // 0 (undefined) stands for the default in both.
  if (node.integer("output_dtype", 0) != 0) {
    const DType asked = node.dtype("output_dtype", op.output_dtype);
    node.check(node.input(2) == nullptr || asked == op.output_dtype, "output_dtype is ", asked,
               ", but the zero point is ", op.output_dtype);
    op.output_dtype = asked;
  }
  op.precision = default_precision(node);
  if (node.integer("precision", 0) != 0) op.precision = node.dtype("precision", op.precision);
  node.emit(op, node.all_inputs());
}

void import_dequantize_linear(NodeReader& node) {
  DequantizeLinear op;
  op.axis = node.integer("axis", 1);
  op.block_size = node.integer("block_size", 0);
  const DType scale = node.dtype_in(1).value_or(DType::f32);
  op.output_dtype = is_wide_float(scale) ? scale : DType::f32;
  if (node.integer("output_dtype", 0) != 0)
    op.output_dtype = node.dtype("output_dtype", op.output_dtype);
  node.emit(op, node.all_inputs());
}

void import_dynamic_quantize_linear(NodeReader& node) {
  node.emit_all(DynamicQuantizeLinear{}, {node.required(0)});
}

}  // namespace

// com.microsoft: the same operators, before the standard had 16-bit and 4-bit types.
void register_quantize(Importers& importers) {
  constexpr int kAny = Importers::kAnyVersion;
  constexpr std::string_view kMicrosoft = "com.microsoft";
  importers.add("QuantizeLinear", import_quantize_linear);
  importers.add("DequantizeLinear", import_dequantize_linear);
  importers.add("DynamicQuantizeLinear", import_dynamic_quantize_linear);
  importers.add("QuantizeLinear", import_quantize_linear, 1, kAny, kMicrosoft);
  importers.add("DequantizeLinear", import_dequantize_linear, 1, kAny, kMicrosoft);
}

}  // namespace hone::onnx
