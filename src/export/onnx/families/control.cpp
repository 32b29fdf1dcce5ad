#include "export/onnx/node_export.hpp"
#include "ir/structural.hpp"

namespace hone::onnx {
namespace {

void export_if(NodeExport& node) {
  NodeModel& made = node.add("If", {node.input(0)});
  const If& op = node.op<If>();
  made.set("then_branch", node.body(op.then_branch, 1));
  made.set("else_branch", node.body(op.else_branch, 1));
  for (size_t i = 1; i < node.node().outputs.size(); ++i) made.outputs.push_back(node.output(i));
}

}  // namespace

void register_control(Exporters& exporters) { exporters.add("If", export_if); }

}  // namespace hone::onnx
