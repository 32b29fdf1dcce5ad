#include "ops/generate.hpp"

#include "export/onnx/node_export.hpp"

namespace hone::onnx {
namespace {

/// The value is a scalar of ours, a vector of one there.
void export_constant_of_shape(NodeExport& node) {
  const ConstantOfShape& op = node.op<ConstantOfShape>();
  NodeModel& made = node.plain();
  made.drop("value");
  if (!op.value.empty()) made.set("value", op.value.reshaped({1}));
}

}  // namespace

void register_generate(Exporters& exporters) {
  exporters.add("ConstantOfShape", export_constant_of_shape);
}

}  // namespace hone::onnx
