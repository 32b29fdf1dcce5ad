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

/// `opset` says whose Softmax it is: before 13 the axes from `axis` on are one.
void export_qlinear_softmax(NodeExport& node) {
  NodeModel& made = node.plain();
  made.drop("flatten");
  made.set("opset", int64_t{node.op<QLinearSoftmax>().flatten ? 12 : 13});
}

}  // namespace

void register_softmax(Exporters& exporters) {
  exporters.add("Softmax", export_flattening<Softmax>);
  exporters.add("LogSoftmax", export_flattening<LogSoftmax>);
  exporters.add("Hardmax", export_flattening<Hardmax>);
  exporters.add("QLinearSoftmax", export_qlinear_softmax);
  exporters.scalar("CumSum", "axis");
  exporters.scalar("CumProd", "axis");
}

}  // namespace hone::onnx
