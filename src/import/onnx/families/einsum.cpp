#include "ops/einsum.hpp"

#include "import/onnx/node_reader.hpp"

namespace hone::onnx {
namespace {

void import_einsum(NodeReader& node) {
  node.emit(Einsum{.equation = node.text("equation", "")}, node.all_inputs());
}

}  // namespace

void register_einsum(Importers& importers) { importers.add("Einsum", import_einsum, 12); }

}  // namespace hone::onnx
