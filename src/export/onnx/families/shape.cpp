#include "export/onnx/node_export.hpp"

namespace hone::onnx {
namespace {

/// What a file stated of a result's sizes stands in the type of the result that is written.
void export_ensure_shape(NodeExport& node) { node.add("Identity", {node.input(0)}); }

}  // namespace

void register_shape(Exporters& exporters) { exporters.add("EnsureShape", export_ensure_shape); }

}  // namespace hone::onnx
