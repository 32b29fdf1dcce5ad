// com.microsoft: GroupQueryAttention, as exporters of language models write it.

#include "ops/group_query.hpp"
#include "import/onnx/node_reader.hpp"
#include "ops/cast.hpp"
#include "ops/generate.hpp"
#include "ops/layout.hpp"
#include "ops/normalization.hpp"
#include "ops/shape.hpp"

namespace hone::onnx {
namespace {

/// q, k and v, taken apart where they come in one.
std::vector<Value*> queries_keys_values(NodeReader& node, const GroupQueryAttention& op) {
  if (node.input(1) != nullptr) return {node.required(0), node.input(1), node.required(2)};
  const TensorType& packed = node.required(0)->type.tensor();
  if (!packed.has_rank() || packed.rank() != 3)
    node.unsupported("packed queries, keys and values of ", packed, ", wanted rank 3");
  node.check(op.num_heads > 0 && op.kv_num_heads > 0 && op.num_heads <= 1 << 20 &&
                 op.kv_num_heads <= op.num_heads,
             "num_heads is ", op.num_heads, ", kv_num_heads ", op.kv_num_heads);
  const Dim head = floor_div(packed.shape()[2], Dim(op.num_heads + 2 * op.kv_num_heads));
  const Dim keys = head * op.kv_num_heads;
  return node.intermediates(Split{.axis = 2, .split = Dims{head * op.num_heads, keys, keys}},
                            {node.required(0)}, 3, "qkv");
}

/// Every head over the root mean square of its elements, times `weight`.
Value* normalized(NodeReader& node, Value* x, Value* weight, int64_t heads, float epsilon) {
  const auto reshape = [&](Value* value, Dims shape) {
    return node.intermediate(Reshape{.shape = std::move(shape)}, {value}, "heads");
  };
  Value* apart = reshape(x, {0, 0, heads, -1});
  Value* y = node.intermediate(RMSNormalization{.epsilon = epsilon}, {apart, weight}, "normalized");
  return reshape(y, {0, 0, -1});
}

/// The result of `op` on `from`, of an earlier node where there is one.
Value* once(NodeReader& node, const Op& op, Value* from, std::string_view hint) {
  for (const Node* user : from->users)
    if (user->op == op && user->inputs.size() == 1) return user->output();
  return node.intermediate(op, {from}, hint);
}

/// How many keys there are at most, as a number that is known before attention runs: where an
/// operand alone tells it, the size of a tensor that is made first, once for all layers. Else
/// attention would tell the size of its caches itself, which kernels cannot.
Value* told(NodeReader& node, Value* total) {
  if (total == nullptr || total->known || total->is_constant()) return total;
  Value* length = once(node, Reshape{.shape = Dims{1}}, total, "total");
  length = once(node, Cast{.to = DType::i64}, length, "total");
  const ConstantOfShape zeros{.value = Tensor::ints({0}, DType::u8)};
  return once(node, Shape{}, once(node, zeros, length, "places"), "total");
}

/// Whether the cache is quantized. ONNX Runtime has more kinds, each for some devices only.
bool has_quantized_cache(NodeReader& node) {
  const std::string keys = node.text("k_quant_type", "NONE"),
                    values = node.text("v_quant_type", "NONE");
  const int64_t width = node.integer("kv_cache_bit_width", 0);
  if (node.flag("sliding_window_cache", false))
    node.problem("sliding_window_cache: a cache of the window's size",
                 "export with a cache of the whole sequence");
  if (keys == "NONE" && values == "NONE") return false;
  const std::optional<DType> cache = node.dtype_in(3);
  node.check(cache.has_value(), "k_quant_type=", keys, " without past_key");
  node.check(node.input(12) != nullptr && node.input(13) != nullptr, "k_quant_type=", keys,
             " without k_scale and v_scale");
  if (keys != values || *cache != (width == 8 ? DType::i8 : DType::u8) ||
      (width != 8 && width != 4))
    node.problem(cat("k_quant_type=", keys, " v_quant_type=", values, ", a cache of ", *cache,
                     " with codes of ", width, " bits"),
                 "export with codes of 8 bits in int8 or of 4 bits in uint8, or a cache of floats");
  return true;
}

void import_group_query_attention(NodeReader& node) {
  GroupQueryAttention op{.num_heads = node.integer("num_heads"),
                         .kv_num_heads = node.integer("kv_num_heads"),
                         .softcap = node.real("softcap", 0),
                         .causal = node.flag("causal", true),
                         .local_window_size = node.integer("local_window_size", -1),
                         .do_rotary = node.flag("do_rotary", false),
                         .rotary_interleaved = node.flag("rotary_interleaved", false),
                         .smooth_softmax = node.integer("smooth_softmax", -1) > 0};
  if (const float scale = node.real("scale", 0); scale != 0) op.scale = scale;
  const int64_t stage = node.integer("qk_output", 0);
  node.check(stage >= 0 && stage <= 2, "qk_output is ", stage, ", wanted 0 to 2");
  node.check(stage != 0 || !node.wants(3), "it has output_qk, and qk_output is 0");
  if (stage == 2) op.qk_output = AttentionStage::probabilities;
  const float epsilon = node.real("qk_norm_epsilon", 1e-6f);
  const bool quantized = has_quantized_cache(node);
  if (node.failed()) return;
  std::vector<Value*> operands = queries_keys_values(node, op);
  if (node.input(14) != nullptr)
    operands[0] = normalized(node, operands[0], node.input(14), op.num_heads, epsilon);
  if (node.input(15) != nullptr)
    operands[1] = normalized(node, operands[1], node.input(15), op.kv_num_heads, epsilon);
  for (int i = 3; i <= (quantized ? 13 : 11); ++i)
    operands.push_back(i == 6 ? told(node, node.input(i)) : node.input(i));
  node.emit_all(op, std::move(operands));
}

}  // namespace

void register_group_query(Importers& importers) {
  importers.add("GroupQueryAttention", import_group_query_attention, 1, Importers::kAnyVersion,
                "com.microsoft");
}

}  // namespace hone::onnx
