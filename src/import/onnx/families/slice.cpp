#include "ops/slice.hpp"

#include "import/onnx/node_reader.hpp"

namespace hone::onnx {
namespace {

/// Before opset 10 everything is an attribute and there are no steps.
void import_slice(NodeReader& node) {
  if (node.opset() >= 10) {
    for (int i = 0; i < 3; ++i) node.required(i);
    node.emit(Slice{}, node.all_inputs());
    return;
  }
  Slice op{.starts = node.dims("starts"), .ends = node.dims("ends"), .axes = node.dims("axes")};
  node.check(op.starts && op.ends, "attribute starts or ends is missing");
  node.emit(std::move(op), {node.required(0)});
}

}  // namespace

void register_slice(Importers& importers) { importers.add("Slice", import_slice); }

}  // namespace hone::onnx
