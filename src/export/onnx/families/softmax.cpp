#include "ops/softmax.hpp"

#include "export/onnx/node_export.hpp"
#include "ops/qlinear.hpp"

namespace hone::onnx {
namespace {

/// The axes from `axis` on are flattened first where the op says so, as before opset 13.
template <class T>
void export_flattening(NodeExport& node) {
  const T& op = node.op<T>();
  if (!op.flatten) return node.plain().drop("flatten");
  const std::string shape = node.intermediate("Shape", {node.input(0)}, {}, "shape");
  const std::string flat =
      node.intermediate("Flatten", {node.input(0)}, {{"axis", op.axis}}, "flat");
  const std::string result = node.intermediate(T::kName, {flat}, {{"axis", int64_t{1}}}, "rows");
  node.add("Reshape", {result, shape});
}

/// ONNX has no field for it: results that are NaN are replaced behind the operator.
void export_softmax(NodeExport& node) {
  const auto& op = node.op<Softmax>();
  if (!op.zero_nan) return export_flattening<Softmax>(node);
  if (op.flatten) node.unsupported("zero_nan beside flatten");
  const std::string shares =
      node.intermediate("Softmax", {node.input(0)}, {{"axis", op.axis}}, "shares");
  const std::string nan = node.intermediate("IsNaN", {shares}, {}, "nan");
  const std::string zero =
      node.constant(Tensor::scalar(node.dtype_in(0).value_or(DType::f32), 0), "zero");
  node.add("Where", {nan, zero, shares});
}

/// `opset` says whose Softmax it is: before 13 the axes from `axis` on are one.
void export_qlinear_softmax(NodeExport& node) {
  NodeModel& made = node.plain();
  made.drop("flatten");
  made.set("opset", int64_t{node.op<QLinearSoftmax>().flatten ? 12 : 13});
}

}  // namespace

void register_softmax(Exporters& exporters) {
  exporters.add("Softmax", export_softmax);
  exporters.add("LogSoftmax", export_flattening<LogSoftmax>);
  exporters.add("Hardmax", export_flattening<Hardmax>);
  exporters.add("QLinearSoftmax", export_qlinear_softmax);
  exporters.scalar("CumSum", "axis");
  exporters.scalar("CumProd", "axis");
}

}  // namespace hone::onnx
