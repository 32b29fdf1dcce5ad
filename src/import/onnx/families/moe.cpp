// com.microsoft: MoE and QMoE, mixtures of experts. What an expert is not chosen for counts 0
// times: all experts are one matrix product of all tokens.

#include <limits>

#include "import/onnx/node_reader.hpp"
#include "ops/activation.hpp"
#include "ops/arithmetic.hpp"
#include "ops/blockwise.hpp"
#include "ops/generate.hpp"
#include "ops/layout.hpp"
#include "ops/matmul.hpp"
#include "ops/scatter.hpp"
#include "ops/select.hpp"
#include "ops/shape.hpp"
#include "ops/slice.hpp"
#include "ops/softmax.hpp"

namespace hone::onnx {
namespace {

struct Mixture {
  Value *x = nullptr, *logits = nullptr;  // [tokens, hidden], [tokens, experts]
  Dim tokens{}, experts{};
  int64_t chosen = 1;
  bool renormalizes = false;
  DType dtype = DType::f32;
};

Value* of_shape(NodeReader& node, Value* x, Dims shape, std::string_view hint) {
  return node.intermediate(Reshape{.shape = std::move(shape)}, {x}, hint);
}

/// How much each expert counts for each token [tokens, experts].
Value* shares_of(NodeReader& node, const Mixture& m) {
  const auto best = [&](Value* of) {
    return node.intermediates(TopK{.k = Dims{m.chosen}, .axis = 1}, {of}, 2, "best");
  };
  std::vector<Value*> found;
  if (m.renormalizes) {
    found = best(m.logits);
    found[0] = node.intermediate(Softmax{.axis = 1}, {found[0]}, "shares");
  } else {
    found = best(node.intermediate(Softmax{.axis = 1}, {m.logits}, "shares"));
  }
  Value* zeros = node.intermediate(
      ConstantOfShape{.shape = Dims{m.tokens, m.experts}, .value = Tensor::scalar(m.dtype, 0)}, {},
      "zeros");
  return node.intermediate(ScatterElements{.axis = 1}, {zeros, found[1], found[0]}, "shares");
}

/// Pairs of neighbours [.., 2 * n]: the first one, capped, times its sigmoid and the second one.
Value* swiglu(NodeReader& node, Value* x, float alpha, float beta, float limit) {
  const auto every_other = [&](int64_t from) {
    return node.intermediate(
        Slice{Dims{from}, Dims{std::numeric_limits<int64_t>::max()}, Dims{2}, Dims{2}}, {x},
        "half");
  };
  const auto number = [&](float value) {
    return node.constant(Tensor::scalar(x->type.tensor().dtype, value), "number");
  };
  Value *gate = every_other(0), *linear = every_other(1);
  if (limit > 0) {
    gate = node.intermediate(Min{}, {gate, number(limit)}, "gate");
    linear = node.intermediate(Clip{}, {linear, number(-limit), number(limit)}, "linear");
  }
  Swish sigmoid;
  sigmoid.alpha = alpha;
  gate = node.intermediate(sigmoid, {gate}, "gate");
  if (beta != 0) linear = node.intermediate(Add{}, {linear, number(beta)}, "linear");
  return node.intermediate(Mul{}, {gate, linear}, "activated");
}

Value* activated(NodeReader& node, Value* x) {
  const std::string type = node.text("activation_type", "relu");
  const float alpha = node.real("activation_alpha", 1), beta = node.real("activation_beta", 0),
              limit = node.real("swiglu_limit", 0);
  const int64_t fusion = node.integer("swiglu_fusion", 0);
  if (type == "swiglu") {
    if (fusion != 1) node.unsupported("swiglu_fusion=", fusion, ", wanted 1: neighbours");
    return swiglu(node, x, alpha, beta, limit);
  }
  if (type == "relu") return node.intermediate(Relu{}, {x}, "activated");
  if (type == "silu") return node.intermediate(Swish{}, {x}, "activated");
  Gelu gelu;
  gelu.approximate = Gelu::Approximate::tanh;
  if (type == "gelu") return node.intermediate(gelu, {x}, "activated");
  if (type != "identity") node.unsupported("activation_type=", type);
  return x;
}

/// A matrix of each expert: floats [experts, to, from], or codes with as many scales as there are
/// blocks, packed along the last axis.
struct Experts {
  Value *weights = nullptr, *scales = nullptr, *bias = nullptr;  // scales null: floats
  int64_t count = 0, to = 0, from = 0;
  int64_t bits = 0, block = 0;
  int64_t blocks() const { return from / block; }
};

/// [experts, to, last] as [experts * to, last], or where experts are summed as
/// [to, experts * last].
Value* side_by_side(NodeReader& node, Value* x, const Experts& all, bool sums, Dims last) {
  const auto shaped = [&](Dims first) {
    first.insert(first.end(), last.begin(), last.end());
    return first;
  };
  if (!sums) return of_shape(node, x, shaped({all.count * all.to}), "weights");
  std::vector<int64_t> perm{1, 0};
  for (size_t i = 0; i < last.size(); ++i) perm.push_back(static_cast<int64_t>(i) + 2);
  x = of_shape(node, x, shaped({all.count, all.to}), "weights");
  x = node.intermediate(Transpose{.perm = perm}, {x}, "weights");
  last[0] = last[0] * all.count;
  return of_shape(node, x, shaped({all.to}), "weights");
}

/// x [tokens, from] times each expert's matrix [tokens, experts * to]; or x [tokens, experts *
/// from] times them, summed [tokens, to].
Value* multiply(NodeReader& node, Value* x, const Experts& all, bool sums) {
  if (all.scales == nullptr) {
    Value* rows = side_by_side(node, all.weights, all, sums, {all.from});
    rows = node.intermediate(Transpose{.perm = {1, 0}}, {rows}, "weights");
    return node.intermediate(MatMul{}, {x, rows}, "product");
  }
  const Dims bytes{all.blocks(), all.block * all.bits / 8};
  Value* codes = side_by_side(node, all.weights, all, sums, bytes);
  Value* scales = side_by_side(node, all.scales, all, sums, {all.blocks()});
  const MatMulNBits op{.K = sums ? all.count * all.from : all.from,
                       .N = sums ? all.to : all.count * all.to,
                       .bits = all.bits,
                       .block_size = all.block,
                       .accuracy_level = node.integer("accuracy_level", 0)};
  return node.intermediate(op, {x, codes, scales}, "product");
}

/// The sizes of a matrix of each expert; `bits`: of a code, 0: floats.
Experts experts_of(NodeReader& node, Value* weights, Value* bias, Value* scales, int64_t bits) {
  const auto shape = weights->type.is_tensor() ? weights->type.tensor().concrete() : std::nullopt;
  if (!shape || shape->size() != 3) node.unsupported("weights ", weights->type, ", wanted rank 3");
  Experts all{.weights = weights,
              .scales = scales,
              .bias = bias,
              .count = (*shape)[0],
              .to = (*shape)[1],
              .from = (*shape)[2],
              .bits = bits};
  if (scales == nullptr) return all;
  all.from = all.from * 8 / bits;
  all.block = node.integer("block_size", 0);
  if (all.block == 0) all.block = all.from;
  node.check(all.block > 0 && all.from % all.block == 0, "block_size=", all.block, " for rows of ",
             all.from);
  return all;
}

void mix(NodeReader& node, const Experts& in, const Experts& out) {
  Mixture m{.chosen = node.integer("k", 1),
            .renormalizes = node.flag("normalize_routing_weights", false)};
  if (node.flag("use_sparse_mixer", false)) node.unsupported("use_sparse_mixer");
  const TensorType x = node.required(0)->type.tensor();
  if (!x.has_rank() || x.rank() < 2) node.unsupported("an input ", x);
  m.dtype = x.dtype;
  m.experts = in.count;
  m.x = of_shape(node, node.required(0), {-1, in.from}, "rows");
  m.logits = of_shape(node, node.required(1), {-1, m.experts}, "logits");
  m.tokens = m.x->type.tensor().shape()[0];
  Value* inner = multiply(node, m.x, in, false);
  if (in.bias != nullptr)
    inner = node.intermediate(Add{}, {inner, of_shape(node, in.bias, {-1}, "bias")}, "inner");
  inner = activated(node, of_shape(node, inner, {-1, in.count, in.to}, "inner"));
  Value* shares = shares_of(node, m);
  Value* wide = node.intermediate(Unsqueeze{.axes = Dims{2}}, {shares}, "shares");
  inner = node.intermediate(Mul{}, {inner, wide}, "inner");
  Value* y = multiply(node, of_shape(node, inner, {-1, in.count * out.from}, "inner"), out, true);
  if (out.bias != nullptr) {
    Value* bias = node.intermediate(MatMul{}, {shares, out.bias}, "bias");
    y = node.intermediate(Add{}, {y, bias}, "y");
  }
  node.emit(Reshape{.shape = x.shape()}, {y});
}

void import_moe(NodeReader& node) {
  if (node.input(6) != nullptr) node.unsupported("a third matrix of each expert");
  mix(node, experts_of(node, node.required(2), node.input(3), nullptr, 0),
      experts_of(node, node.required(4), node.input(5), nullptr, 0));
}

void import_qmoe(NodeReader& node) {
  for (int i = 8; i < 20; ++i)
    if (node.input(i) != nullptr)
      node.unsupported("operand ", i, ": a third matrix, zero points or scales of activations");
  node.ignore("fc3_expert_weight_bits");
  if (node.text("quant_type", "int") != "int") node.unsupported("codes that are no integers");
  if (node.integer("weights_prepacked", -1) > 0) node.unsupported("weights packed for one device");
  // ONNX Runtime renormalizes on processors whatever the attribute says.
  if (!node.flag("normalize_routing_weights", false))
    node.unsupported("normalize_routing_weights=0, of which devices differ");
  const int64_t bits = node.integer("expert_weight_bits", 4);
  const auto bits_of = [&](std::string_view name) {
    const int64_t own = node.integer(name, bits);
    node.check(own == 4 || own == 8, name, " is ", own, ", wanted 4 or 8");
    return own;
  };
  mix(node,
      experts_of(node, node.required(2), node.input(4), node.required(3),
                 bits_of("fc1_expert_weight_bits")),
      experts_of(node, node.required(5), node.input(7), node.required(6),
                 bits_of("fc2_expert_weight_bits")));
}

}  // namespace

void register_moe(Importers& importers) {
  importers.add("MoE", import_moe, 1, Importers::kAnyVersion, "com.microsoft");
  importers.add("QMoE", import_qmoe, 1, Importers::kAnyVersion, "com.microsoft");
}

}  // namespace hone::onnx
