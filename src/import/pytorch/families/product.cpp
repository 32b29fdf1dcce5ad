// Products of matrices, and attention made of them.

#include "import/pytorch/promote.hpp"
#include "ops/activation.hpp"
#include "ops/arithmetic.hpp"
#include "ops/attention.hpp"
#include "ops/einsum.hpp"
#include "ops/inverse.hpp"
#include "ops/layout.hpp"
#include "ops/matmul.hpp"
#include "ops/normalization.hpp"
#include "ops/reduction.hpp"
#include "ops/shape.hpp"

namespace hone::pytorch {
namespace {

void import_linear(Call& call) {
  Value *x = call.tensor("input"), *weight = call.tensor("weight");
  Value* bias = call.optional_tensor("bias");
  if (Call::rank(x) == 2 && Call::rank(weight) == 2) {
    std::vector<Value*> inputs{x, weight};
    if (bias != nullptr) inputs.push_back(bias);
    return void(call.emit(Gemm{.transB = true}, inputs));
  }
  Value* turned = Call::rank(weight) == 2 ? call.transposed(weight, 0, 1, "turned") : weight;
  if (bias == nullptr) return void(call.emit(MatMul{}, {x, turned}));
  call.emit(Add{}, {call.intermediate(MatMul{}, {x, turned}, "product"), bias});
}

/// Of the two operands, whatever their parameters are called.
template <int kFirst = 0>
void import_product(Call& call) {
  const auto& parameters = call.overload().parameters;
  call.emit(MatMul{},
            {call.tensor(parameters[kFirst].name), call.tensor(parameters[kFirst + 1].name)});
}

Value* scaled(Call& call, Value* value, std::string_view name) {
  if (call.real(name) == 1) return value;
  return call.intermediate(
      Mul{}, {value, call.operand(call.argument(name), Call::dtype(value), name)}, "scaled");
}

/// beta * self + alpha * (a x b).
void import_added_product(Call& call) {
  const auto& parameters = call.overload().parameters;
  Value *a = call.tensor(parameters[1].name), *b = call.tensor(parameters[2].name);
  Value* product = scaled(call, call.intermediate(MatMul{}, {a, b}, "product"), "alpha");
  if (call.real("beta") == 0) return call.give(product);
  call.emit(Add{}, {scaled(call, call.tensor("self"), "beta"), product});
}

void import_addmm(Call& call) {
  Value *a = call.tensor("mat1"), *b = call.tensor("mat2");
  if (!is_float(Call::dtype(a))) return import_added_product(call);
  const Gemm op{.alpha = static_cast<float>(call.real("alpha")),
                .beta = static_cast<float>(call.real("beta"))};
  call.emit(op, {a, b, call.tensor("self")});
}

void import_outer(Call& call) {
  const DType dtype = promoted(call, {"self", "vec2"});
  Value *a = call.cast(call.tensor("self"), dtype), *b = call.cast(call.tensor("vec2"), dtype);
  call.emit(Mul{}, {call.intermediate(Unsqueeze{.axes = Dims{Dim(1)}}, {a}, "column"), b});
}

void import_einsum(Call& call) {
  std::string equation = call.text("equation");
  std::erase(equation, ' ');
  const DType dtype = promoted(call, call.items("tensors"));
  std::vector<Value*> operands;
  for (Value* value : call.tensors("tensors")) operands.push_back(call.cast(value, dtype));
  call.emit(Einsum{.equation = equation}, operands);
}

/// Sums over pairs of axes.
void import_tensordot(Call& call) {
  Value *a = call.tensor("self"), *b = call.tensor("other");
  const auto of_a = call.integers("dims_self"), of_b = call.integers("dims_other");
  call.check(of_a.size() == of_b.size(), "sums over axes that differ in number");
  std::string first, second, result;
  char next = 'a';
  call.check(Call::rank(a) + Call::rank(b) <= 40, "more axes than letters");
  const auto letter = [&] { return next == 'z' ? (next = 'A', 'z') : next++; };
  for (int i = 0; i < Call::rank(a); ++i) first += letter();
  second.assign(static_cast<size_t>(Call::rank(b)), ' ');
  std::string summed;
  for (size_t i = 0; i < of_a.size(); ++i) {
    const char shared = first[static_cast<size_t>(call.axis(of_a[i], Call::rank(a)))];
    second[static_cast<size_t>(call.axis(of_b[i], Call::rank(b)))] = shared;
    summed += shared;
  }
  for (char& c : second)
    if (c == ' ') c = letter();
  for (const char c : first + second)
    if (summed.find(c) == std::string::npos) result += c;
  call.emit(Einsum{.equation = cat(first, ",", second, "->", result)}, {a, b});
}

/// x1 W x2 for each feature.
void import_bilinear(Call& call) {
  Value* y = call.intermediate(
      Einsum{.equation = "...i,kij,...j->...k"},
      {call.tensor("input1"), call.tensor("weight"), call.tensor("input2")}, "product");
  if (Value* bias = call.optional_tensor("bias")) call.emit(Add{}, {y, bias});
  else call.give(y);
}

/// A mask of one column stands for all keys.
Value* widened_mask(Call& call, Value* mask, const Value* key) {
  Dims shape = Call::shape(mask);
  const Dim& keys = Call::shape(key)[static_cast<size_t>(Call::rank(key)) - 2];
  if (shape.empty() || !shape.back().is(1) || keys.is(1)) return mask;
  shape.back() = keys;
  return call.expanded(mask, {shape, nullptr}, "mask");
}

/// [batch..., heads, sequence, head] as four axes.
Value* with_four_axes(Call& call, Value* x, std::string_view hint) {
  const Dims& shape = Call::shape(x);
  if (shape.size() == 4) return x;
  if (shape.size() < 4) {
    Dims axes;
    for (size_t i = shape.size(); i < 4; ++i)
      axes.emplace_back(static_cast<int64_t>(i - shape.size()));
    return call.intermediate(Unsqueeze{.axes = axes}, {x}, hint);
  }
  const size_t more = shape.size() - 3;
  Dims four{product(Dims(shape.begin(), shape.begin() + static_cast<int64_t>(more)))};
  four.insert(four.end(), shape.begin() + static_cast<int64_t>(more), shape.end());
  return call.reshaped(x, four, hint);
}

void import_attention(Call& call) {
  Value *q = call.tensor("query"), *k = call.tensor("key"), *v = call.tensor("value");
  Value* mask = call.optional_tensor("attn_mask");
  if (call.real("dropout_p") > 0)
    call.unsupported("the network is exported as it trains: call eval() before the export");
  Dims result = Call::shape(q);
  call.check(result.size() >= 2, "queries of ", uint64_t{result.size()}, " axes");
  result.back() = Call::shape(v).back();
  if (mask != nullptr) {
    if (Call::rank(q) > 4 && Call::rank(mask) > 2)
      call.unsupported("a mask for more than four axes");
    if (Call::dtype(mask) != DType::boolean) mask = call.cast(mask, Call::dtype(q));
    mask = widened_mask(call, mask, k);
    if (Call::rank(mask) < 2)
      mask = call.intermediate(Unsqueeze{.axes = Dims{Dim(0)}}, {mask}, "mask");
  }
  Attention op{.is_causal = call.flag("is_causal"), .zero_unseen = mask != nullptr};
  if (const auto scale = call.optional_real("scale")) op.scale = static_cast<float>(*scale);
  std::vector<Value*> operands{with_four_axes(call, q, "q"), with_four_axes(call, k, "k"),
                               with_four_axes(call, v, "v")};
  if (mask != nullptr) operands.push_back(mask);
  Value* y = call.intermediate(op, operands, "attention");
  if (result.size() == 4) call.give(y);
  else call.emit(Reshape{.shape = result}, {y});
  if (call.overload().name != "aten::scaled_dot_product_attention") call.give_nothing();
}

/// x W^T + b.
Value* dense(Call& call, Value* x, std::string_view weight, std::string_view bias) {
  Value* turned = call.transposed(call.tensor(weight), 0, 1, "turned");
  Value* product = call.intermediate(MatMul{}, {x, turned}, "product");
  Value* shift = call.optional_tensor(bias);
  return shift == nullptr ? product : call.intermediate(Add{}, {product, shift}, "dense");
}

/// Self-attention of [batch, sequence, features]: q, k and v of one product.
Value* self_attention(Call& call, Value* x, int64_t heads) {
  const Dims shape = Call::shape(x);
  call.check(shape.size() == 3 && heads > 0, "attention of ", uint64_t{shape.size()}, " axes");
  const Dim head = floor_div(shape[2], Dim(heads));
  Value* all = dense(call, x, "qkv_weight", "qkv_bias");
  std::vector<Value*> parts;
  for (Value* part : call.intermediates(Split{.axis = 2, .num_outputs = 3}, {all}, 3, "part")) {
    part = call.reshaped(part, {shape[0], shape[1], heads, head}, "heads");
    parts.push_back(call.transposed(part, 1, 2, "heads"));
  }
  Value* y = call.intermediate(Attention{}, parts, "attention");
  y = call.reshaped(call.transposed(y, 1, 2, "joined"), shape, "joined");
  return dense(call, y, "proj_weight", "proj_bias");
}

void import_native_attention(Call& call) {
  Value* x = call.tensor("query");
  const bool is_self = call.tensor("key") == x && call.tensor("value") == x;
  if (!is_self || call.has("mask") || call.flag("need_weights"))
    call.unsupported("with a mask, its weights as a result, or other keys than queries");
  call.give(self_attention(call, x, call.integer("num_head")));
  call.give_nothing();
}

/// A layer of an encoder as a whole: attention and two dense layers, each with a sum around it.
void import_encoder_layer(Call& call) {
  if (call.has("mask")) call.unsupported("with a mask");
  Value* x = call.tensor("src");
  const auto normalized = [&](Value* value, const char* weight, const char* bias) {
    LayerNormalization op;
    op.epsilon = static_cast<float>(call.real("eps"));
    return call.intermediate(op, {value, call.tensor(weight), call.tensor(bias)}, "norm");
  };
  const auto sum = [&](Value* a, Value* b) { return call.intermediate(Add{}, {a, b}, "sum"); };
  const auto forward = [&](Value* value) {
    value = dense(call, value, "ffn_weight_1", "ffn_bias_1");
    if (call.flag("use_gelu")) value = call.intermediate(Gelu{}, {value}, "active");
    else value = call.intermediate(Relu{}, {value}, "active");
    return dense(call, value, "ffn_weight_2", "ffn_bias_2");
  };
  const int64_t heads = call.integer("num_heads");
  if (call.flag("norm_first")) {
    x = sum(x, self_attention(call, normalized(x, "norm_weight_1", "norm_bias_1"), heads));
    return call.give(sum(x, forward(normalized(x, "norm_weight_2", "norm_bias_2"))));
  }
  x = normalized(sum(x, self_attention(call, x, heads)), "norm_weight_1", "norm_bias_1");
  call.give(normalized(sum(x, forward(x)), "norm_weight_2", "norm_bias_2"));
}

void import_inverse(Call& call) {
  call.emit(Inverse{}, {call.tensor(call.overload().parameters[0].name)});
}

void import_dot(Call& call) { call.emit(MatMul{}, {call.tensor("self"), call.tensor("tensor")}); }

/// Distances between rows, by p = 2.
void import_cdist(Call& call) {
  if (call.real("p") != 2) call.unsupported("p=", call.real("p"));
  Value *a = call.tensor("x1"), *b = call.tensor("x2");
  a = call.intermediate(Unsqueeze{.axes = Dims{Dim(-2)}}, {a}, "rows");
  b = call.intermediate(Unsqueeze{.axes = Dims{Dim(-3)}}, {b}, "rows");
  Value* apart = call.intermediate(Sub{}, {a, b}, "apart");
  call.emit(ReduceL2{.axes = Dims{Dim(-1)}, .keepdims = false}, {apart});
}

}  // namespace

void register_product(Importers& importers) {
  importers.add("linear(T input, T weight, T? bias=None)", import_linear);
  importers.add({"matmul(T self, T other)", "linalg_matmul(T self, T other)", "mm(T self, T mat2)",
                 "bmm(T self, T mat2)", "mv(T self, T vec)"},
                import_product<0>);
  importers.add("dot(T self, T tensor)", import_dot);
  importers.add("addmm(T self, T mat1, T mat2, s beta=1, s alpha=1)", import_addmm);
  importers.add({"baddbmm(T self, T batch1, T batch2, s beta=1, s alpha=1)",
                 "addmv(T self, T mat, T vec, s beta=1, s alpha=1)"},
                import_added_product);
  importers.add({"outer(T self, T vec2)", "ger(T self, T vec2)"}, import_outer);
  importers.add("einsum(t equation, T[] tensors, i[]? path=None)", import_einsum);
  importers.add("tensordot(T self, T other, i[] dims_self, i[] dims_other)", import_tensordot);
  importers.add("bilinear(T input1, T input2, T weight, T? bias=None)", import_bilinear);
  importers.add({"scaled_dot_product_attention(T query, T key, T value, T? attn_mask=None, "
                 "f dropout_p=0.0, b is_causal=False, f? scale=None, b enable_gqa=False)",
                 "_scaled_dot_product_flash_attention_for_cpu(T query, T key, T value, "
                 "f dropout_p=0.0, b is_causal=False, T? attn_mask=None, f? scale=None)",
                 "_scaled_dot_product_attention_math(T query, T key, T value, T? attn_mask=None, "
                 "f dropout_p=0.0, b is_causal=False, T? dropout_mask=None, f? scale=None, "
                 "b enable_gqa=False)"},
                import_attention);
  importers.add(
      "_native_multi_head_attention(T query, T key, T value, i embed_dim, i num_head, "
      "T qkv_weight, T qkv_bias, T proj_weight, T proj_bias, T? mask=None, "
      "b need_weights=True, b average_attn_weights=True, i? mask_type=None)",
      import_native_attention);
  importers.add(
      "_transformer_encoder_layer_fwd(T src, i embed_dim, i num_heads, T qkv_weight, "
      "T qkv_bias, T proj_weight, T proj_bias, b use_gelu, b norm_first, f eps, "
      "T norm_weight_1, T norm_bias_1, T norm_weight_2, T norm_bias_2, T ffn_weight_1, "
      "T ffn_bias_1, T ffn_weight_2, T ffn_bias_2, T? mask=None, i? mask_type=None)",
      import_encoder_layer);
  importers.add({"linalg_inv(T A)", "inverse(T self)"}, import_inverse);
  importers.add("cdist(T x1, T x2, f p=2.0, i? compute_mode=None)", import_cdist);
}

}  // namespace hone::pytorch
