#include "ops/blockwise.hpp"

#include "import/onnx/node_reader.hpp"

namespace hone::onnx {
namespace {

void import_matmul_nbits(NodeReader& node) {
  const MatMulNBits op{.K = node.integer("K"),
                       .N = node.integer("N"),
                       .bits = node.integer("bits", 4),
                       .block_size = node.integer("block_size"),
                       .accuracy_level = node.integer("accuracy_level", 0)};
  if (node.integer("weight_prepacked", 0) != 0) node.unsupported("weights packed for one device");
  node.emit(op, node.all_inputs());
}

void import_gather_block_quantized(NodeReader& node) {
  const GatherBlockQuantized op{.gather_axis = node.integer("gather_axis", 0),
                                .quantize_axis = node.integer("quantize_axis", 1),
                                .bits = node.integer("bits", 4),
                                .block_size = node.integer("block_size", 128)};
  node.emit(op, node.all_inputs());
}

}  // namespace

void register_blockwise(Importers& importers) {
  const auto add = [&](std::string_view name, ImportFunction f) {
    importers.add(name, f, 1, Importers::kAnyVersion, "com.microsoft");
  };
  add("MatMulNBits", import_matmul_nbits);
  add("GatherBlockQuantized", import_gather_block_quantized);
}

}  // namespace hone::onnx
