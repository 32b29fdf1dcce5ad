#include "ops/stateful.hpp"

#include "import/onnx/enum_field.hpp"

namespace hone::onnx {
namespace {

void import_linear_attention(NodeReader& node) {
  LinearAttention op{.q_num_heads = node.integer("q_num_heads"),
                     .kv_num_heads = node.integer("kv_num_heads"),
                     .scale = node.real("scale", 0)};
  op.update_rule = read_enum(node, "update_rule", LinearAttention::kRules, op.update_rule);
  node.ignore("chunk_size");  // how to compute it, not what
  node.emit_all(op, node.all_inputs());
}

void import_causal_conv_with_state(NodeReader& node) {
  CausalConvWithState op;
  if (node.text("activation", "none") == "swish")
    op.activation = CausalConvWithState::Activation::silu;
  else
    op.activation = read_enum(node, "activation", CausalConvWithState::kActivations, op.activation);
  node.emit_all(op, node.all_inputs());
}

}  // namespace

void register_stateful(Importers& importers) {
  importers.add("LinearAttention", import_linear_attention, 27);
  importers.add("CausalConvWithState", import_causal_conv_with_state, 27);
}

}  // namespace hone::onnx
