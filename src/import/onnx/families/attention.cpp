#include "ops/attention.hpp"
#include "import/onnx/node_reader.hpp"
#include "ops/rotary.hpp"
#include "ops/shape.hpp"

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

/// A mask of one column stands for all keys in opset 23, for the first key alone since.
Value* widened_mask(NodeReader& node) {
  Value* mask = node.input(3);
  const auto rank = node.rank(3);
  if (node.opset() > 23 || !rank || *rank == 0 || !mask->type.tensor().shape().back().is(1))
    return mask;
  const auto keys = node.rank(1), past = node.rank(4);
  if (!keys || *keys < 3 || (node.input(4) != nullptr && past != 4))
    node.unsupported("a mask of one column beside keys of unknown rank");
  const Dims& key = node.input(1)->type.tensor().shape();
  Dims shape(static_cast<size_t>(*rank), Dim(1));
  shape.back() = key[key.size() - 2];
  if (past) shape.back() = shape.back() + node.input(4)->type.tensor().shape()[2];
  return node.intermediate(Expand{.shape = shape}, {mask}, "mask");
}

void import_attention(NodeReader& node) {
  Attention op{.is_causal = node.flag("is_causal", false),
               .q_num_heads = node.integer("q_num_heads", 0),
               .kv_num_heads = node.integer("kv_num_heads", 0),
               .softcap = node.real("softcap", 0)};
  op.scale = node.real("scale", op.scale);
  if (node.opset() >= 25) {
    op.left_window_size = node.integer("left_window_size", -1);
    op.right_window_size = node.integer("right_window_size", -1);
  }
  op.softmax_precision = node.dtype("softmax_precision", node.dtype_in(0).value_or(DType::f32));
  const int64_t mode = node.integer("qk_matmul_output_mode", 0);
  node.check(mode >= 0 && mode <= 3, "qk_matmul_output_mode is ", mode, ", wanted 0 to 3");
  op.qk_matmul_output_mode = static_cast<AttentionStage>(mode);
  const auto rank = node.rank(0);  // of rank 4 the number of heads is known, whatever is said
  if (rank && *rank == 4) op.q_num_heads = op.kv_num_heads = 0;
  // Other queries see a key: the first or their own.
  op.zero_unseen = node.input(3) != nullptr || node.input(6) != nullptr ||
                   op.left_window_size >= 0 || op.right_window_size >= 0;
  std::vector<Value*> operands = node.all_inputs();
  if (operands.size() > 3 && operands[3] != nullptr) operands[3] = widened_mask(node);
  node.emit_all(op, std::move(operands));
}

}  // namespace

void register_attention(Importers& importers) {
  importers.add("Attention", import_attention, 23);
  importers.add("RotaryEmbedding", import_rotary_embedding, 23);
  importers.add("RotaryEmbedding", import_microsoft_rotary_embedding, 1, Importers::kAnyVersion,
                "com.microsoft");
}

}  // namespace hone::onnx
