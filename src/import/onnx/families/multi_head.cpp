// com.microsoft: Attention, MultiHeadAttention and DecoderMaskedMultiHeadAttention, whose
// projections, layouts, masks and caches become ops of their own around one Attention.

#include <algorithm>

#include "import/onnx/node_reader.hpp"
#include "ops/arithmetic.hpp"
#include "ops/attention.hpp"
#include "ops/cast.hpp"
#include "ops/compare.hpp"
#include "ops/gather.hpp"
#include "ops/generate.hpp"
#include "ops/layout.hpp"
#include "ops/logic.hpp"
#include "ops/matmul.hpp"
#include "ops/reduction.hpp"
#include "ops/scatter.hpp"
#include "ops/select.hpp"
#include "ops/shape.hpp"
#include "ops/softmax.hpp"

namespace hone::onnx {
namespace {

const Dims& shape_of(NodeReader& node, const Value* value, std::string_view what) {
  const TensorType& type = value->type.tensor();
  if (!type.has_rank()) node.unsupported("the rank of ", what, " is unknown");
  return type.shape();
}

Value* reshaped(NodeReader& node, Value* x, Dims shape, std::string_view hint) {
  return node.intermediate(Reshape{.shape = std::move(shape)}, {x}, hint);
}
/// [batch, sequence, heads * head] as [batch, heads, sequence, head].
Value* split_heads(NodeReader& node, Value* x, int64_t heads, std::string_view hint) {
  Value* apart = reshaped(node, x, {0, 0, heads, -1}, hint);
  return node.intermediate(Transpose{.perm = {0, 2, 1, 3}}, {apart}, hint);
}
/// [batch, heads, sequence, head] as [batch, sequence, heads * head].
Value* merge_heads(NodeReader& node, Value* x, std::string_view hint) {
  Value* turned = node.intermediate(Transpose{.perm = {0, 2, 1, 3}}, {x}, hint);
  return reshaped(node, turned, {0, 0, -1}, hint);
}
/// `x` in parts of these sizes along `axis`.
std::vector<Value*> parts(NodeReader& node, Value* x, int64_t axis, const Dims& sizes,
                          std::string_view hint) {
  return node.intermediates(Split{.axis = axis, .split = sizes}, {x},
                            static_cast<int>(sizes.size()), hint);
}
/// The places along `axis`, which has so many, without the axis.
std::vector<Value*> unstacked(NodeReader& node, Value* x, int64_t axis, size_t count,
                              std::string_view hint) {
  std::vector<Value*> result = parts(node, x, axis, Dims(count, Dim(1)), hint);
  for (Value*& part : result) part = node.intermediate(Squeeze{.axes = Dims{axis}}, {part}, hint);
  return result;
}

/// What both operators ask of one Attention.
struct Heads {
  int64_t count = 0;
  // [batch, sequence, heads * head]; keys and values also [batch, heads, sequence, head].
  Value *q = nullptr, *k = nullptr, *v = nullptr;
  Value *past_key = nullptr, *past_value = nullptr;
  Value* past_length = nullptr;  // set: the past is a buffer that is filled so far
  Value* beams = nullptr;        // [batch, beams, buffer]: which beam each key of the past is of
  Value* bias = nullptr;         // added to the scores
  Dim batch = 0, total = 0;      // samples; keys, those of the past with them
};

/// 0, 1, ... below `count`.
Value* numbers_below(NodeReader& node, const Dim& count, DType dtype) {
  Value* ones = node.intermediate(
      ConstantOfShape{.shape = Dims{count}, .value = Tensor::ints({1}, dtype)}, {}, "ones");
  return node.intermediate(CumSum{.axis = Dims{0}, .exclusive = true}, {ones}, "numbers");
}

/// Lengths [batch], ends and starts [2 * batch], or lengths and their sums [3 * batch + 2], as the
/// keys that are kept [batch, keys].
Value* kept_between(NodeReader& node, Value* ends, const Heads& heads) {
  Value* starts = nullptr;
  const Dim& count = ends->type.tensor().shape()[0];
  const auto is = [&](const Dim& size) { return provably_equal(count, size).value_or(false); };
  if (!is(heads.batch) && is(Dim(2) * heads.batch)) {
    const std::vector<Value*> halves = parts(node, ends, 0, {heads.batch, heads.batch}, "bounds");
    ends = halves[0], starts = halves[1];
  } else if (!is(heads.batch) && is(Dim(3) * heads.batch + 2)) {
    // The lengths, then where each sample begins among queries and keys without padding.
    ends = parts(node, ends, 0, {heads.batch, Dim(2) * heads.batch + 2}, "lengths")[0];
  }
  const auto column = [&](Value* x) {
    return node.intermediate(Unsqueeze{.axes = Dims{1}}, {x}, "bound");
  };
  Value* keys = numbers_below(node, heads.total, DType::i32);
  Value* kept = node.intermediate(Less{}, {keys, column(ends)}, "kept");
  if (starts == nullptr) return kept;
  Value* begun = node.intermediate(GreaterOrEqual{}, {keys, column(starts)}, "begun");
  return node.intermediate(And{}, {kept, begun}, "kept");
}

/// A mask of integers and what else is added to the scores, as one term: `filter` where masked.
Value* added(NodeReader& node, Value* mask, Value* bias, float filter, const Heads& heads) {
  if (mask == nullptr) return bias;
  const size_t rank = shape_of(node, mask, "the mask").size();
  const DType type = heads.q->type.tensor().dtype;
  if (rank < 1 || rank > 3) node.unsupported("a mask of rank ", rank);
  Value* kept = rank == 1 ? kept_between(node, mask, heads)
                          : node.intermediate(Cast{.to = DType::boolean}, {mask}, "kept");
  if (rank != 1) {
    const Dim& keys = mask->type.tensor().shape().back();
    // Of a buffer, those that are filled: how many is not known here.
    node.check(heads.past_length != nullptr || provably_equal(keys, heads.total).value_or(true),
               "the mask is ", mask->type, ", wanted ", heads.total, " keys in its last dimension");
  }
  kept = node.intermediate(Unsqueeze{.axes = rank == 3 ? Dims{1} : Dims{1, 2}}, {kept}, "kept");
  Value* zero = node.constant(Tensor::scalar(type, 0), "zero");
  Value* least = node.constant(Tensor::scalar(type, filter), "filter");
  Value* term = node.intermediate(Where{}, {kept, zero, least}, "mask");
  return bias == nullptr ? term : node.intermediate(Add{}, {term, bias}, "bias");
}

Attention attention_of(NodeReader& node) {
  Attention op{.is_causal = node.flag("unidirectional", false)};
  if (const float scale = node.real("scale", 0); scale != 0) op.scale = scale;
  return op;
}

/// For each sample and place of the buffer, the sample that its key is of [samples, buffer]. Beams
/// are chosen for one query at a time: with more of them, and where the buffer is not filled yet,
/// every sample has its own.
Value* key_owners(NodeReader& node, const Heads& heads, Value* filled) {
  const auto one = [&](Value* x, int64_t axis) {
    return node.intermediate(Shape{.start = axis, .end = axis + 1}, {x}, "size");
  };
  Value* own = numbers_below(node, heads.batch, DType::i64);
  own = reshaped(node, own, {-1, 1}, "own");
  Value* beams = one(heads.beams, 1);
  Value* group = node.intermediate(Div{}, {own, beams}, "group");
  Value* first = node.intermediate(Mul{}, {group, beams}, "first");
  Value* chosen = node.intermediate(Cast{.to = DType::i64}, {heads.beams}, "beams");
  chosen = reshaped(node, chosen, {heads.batch, -1}, "beams");
  chosen = node.intermediate(Add{}, {first, chosen}, "chosen");
  Value* places = numbers_below(node, heads.total, DType::i64);
  Value* past = node.intermediate(Less{}, {places, filled}, "past");
  Value* single = node.constant(Tensor::ints({1}, DType::i64), "single");
  Value* alone = node.intermediate(Equal{}, {one(heads.q, 1), single}, "alone");
  Value* other = node.intermediate(And{}, {past, alone}, "other");
  return node.intermediate(Where{}, {other, chosen, own}, "owners");
}

/// A buffer [samples, heads, buffer, head] with each key, or value, of its owner.
Value* of_owners(NodeReader& node, Value* buffer, Value* owners) {
  Value* index = node.intermediate(Unsqueeze{.axes = Dims{1, 3}}, {owners}, "index");
  Value* shape = node.intermediate(Shape{}, {buffer}, "shape");
  index = node.intermediate(Expand{}, {index, shape}, "index");
  return node.intermediate(GatherElements{.axis = 0}, {buffer, index}, "of_beams");
}

/// Keys or values written into their buffer where it is filled so far.
Value* written(NodeReader& node, Value* buffer, Value* more, Value* place) {
  return node.intermediate(TensorScatter{}, {buffer, more, place}, "present");
}

bool is_by_head(NodeReader& node, const Value* keys) {
  return shape_of(node, keys, "the key").size() == 4;
}

/// Over keys and values that lie by head, as an encoder's do.
std::vector<Value*> attend_by_head(NodeReader& node, const Attention& op, const Heads& heads) {
  const int count = node.wants(3) ? 4 : node.wants(1) || node.wants(2) ? 3 : 1;
  Value* q = split_heads(node, heads.q, heads.count, "q");
  std::vector<Value*> results = node.intermediates(
      op, {q, heads.k, heads.v, heads.bias, heads.past_key, heads.past_value}, count, "heads");
  Value* turned = node.intermediate(Transpose{.perm = {0, 2, 1, 3}}, {results[0]}, "y");
  results[0] = node.emit(Reshape{.shape = Dims{0, 0, -1}}, {turned});
  for (int i = 1; i < count; ++i)
    if (node.wants(i)) node.give(i, results[static_cast<size_t>(i)]);
  return results;
}

/// Gives y [batch, sequence, heads * head]; results 1 and 2 are the present key and value [batch,
/// heads, keys, head], 3 the scores. `direct`: the node's outputs are these.
std::vector<Value*> attend(NodeReader& node, Attention op, const Heads& heads, bool direct) {
  op.softmax_precision = heads.q->type.tensor().dtype;
  op.zero_unseen = heads.bias != nullptr || heads.past_length != nullptr;
  if (heads.past_length == nullptr && direct && is_by_head(node, heads.k))
    return attend_by_head(node, op, heads);
  if (heads.past_length == nullptr) {
    op.q_num_heads = op.kv_num_heads = heads.count;
    const std::vector<Value*> operands{heads.q,    heads.k,        heads.v,
                                       heads.bias, heads.past_key, heads.past_value};
    if (direct) return node.emit_all(op, operands);
    if (!node.wants(1)) return {node.emit(op, operands)};
    std::vector<Value*> results = node.intermediates(op, operands, 3, "heads");
    node.give(0, results[0]);
    return results;
  }
  Value* filled = node.intermediate(Cast{.to = DType::i64}, {heads.past_length}, "filled");
  filled = reshaped(node, filled, {1}, "filled");
  Value* place = node.intermediate(Expand{.shape = Dims{heads.batch}}, {filled}, "place");
  const Dim& fresh = shape_of(node, heads.k, "the keys")[1];
  Value* ones = node.intermediate(
      ConstantOfShape{.shape = Dims{fresh}, .value = Tensor::ints({1}, DType::i64)}, {}, "ones");
  Value* more = node.intermediate(ReduceSum{.axes = Dims{0}, .keepdims = true}, {ones}, "more");
  Value* there = node.intermediate(Add{}, {place, more}, "there");
  Value* k = written(node, heads.past_key, split_heads(node, heads.k, heads.count, "k"), place);
  Value* v = written(node, heads.past_value, split_heads(node, heads.v, heads.count, "v"), place);
  Value* q = split_heads(node, heads.q, heads.count, "q");
  Value *seen_k = k, *seen_v = v;
  if (heads.beams != nullptr) {
    Value* owners = key_owners(node, heads, filled);
    seen_k = of_owners(node, k, owners), seen_v = of_owners(node, v, owners);
  }
  std::vector<Value*> results =  // scores that nobody wants no kernel makes
      node.intermediates(op, {q, seen_k, seen_v, heads.bias, nullptr, nullptr, there},
                         node.wants(3) ? 4 : 1, "heads");
  results.resize(4);
  Value* turned = node.intermediate(Transpose{.perm = {0, 2, 1, 3}}, {results[0]}, "y");
  Value* y = node.emit(Reshape{.shape = Dims{0, 0, -1}}, {turned});
  if (direct)
    for (const int i : {1, 2, 3})
      if (node.wants(i)) node.give(i, i == 1 ? k : i == 2 ? v : results[3]);
  return {y, k, v, results[3]};
}

/// Queries, keys and values by the layouts that MultiHeadAttention takes them in.
void read_operands(NodeReader& node, Heads& heads) {
  Value *q = node.required(0), *k = node.input(1), *v = node.input(2);
  const auto flat = [&](Value* x) { return reshaped(node, x, {0, 0, -1}, "flat"); };
  if (shape_of(node, q, "the query").size() == 5) {  // [batch, sequence, heads, 3, head]
    const std::vector<Value*> all = unstacked(node, q, 3, 3, "packed");
    heads.q = flat(all[0]), heads.k = flat(all[1]), heads.v = flat(all[2]);
    return;
  }
  heads.q = q;
  node.check(k != nullptr, "the key is missing");
  if (shape_of(node, k, "the key").size() == 5) {  // [batch, sequence, heads, 2, head]
    const std::vector<Value*> both = unstacked(node, k, 3, 2, "packed");
    heads.k = flat(both[0]), heads.v = flat(both[1]);
    return;
  }
  node.check(v != nullptr, "the value is missing");
  heads.k = k, heads.v = v;
}

/// [batch, heads, sequence, head] as [batch, sequence, heads * head], for what has no heads.
void merge_keys(NodeReader& node, Heads& heads) {
  if (!is_by_head(node, heads.k)) return;
  heads.k = merge_heads(node, heads.k, "k");
  heads.v = merge_heads(node, heads.v, "v");
}

/// The projections' bias [q + k + v], added to each.
void add_projection_bias(NodeReader& node, Heads& heads, Value* bias) {
  if (bias == nullptr) return;
  merge_keys(node, heads);
  Dims sizes;
  for (const Value* each : {heads.q, heads.k, heads.v})
    sizes.push_back(shape_of(node, each, "an operand").back());
  const std::vector<Value*> terms = parts(node, bias, 0, sizes, "bias");
  heads.q = node.intermediate(Add{}, {heads.q, terms[0]}, "q");
  heads.k = node.intermediate(Add{}, {heads.k, terms[1]}, "k");
  heads.v = node.intermediate(Add{}, {heads.v, terms[2]}, "v");
}

/// How many keys there are, those of the past with them.
void count_keys(NodeReader& node, Heads& heads) {
  heads.batch = shape_of(node, heads.q, "the query")[0];
  heads.total = shape_of(node, heads.k, "the key")[is_by_head(node, heads.k) ? 2 : 1];
  if (heads.past_key == nullptr) return;
  const Dim& past = shape_of(node, heads.past_key, "the past")[2];
  heads.total = heads.past_length == nullptr ? heads.total + past : past;
}

void import_multi_head_attention(NodeReader& node) {
  Heads heads{.count = node.integer("num_heads")};
  Attention op = attention_of(node);
  if (node.wants(3)) op.qk_matmul_output_mode = AttentionStage::biased;
  const float filter = node.real("mask_filter_value", -10000);
  read_operands(node, heads);
  add_projection_bias(node, heads, node.input(3));
  heads.past_key = node.input(6), heads.past_value = node.input(7);
  if (heads.past_key != nullptr) heads.past_length = node.input(8);
  if (heads.past_length != nullptr) merge_keys(node, heads);
  if (heads.past_length != nullptr) heads.beams = node.input(9);
  count_keys(node, heads);
  heads.bias = added(node, node.input(4), node.input(5), filter, heads);
  attend(node, op, heads, true);
}

/// One query of each sample.
void import_decoder_masked(NodeReader& node) {
  Heads heads{.count = node.integer("num_heads")};
  Attention op = attention_of(node);
  if (node.wants(3)) op.qk_matmul_output_mode = AttentionStage::biased;
  node.ignore("output_qk");
  const float filter = node.real("mask_filter_value", -10000);
  const bool shares = node.flag("past_present_share_buffer", false);
  read_operands(node, heads);
  add_projection_bias(node, heads, node.input(10));
  heads.past_key = node.input(5), heads.past_value = node.input(6);
  if (heads.past_key != nullptr) {
    node.check(shares, "a past that is no buffer: past_present_share_buffer is 0");
    heads.past_length = node.required(7);
    heads.beams = node.input(9);
    merge_keys(node, heads);
  }
  count_keys(node, heads);
  heads.bias = added(node, node.input(3), node.input(4), filter, heads);
  attend(node, op, heads, true);
}

/// x times the merged weights [input, q + k + v], plus the bias.
void project(NodeReader& node, Heads& heads) {
  Value* merged = node.intermediate(MatMul{}, {node.required(0), node.required(1)}, "merged");
  if (node.input(2) != nullptr)
    merged = node.intermediate(Add{}, {merged, node.input(2)}, "merged");
  const std::vector<int64_t> sizes = node.ints("qkv_hidden_sizes");
  node.check(sizes.empty() || sizes.size() == 3, "qkv_hidden_sizes has ", sizes.size(),
             " elements, wanted 3");
  Dims widths(sizes.begin(), sizes.end());
  if (widths.empty())
    widths.assign(3, floor_div(shape_of(node, merged, "the projection").back(), 3));
  const std::vector<Value*> all = parts(node, merged, 2, widths, "qkv");
  heads.q = all[0], heads.k = all[1], heads.v = all[2];
}

void import_attention(NodeReader& node) {
  Heads heads{.count = node.integer("num_heads")};
  const Attention op = attention_of(node);
  const float filter = node.real("mask_filter_value", -10000);
  if (node.flag("do_rotary", false)) node.unsupported("do_rotary, without angles to turn by");
  node.ignore("rotary_embedding_dim");
  const bool shares = node.flag("past_present_share_buffer", false);
  project(node, heads);
  if (node.input(4) != nullptr) {  // [2, batch, heads, past, head]
    const std::vector<Value*> past = unstacked(node, node.input(4), 0, 2, "past");
    heads.past_key = past[0], heads.past_value = past[1];
    if (shares) heads.past_length = node.required(6);
  }
  count_keys(node, heads);
  if (heads.past_length != nullptr && node.input(3) != nullptr)
    node.unsupported("a mask beside a shared buffer");
  heads.bias = added(node, node.input(3), node.input(5), filter, heads);
  const std::vector<Value*> results = attend(node, op, heads, false);
  if (!node.wants(1)) return;
  std::vector<Value*> present;
  for (size_t i = 1; i <= 2; ++i)
    present.push_back(node.intermediate(Unsqueeze{.axes = Dims{0}}, {results[i]}, "present"));
  node.give(1, node.intermediate(Concat{}, present, "present"));
}

}  // namespace

void register_multi_head(Importers& importers) {
  const auto add = [&](std::string_view name, ImportFunction f) {
    importers.add(name, f, 1, Importers::kAnyVersion, "com.microsoft");
  };
  add("Attention", import_attention);
  add("MultiHeadAttention", import_multi_head_attention);
  add("DecoderMaskedMultiHeadAttention", import_decoder_masked);
}

}  // namespace hone::onnx
