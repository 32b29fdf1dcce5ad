#include "ops/attention.hpp"

#include <cmath>

#include "base/size.hpp"
#include "ir/op_class.hpp"
#include "ops/common/operands.hpp"

namespace hone {
namespace {

using enum Attention::Operand;

/// Sizes of an operand of rank 3 or 4.
struct HeadDims {
  Dim batch, heads, sequence, head;
};

std::optional<HeadDims> head_dims(Inference& c, int operand, int64_t heads,
                                  std::string_view field) {
  const TensorType& type = c.tensor(operand);
  if (!type.has_rank()) return std::nullopt;
  const Dims& d = type.shape();
  if (d.size() == 4) return HeadDims{d[0], d[1], d[2], d[3]};
  c.check(d.size() == 3, "operand ", operand, " is ", type, ", wanted rank 3 or 4");
  c.check(heads > 0, field, "=", heads, ": operands of rank 3 need a number of heads");
  c.check(!d[2].is_constant() || *d[2].constant() % heads == 0, "operand ", operand, " is ", type,
          ", wanted ", heads, " heads in its last dimension");
  return HeadDims{d[0], heads, d[1], floor_div(d[2], heads)};
}

void check_types(Inference& c) {
  for (const int operand : {kQ, kK, kV}) float_operand(c, operand);
  same_dtype(c, kQ, kK);
  same_dtype(c, kQ, kPastKey);
  same_dtype(c, kV, kPastValue);
  c.check(c.has(kPastKey) == c.has(kPastValue), "past_key and past_value go together");
  if (c.has(kMask))
    c.check(c.dtype(kMask) != DType::string && !is_complex(c.dtype(kMask)), "the mask is ",
            c.dtype(kMask), ", wanted bool or numbers");
  if (!c.has(kNonpad)) return;
  c.check(is_integer(c.dtype(kNonpad)), "nonpad_kv_seqlen is ", c.dtype(kNonpad), ", wanted i64");
  c.check(!c.has(kPastKey), "nonpad_kv_seqlen stands beside past_key");
}

void check_mask(Inference& c, const Dims& scores) {
  if (!c.has(kMask) || !c.tensor(kMask).has_rank()) return;
  const TensorType& mask = c.tensor(kMask);
  const Dims& own = mask.shape();
  c.check(own.size() <= 4, "the mask is ", mask, ", wanted rank 4 at most");
  for (size_t i = 0; i < own.size(); ++i) {
    const Dim& wanted = scores[i + 4 - own.size()];
    if (i + 1 == own.size()) c.require_less_equal(own[i], wanted);
    else c.broadcasts_to(own[i], wanted);
  }
}

std::vector<int64_t> nonpad(const Evaluation& c, const AttentionSizes& sizes) {
  std::vector<int64_t> valid;
  if (!c.has(kNonpad)) return valid;
  valid = c.input(kNonpad).integers();
  c.check(static_cast<int64_t>(valid.size()) == sizes.batch, "nonpad_kv_seqlen has ", valid.size(),
          " elements for ", sizes.batch, " samples");
  for (const int64_t count : valid)
    c.check(count >= 0 && count <= sizes.keys, "nonpad_kv_seqlen has ", count, " for ", sizes.keys,
            " keys");
  return valid;
}

void give_present(Evaluation& c, int output, const ByHead& heads, DType dtype) {
  if (c.wants(output))
    store(c.output(output, dtype, {heads.batch, heads.heads, heads.sequence, heads.head}),
          heads.values);
}

/// past (if given) and new keys or values.
ByHead joined(const Evaluation& c, int past, int more, int64_t heads) {
  ByHead fresh(c, more, heads);
  if (!c.has(past)) return fresh;
  ByHead all(c, past, heads);
  append_sequence(c, all, fresh);
  return all;
}

}  // namespace

void Attention::infer(Inference& c) const {
  check_types(c);
  c.check(left_window_size >= -1 && right_window_size >= -1, "windows are ", left_window_size,
          " and ", right_window_size, ", wanted -1 or more");
  c.check(is_float(softmax_precision), "softmax_precision=", softmax_precision, ": wanted floats");
  const DType q_type = c.dtype(kQ), v_type = c.dtype(kV);
  const auto q = head_dims(c, kQ, q_num_heads, "q_num_heads");
  const auto k = head_dims(c, kK, kv_num_heads, "kv_num_heads");
  const auto v = head_dims(c, kV, kv_num_heads, "kv_num_heads");
  for (const int past : {kPastKey, kPastValue})
    if (c.has(past)) rank_is(c, past, 4);
  const bool past_known = !c.has(kPastKey) || c.tensor(kPastKey).has_rank();
  if (!q || !k || !v || !past_known) {
    const DType types[] = {q_type, q_type, v_type, q_type};
    for (int i = 0; i < 4; ++i) c.set(i, Type::unranked(types[i]));
    return;
  }
  c.check(c.tensor(kK).rank() == c.tensor(kQ).rank() && c.tensor(kV).rank() == c.tensor(kQ).rank(),
          "q, k and v are ", c.tensor(kQ), ", ", c.tensor(kK), " and ", c.tensor(kV),
          ", wanted one rank");
  const Dim batch = c.same(q->batch, c.same(k->batch, v->batch));
  const Dim head = c.same(q->head, k->head), kv_heads = c.same(k->heads, v->heads);
  Dim total = c.same(k->sequence, v->sequence);
  if (c.has(kPastKey)) {
    const Dims& past = c.tensor(kPastKey).shape();
    total = total + past[2];
    c.require_equal(past[1], kv_heads);
    c.require_equal(past[3], head);
  }
  vector_of(c, kNonpad, batch);
  check_mask(c, {batch, q->heads, q->sequence, total});
  const Dim width = q_num_heads == kv_num_heads ? c.tensor(kV).shape().back() : q->heads * v->head;
  if (c.tensor(kQ).rank() == 4) c.set(0, q_type, {batch, q->heads, q->sequence, v->head});
  else c.set(0, q_type, {batch, q->sequence, width});
  c.set(1, q_type, {batch, kv_heads, total, head});
  c.set(2, v_type, {batch, kv_heads, total, v->head});
  c.set(3, q_type, {batch, q->heads, q->sequence, total});
}

void Attention::eval(Evaluation& c) const {
  const ByHead q(c, kQ, q_num_heads);
  const ByHead k = joined(c, kPastKey, kK, kv_num_heads),
               v = joined(c, kPastValue, kV, kv_num_heads);
  c.check(k.batch == q.batch && v.batch == q.batch && k.heads == v.heads &&
              k.sequence == v.sequence && k.head == q.head,
          "q is ", shape_text(c.input(kQ).shape()), ", k ", shape_text(c.input(kK).shape()), ", v ",
          shape_text(c.input(kV).shape()), ": they do not fit");
  const AttentionSizes sizes{q.batch, q.heads, k.heads, q.sequence, k.sequence, q.head, v.head};
  check_heads(c, sizes);
  AttentionTerms terms;
  terms.scale = std::isnan(scale) ? 1 / std::sqrt(static_cast<double>(sizes.head)) : double{scale};
  terms.softcap = softcap;
  terms.bias = AttentionBias(c, kMask, sizes, fill, c.input(kQ).dtype());
  terms.zero_unseen = zero_unseen;
  terms.zero_nan = zero_nan;
  terms.window = {{}, nonpad(c, sizes), is_causal, left_window_size, right_window_size};
  const int64_t past = c.has(kPastKey) ? c.input(kPastKey).dim(2) : 0;
  terms.window.first.assign(static_cast<size_t>(c.has(kPastKey) ? sizes.batch : 0), past);
  for (const int64_t valid : terms.window.valid)
    terms.window.first.push_back(valid - sizes.queries);
  const DType q_type = c.input(kQ).dtype();
  Tensor* qk =
      c.wants(3) ? &c.output(3, q_type, {q.batch, q.heads, q.sequence, k.sequence}) : nullptr;
  const std::vector<double> y =
      attend(sizes, terms, q.values, k.values, v.values, qk_matmul_output_mode, qk);
  std::vector<int64_t> shape{q.batch, q.heads, q.sequence, v.head};
  if (c.input(kQ).rank() == 3) shape = {q.batch, q.sequence, checked_mul(q.heads, v.head)};
  store_by_head(c.output(0, q_type, shape), y, q.heads);
  give_present(c, 1, k, q_type);
  give_present(c, 2, v, c.input(kV).dtype());
}

void register_attention(OpRegistry& registry) { registry.add<Attention>(); }

}  // namespace hone
