#include "import/onnx/node_reader.hpp"
#include "ops/rotary.hpp"

namespace hone::onnx {
namespace {

void import_rotary_embedding(NodeReader& node) {
  const RotaryEmbedding op{.interleaved = node.flag("interleaved", false),
                           .num_heads = node.integer("num_heads", 0),
                           .rotary_embedding_dim = node.integer("rotary_embedding_dim", 0)};
  const auto rank = node.rank(0);
  node.check(!rank || *rank != 3 || op.num_heads > 0,
             "num_heads is missing, and the input has rank 3");
  node.emit(op, node.all_inputs());
}

/// com.microsoft: positions come second, and heads may be told by the cosines' width alone.
void import_microsoft_rotary_embedding(NodeReader& node) {
  const RotaryEmbedding op{.interleaved = node.flag("interleaved", false),
                           .num_heads = node.integer("num_heads", 0),
                           .rotary_embedding_dim = node.integer("rotary_embedding_dim", 0)};
  node.check(op.num_heads > 0 || op.rotary_embedding_dim == 0,
             "rotary_embedding_dim without num_heads");
  node.ignore("scale"), node.ignore("is_packed_batching");  // change nothing in ONNX Runtime
  node.emit(op, {node.required(0), node.required(2), node.required(3), node.required(1)});
}

}  // namespace

void register_attention(Importers& importers) {
  importers.add("RotaryEmbedding", import_rotary_embedding, 23);
  importers.add("RotaryEmbedding", import_microsoft_rotary_embedding, 1, Importers::kAnyVersion,
                "com.microsoft");
}

}  // namespace hone::onnx
