#include "ops/resize.hpp"

#include "export/onnx/node_export.hpp"

namespace hone::onnx {
namespace {

void export_resize(NodeExport& node) {
  if (node.op<Resize>().nearest_mode == Resize::Nearest::simple)
    node.unsupported("nearest_mode=simple (of opset 10) is not in newer opsets");
  node.plain();
}

}  // namespace

void register_resize(Exporters& exporters) { exporters.add("Resize", export_resize); }

}  // namespace hone::onnx
