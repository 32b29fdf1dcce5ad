#include "ops/scatter.hpp"

#include "import/onnx/enum_field.hpp"
#include "import/onnx/node_reader.hpp"

namespace hone::onnx {
namespace {

/// Scatter of opsets 9 and 10 is ScatterElements without reductions.
void import_scatter_elements(NodeReader& node) {
  ScatterElements op{.axis = node.integer("axis", 0)};
  op.reduction = read_enum(node, "reduction", kScatterReductions, op.reduction);
  node.emit(op, {node.required(0), node.required(1), node.required(2)});
}

void import_scatter_nd(NodeReader& node) {
  ScatterND op;
  op.reduction = read_enum(node, "reduction", kScatterReductions, op.reduction);
  node.emit(op, {node.required(0), node.required(1), node.required(2)});
}

void import_tensor_scatter(NodeReader& node) {
  TensorScatter op{.axis = node.integer("axis", -2)};
  op.mode = read_enum(node, "mode", TensorScatter::kModes, op.mode);
  node.emit(op, node.all_inputs());
}

}  // namespace

void register_scatter(Importers& importers) {
  importers.add("Scatter", import_scatter_elements, 9);
  importers.add("ScatterElements", import_scatter_elements, 11);
  importers.add("ScatterND", import_scatter_nd, 11);
  importers.add("TensorScatter", import_tensor_scatter, 24);
}

}  // namespace hone::onnx
