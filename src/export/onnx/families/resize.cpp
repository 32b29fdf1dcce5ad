#include "ops/resize.hpp"

#include <algorithm>

#include "export/onnx/node_export.hpp"

namespace hone::onnx {
namespace {

/// Every known scale is at least (at most) 1.
bool all_scales(const Value* scales, bool at_least) {
  if (scales == nullptr || !scales->is_literal()) return false;
  const Tensor& tensor = scales->weight->tensor();
  for (int64_t i = 0; i < tensor.count(); ++i)
    if (at_least ? tensor.number(i) < 1 : tensor.number(i) > 1) return false;
  return tensor.count() > 0;
}

/// Resize of opset 10 rounds up where it makes smaller and down where it makes larger.
void export_resize(NodeExport& node) {
  if (node.op<Resize>().nearest_mode != Resize::Nearest::simple) {
    node.plain();
    return;
  }
  const Value* scales = node.node().input(2);
  const bool larger = all_scales(scales, true);
  if (!larger && !all_scales(scales, false))
    node.unsupported(
        "nearest_mode=simple (of opset 10) with scales on both sides of 1, or unknown "
        "ones, is not in newer opsets");
  node.plain().set("nearest_mode", std::string(larger ? "floor" : "ceil"));
}

}  // namespace

void register_resize(Exporters& exporters) { exporters.add("Resize", export_resize); }

}  // namespace hone::onnx
