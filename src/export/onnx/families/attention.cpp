#include "ops/attention.hpp"

#include "export/onnx/node_export.hpp"

namespace hone::onnx {
namespace {

/// The number of queries: what a mask has before its last dimension. nullopt: no rank is known.
std::optional<Dim> queries(const Node& node) {
  const Type& type = node.input(0)->type;
  if (!type.is_tensor() || !type.tensor().has_rank()) return std::nullopt;
  return type.tensor().shape()[type.tensor().rank() == 3 ? 1 : 2];
}

/// A mask that is one row for all queries is written out in rows: other runtimes do not broadcast
/// it.
void export_attention(NodeExport& node) {
  const Value* mask = node.node().input(3);
  const std::optional<Dim> wanted = queries(node.node());
  const auto rank = node.rank_in(3);
  if (mask == nullptr || !wanted || !rank || *rank < 2) {
    node.plain();
    return;
  }
  Dims shape = mask->type.tensor().shape();
  Dim& rows = shape[static_cast<size_t>(*rank) - 2];
  if (!rows.is(1) || wanted->is(1)) {
    node.plain();
    return;
  }
  rows = *wanted;
  const std::string expanded =
      node.intermediate("Expand", {node.input(3), node.dims(shape, "rows")}, {}, "mask");
  node.plain().inputs[3] = expanded;
}

}  // namespace

void register_attention(Exporters& exporters) { exporters.add("Attention", export_attention); }

}  // namespace hone::onnx
