#include "ops/gather.hpp"

#include "import/onnx/node_reader.hpp"

namespace hone::onnx {
namespace {

void import_gather(NodeReader& node) {
  node.emit(Gather{.axis = node.integer("axis", 0)}, {node.required(0), node.required(1)});
}

void import_gather_elements(NodeReader& node) {
  node.emit(GatherElements{.axis = node.integer("axis", 0)}, {node.required(0), node.required(1)});
}

void import_gather_nd(NodeReader& node) {
  GatherND op{.batch_dims = node.integer("batch_dims", 0)};
  node.emit(op, {node.required(0), node.required(1)});
}

}  // namespace

void register_gather(Importers& importers) {
  importers.add("Gather", import_gather);
  importers.add("GatherElements", import_gather_elements, 11);
  importers.add("GatherND", import_gather_nd, 11);
}

}  // namespace hone::onnx
