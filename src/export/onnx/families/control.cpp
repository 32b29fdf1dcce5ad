#include "export/onnx/node_export.hpp"
#include "ir/bodies/structural.hpp"

namespace hone::onnx {
namespace {

// Our bodies take what they read from outside as operands after their own; there they just read it.

void add_outputs(NodeExport& node, NodeModel& made) {
  made.outputs.clear();
  for (size_t i = 0; i < node.node().outputs.size(); ++i) made.outputs.push_back(node.output(i));
}

/// The first `own` operands, and the node's body: their counterparts and captures. Its outputs from
/// `result` on are the node's.
NodeModel& add_loop(NodeExport& node, std::string_view op_type, const Body& body, int64_t own,
                    size_t result) {
  const auto count = static_cast<size_t>(own);
  std::vector<std::string> inputs;
  for (size_t i = 0; i < count; ++i) inputs.push_back(node.input(i));
  const AttributeModel::Data data = node.body(body, count, count, result);
  NodeModel& made = node.add(op_type, std::move(inputs));
  made.set("body", data);
  add_outputs(node, made);
  return made;
}

void export_if(NodeExport& node) {
  const If& op = node.op<If>();
  const AttributeModel::Data then_branch = node.body(op.then_branch, 1);
  const AttributeModel::Data else_branch = node.body(op.else_branch, 1);
  NodeModel& made = node.add("If", {node.input(0)});
  made.set("then_branch", then_branch);
  made.set("else_branch", else_branch);
  add_outputs(node, made);
}

void export_loop(NodeExport& node) {
  const Loop& op = node.op<Loop>();
  add_loop(node, "Loop", op.body, op.states + 2, 1);
}

void export_scan(NodeExport& node) {
  const Scan& op = node.op<Scan>();
  NodeModel& made = add_loop(node, "Scan", op.body, op.states + op.scanned, 0);
  made.set("num_scan_inputs", op.scanned);
  const std::pair<std::string_view, const std::vector<int64_t>&> lists[] = {
      {"scan_input_axes", op.input_axes},
      {"scan_output_axes", op.output_axes},
      {"scan_input_directions", op.input_directions},
      {"scan_output_directions", op.output_directions}};
  for (const auto& [name, list] : lists)
    if (!list.empty()) made.set(name, list);
}

void export_fused(NodeExport& node) { node.call(*node.op<Fused>().body); }

}  // namespace

void register_control(Exporters& exporters) {
  exporters.add("Fused", export_fused);
  exporters.add("If", export_if);
  exporters.add("Loop", export_loop);
  exporters.add("Scan", export_scan);
}

}  // namespace hone::onnx
