#include "ops/arithmetic.hpp"

#include "export/onnx/node_export.hpp"

namespace hone::onnx {
namespace {

/// Before opset 28 floats had only the other remainder, that of fmod=1.
void export_mod(NodeExport& node) {
  NodeModel& made = node.plain();
  const auto dtype = node.dtype_in(0);
  if (!node.op<Mod>().fmod && dtype && is_float(*dtype)) made.since = 28;
}

}  // namespace

void register_arithmetic(Exporters& exporters) { exporters.add("Mod", export_mod); }

}  // namespace hone::onnx
