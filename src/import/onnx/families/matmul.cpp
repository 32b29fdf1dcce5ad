#include "ops/matmul.hpp"

#include "import/onnx/node_reader.hpp"

namespace hone::onnx {
namespace {

void import_matmul(NodeReader& node) { node.emit(MatMul{}, node.all_inputs()); }

void import_gemm(NodeReader& node) {
  if (node.opset() < 7) {  // C broadcasts on request only; as numpy does then
    const bool broadcasts = node.flag("broadcast", false);
    node.check(broadcasts || node.rank(2).value_or(2) == 2, "input 2 has ", *node.rank(2),
               " dimensions and attribute broadcast is 0");
  }
  const Gemm op{.alpha = node.real("alpha", 1),
                .beta = node.real("beta", 1),
                .transA = node.flag("transA", false),
                .transB = node.flag("transB", false)};
  node.emit(op, node.all_inputs());
}

}  // namespace

void register_matmul(Importers& importers) {
  importers.add("MatMul", import_matmul);
  importers.add("Gemm", import_gemm);
}

}  // namespace hone::onnx
