#include "ops/quantize.hpp"

#include "export/onnx/node_export.hpp"

namespace hone::onnx {
namespace {

bool is_wide_float(DType type) { return is_float(type) && bits(type) >= 16; }

void export_quantize_linear(NodeExport& node) {
  const QuantizeLinear& op = node.op<QuantizeLinear>();
  NodeModel& made = node.plain();
  if (node.inputs() > 2 || op.output_dtype == DType::u8) made.drop("output_dtype");
  const auto x = node.dtype_in(0), scale = node.dtype_in(1);
  const DType usual = x == scale && scale && is_wide_float(*scale) ? *scale : DType::f32;
  if (op.precision == usual) made.drop("precision");
}

void export_dequantize_linear(NodeExport& node) {
  const auto scale = node.dtype_in(1).value_or(DType::f32);
  NodeModel& made = node.plain();
  if (node.op<DequantizeLinear>().output_dtype == (is_wide_float(scale) ? scale : DType::f32) &&
      is_wide_float(scale))
    made.drop("output_dtype");
}

}  // namespace

void register_quantize(Exporters& exporters) {
  exporters.add("QuantizeLinear", export_quantize_linear);
  exporters.add("DequantizeLinear", export_dequantize_linear);
}

}  // namespace hone::onnx
