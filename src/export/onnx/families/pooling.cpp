#include "ops/pooling.hpp"

#include <algorithm>

#include "export/onnx/node_export.hpp"

namespace hone::onnx {
namespace {

/// Only from opset 22 on do all tools leave out a last window that begins in the padding.
template <class T>
void export_pool(NodeExport& node) {
  NodeModel& made = node.plain();
  if (node.op<T>().ceil_mode) made.since = std::max(made.since, 22);
}

}  // namespace

void register_pooling(Exporters& exporters) {
  exporters.add("AveragePool", export_pool<AveragePool>);
  exporters.add("MaxPool", export_pool<MaxPool>);
  exporters.add("LpPool", export_pool<LpPool>);
}

}  // namespace hone::onnx
