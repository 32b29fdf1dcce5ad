#include "export/onnx/node_export.hpp"
#include "ops/layout.hpp"

namespace hone::onnx {
namespace {

/// From opset 18 on equal pieces want their number.
void export_split(NodeExport& node) {
  const Split& op = node.op<Split>();
  NodeModel& made = node.plain();
  const bool has_sizes = made.inputs.size() > 1 && !made.inputs[1].empty();
  if (!has_sizes && op.num_outputs == 0)
    made.set("num_outputs", static_cast<int64_t>(node.node().outputs.size()));
}

}  // namespace

void register_split(Exporters& exporters) { exporters.add("Split", export_split); }

}  // namespace hone::onnx
