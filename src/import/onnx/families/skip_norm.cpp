// com.microsoft: layer normalization of a sum, as ONNX Runtime fuses transformers; and what it
// writes into the default domain at every opset.

#include "import/onnx/node_reader.hpp"
#include "ops/arithmetic.hpp"
#include "ops/cast.hpp"
#include "ops/compare.hpp"
#include "ops/gather.hpp"
#include "ops/math.hpp"
#include "ops/normalization.hpp"
#include "ops/reduction.hpp"
#include "ops/slice.hpp"

namespace hone::onnx {
namespace {

/// The sum of the operands that are there.
Value* sum_of(NodeReader& node, std::initializer_list<Value*> terms, std::string_view hint) {
  Value* sum = nullptr;
  for (Value* term : terms) {
    if (term == nullptr) continue;
    sum = sum == nullptr ? term : node.intermediate(Add{}, {sum, term}, hint);
  }
  return sum;
}

/// 1 / sqrt(mean(x^2) + epsilon) over `axis` and those after it, in f32 (or wider).
void give_inverse_deviation(NodeReader& node, int output, Value* x, int64_t axis, float epsilon) {
  if (!node.wants(output)) return;
  const TensorType& type = x->type.tensor();
  if (!type.has_rank()) node.unsupported("statistics of an input of unknown rank");
  Dims axes;
  const int64_t first = axis < 0 ? axis + type.rank() : axis;
  for (int64_t i = first; i < type.rank(); ++i) axes.emplace_back(i);
  const DType wide = type.dtype == DType::f64 ? DType::f64 : DType::f32;
  if (type.dtype != wide) x = node.intermediate(Cast{.to = wide}, {x}, "wide");
  Value* square = node.intermediate(Mul{}, {x, x}, "square");
  Value* mean = node.intermediate(ReduceMean{.axes = axes}, {square}, "mean");
  Value* small = node.constant(Tensor::scalar(wide, epsilon), "epsilon");
  Value* root = node.intermediate(Sqrt{}, {node.intermediate(Add{}, {mean, small}, "sum")}, "root");
  node.give(output, node.intermediate(Reciprocal{}, {root}, "inverse"));
}

/// ONNX Runtime's own operator, in the default domain until the standard had one of this name (17).
/// The result has the scale's type.
void import_layer_normalization(NodeReader& node) {
  Value *x = node.required(0), *scale = node.required(1);
  const LayerNormalization op{.axis = node.integer("axis", -1),
                              .epsilon = node.real("epsilon", 1e-5f),
                              .stash_type = node.dtype("stash_type", DType::f32)};
  const DType type = scale->type.tensor().dtype, own = x->type.tensor().dtype;
  if (own == type) return void(node.emit_all(op, node.all_inputs()));
  const bool wider = bits(type) > bits(own);
  if (wider) x = node.intermediate(Cast{.to = type}, {x}, "wide");
  const std::vector<Value*> results =
      node.intermediates(op, {x, scale, node.input(2)}, 3, "normalized");
  node.give(0, wider ? results[0] : node.intermediate(Cast{.to = type}, {results[0]}, "narrow"));
  for (int i : {1, 2}) node.give(i, results[static_cast<size_t>(i)]);
}

/// ONNX Runtime's own operator, in the default domain. The result has the scale's type.
void import_simplified(NodeReader& node) {
  Value *x = node.required(0), *scale = node.required(1);
  const RMSNormalization op{.axis = node.integer("axis", -1),
                            .epsilon = node.real("epsilon", 1e-5f),
                            .stash_type = node.dtype("stash_type", DType::f32)};
  give_inverse_deviation(node, 1, x, op.axis, op.epsilon);
  const DType type = scale->type.tensor().dtype;
  if (x->type.tensor().dtype == type) return void(node.emit(op, {x, scale}));
  // Normalized at least as wide as either, and rounded to the scale's type.
  const bool wider = bits(type) > bits(x->type.tensor().dtype);
  if (wider) x = node.intermediate(Cast{.to = type}, {x}, "wide");
  Value* y = node.intermediate(op, {x, scale}, "normalized");
  node.give(0, wider ? y : node.intermediate(Cast{.to = type}, {y}, "narrow"));
}

void import_skip_simplified(NodeReader& node) {
  const RMSNormalization op{.epsilon = node.real("epsilon", 1e-12f)};
  Value* sum = sum_of(node, {node.required(0), node.required(1), node.input(3)}, "sum");
  give_inverse_deviation(node, 2, sum, -1, op.epsilon);
  if (node.wants(1)) node.unsupported("the mean, which is not of this normalization");
  if (node.wants(3)) node.give(3, sum);
  node.emit(op, {sum, node.required(2)});
}

/// Gives result `i` of a layer normalization for the node's output i, and its statistics.
void normalize(NodeReader& node, Value* sum, Value* gamma, Value* beta, float epsilon,
               bool statistics) {
  const LayerNormalization op{.epsilon = epsilon};
  std::vector<Value*> operands{sum, gamma};
  if (beta != nullptr) operands.push_back(beta);
  if (!statistics) return void(node.emit(op, std::move(operands)));
  const std::vector<Value*> results = node.intermediates(op, std::move(operands), 3, "normalized");
  for (int i = 0; i < 3; ++i) node.give(i, results[static_cast<size_t>(i)]);
}

void import_skip(NodeReader& node) {
  const float epsilon = node.real("epsilon", 1e-12f);
  Value* sum = sum_of(node, {node.required(0), node.required(1), node.input(4)}, "sum");
  if (node.wants(3)) node.give(3, sum);
  normalize(node, sum, node.required(2), node.input(3), epsilon, node.wants(1) || node.wants(2));
}

/// Rows of the position embedding: those of position_ids, or the first of all.
Value* positions(NodeReader& node, Value* ids) {
  Value* table = node.required(3);
  if (node.input(8) != nullptr)
    return node.intermediate(Gather{}, {table, node.input(8)}, "positions");
  const auto rank = node.rank(0);
  if (!rank || *rank != 2) node.unsupported("token ids of unknown rank without position_ids");
  const Dim length = ids->type.tensor().shape()[1];
  return node.intermediate(Slice{.starts = Dims{0}, .ends = Dims{length}, .axes = Dims{0}}, {table},
                           "positions");
}

/// How many elements of the mask are 1, by sample; 0 without one.
void give_mask_index(NodeReader& node, Value* ids) {
  if (!node.wants(1)) return;
  if (node.input(7) == nullptr) {
    Value* none = node.intermediate(Sub{}, {ids, ids}, "none");
    return node.give(
        1, node.intermediate(ReduceSum{.axes = Dims{1}, .keepdims = false}, {none}, "mask_index"));
  }
  Value* one = node.constant(Tensor::scalar(DType::i32, 1), "one");
  Value* kept = node.intermediate(Equal{}, {node.input(7), one}, "kept");
  Value* count = node.intermediate(Cast{.to = DType::i32}, {kept}, "count");
  node.give(
      1, node.intermediate(ReduceSum{.axes = Dims{1}, .keepdims = false}, {count}, "mask_index"));
}

void import_embed(NodeReader& node) {
  const float epsilon = node.real("epsilon", 1e-12f);
  node.ignore("mask_index_type");  // tells a type that is known
  Value* ids = node.required(0);
  Value* words = node.intermediate(Gather{}, {node.required(2), ids}, "words");
  Value* segments = nullptr;
  if (node.input(1) != nullptr && node.input(4) != nullptr)
    segments = node.intermediate(Gather{}, {node.input(4), node.input(1)}, "segments");
  Value* sum = sum_of(node, {words, positions(node, ids), segments}, "sum");
  give_mask_index(node, ids);
  if (node.wants(2)) node.give(2, sum);
  normalize(node, sum, node.required(5), node.required(6), epsilon, false);
}

}  // namespace

void register_skip_norm(Importers& importers) {
  const auto add = [&](std::string_view name, ImportFunction f) {
    importers.add(name, f, 1, Importers::kAnyVersion, "com.microsoft");
  };
  importers.add("LayerNormalization", import_layer_normalization, 1, 16);
  importers.add("SimplifiedLayerNormalization", import_simplified);
  add("SimplifiedLayerNormalization", import_simplified);
  add("SkipSimplifiedLayerNormalization", import_skip_simplified);
  add("SkipLayerNormalization", import_skip);
  add("EmbedLayerNormalization", import_embed);
}

}  // namespace hone::onnx
