// FlexAttention of ai.onnx.preview: products, softmax and the model's own bodies between them, each
// an op of its own as in the standard's function body.

#include <cmath>

#include "import/onnx/node_reader.hpp"
#include "ops/arithmetic.hpp"
#include "ops/cast.hpp"
#include "ops/layout.hpp"
#include "ops/math.hpp"
#include "ops/matmul.hpp"
#include "ops/shape.hpp"
#include "ops/softmax.hpp"

namespace hone::onnx {
namespace {

const Dims& shape_of(NodeReader& node, int i) {
  const TensorType& type = node.required(i)->type.tensor();
  if (!type.has_rank()) node.unsupported("input ", i, " of unknown rank");
  node.check(type.rank() == 4, "input ", i, " is ", type, ", wanted rank 4");
  return type.shape();
}

Value* cast(NodeReader& node, Value* x, DType to, std::string_view hint) {
  return x->type.tensor().dtype == to ? x : node.intermediate(Cast{.to = to}, {x}, hint);
}

/// Keys or values [batch, kv_heads, ...], each head as often as queries share it.
Value* repeated(NodeReader& node, int i, const Dim& q_heads, std::string_view hint) {
  Value* x = node.required(i);
  const Dims& shape = shape_of(node, i);
  const Dim& heads = shape[1];
  if (heads == q_heads) return x;
  node.check(!heads.is(0), "input ", i, " has no heads");
  node.check(provably_equal(mod(q_heads, heads), 0).value_or(true), q_heads, " query heads for ",
             heads, " of input ", i, ", wanted a multiple");
  const Dims wide{shape[0], heads, floor_div(q_heads, heads), shape[2], shape[3]};
  x = node.intermediate(Unsqueeze{.axes = Dims{2}}, {x}, hint);
  x = node.intermediate(Expand{.shape = wide}, {x}, hint);
  const Dims flat{shape[0], q_heads, shape[2], shape[3]};
  return node.intermediate(Reshape{.shape = flat, .allowzero = true}, {x}, hint);
}

/// The root of the scale, which q and k each are multiplied by.
Value* root_of_scale(NodeReader& node, DType type) {
  const Dim& head = shape_of(node, 0)[3];
  const bool given = node.has("scale");
  const float scale = node.real("scale", 1);
  if (given || head.is_constant()) {
    const double value =
        given ? double{scale} : 1 / std::sqrt(static_cast<double>(*head.constant()));
    return node.constant(Tensor::scalar(type, std::sqrt(value)), "scale");
  }
  Value* size = node.intermediate(Shape{.start = 3, .end = 4}, {node.required(0)}, "head");
  Value* root = node.intermediate(Sqrt{}, {cast(node, size, DType::f32, "head")}, "head");
  Value* inverse = node.intermediate(Reciprocal{}, {root}, "scale");
  return cast(node, node.intermediate(Sqrt{}, {inverse}, "scale"), type, "scale");
}

/// The result of the body of that name for `x`; x itself without one.
Value* modified(NodeReader& node, std::string_view body, Value* x) {
  if (!node.has(body)) return x;
  const std::vector<Value*> results = node.inline_body(body, {x});
  node.check(results.size() == 1, body, " gives ", results.size(), " results, wanted one");
  const Type &got = results[0]->type, &wanted = x->type;
  node.check(got.is_tensor() && got.tensor().dtype == wanted.tensor().dtype, body, " gives ", got,
             ", wanted ", wanted);
  return results[0];
}

void import_flex_attention(NodeReader& node) {
  Value *q = node.required(0), *k = node.required(1);
  const DType type = q->type.tensor().dtype;
  node.check(is_float(type), "q is ", type, ", wanted floats");
  const DType precision =
      node.dtype("softmax_precision", type == DType::f64 ? DType::f64 : DType::f32);
  const Dim heads = shape_of(node, 0)[1];
  Value* root = root_of_scale(node, type);
  k = node.intermediate(Mul{}, {repeated(node, 1, heads, "keys"), root}, "keys");
  k = node.intermediate(Transpose{.perm = {0, 1, 3, 2}}, {k}, "keys");
  q = node.intermediate(Mul{}, {q, root}, "queries");
  Value* scores = cast(node, node.intermediate(MatMul{}, {q, k}, "scores"), precision, "scores");
  scores = modified(node, "score_mod", scores);
  Value* weights = node.intermediate(Softmax{.axis = 3}, {scores}, "weights");
  weights = cast(node, modified(node, "prob_mod", weights), type, "weights");
  node.emit(MatMul{}, {weights, repeated(node, 2, heads, "values")});
}

}  // namespace

void register_flex(Importers& importers) {
  importers.add("FlexAttention", import_flex_attention, 1, Importers::kAnyVersion,
                "ai.onnx.preview");
}

}  // namespace hone::onnx
