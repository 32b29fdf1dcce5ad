#include "ops/rotary.hpp"

#include "base/size.hpp"
#include "ir/op_class.hpp"
#include "ops/common/operands.hpp"
#include "ops/common/rotary.hpp"
#include "ops/common/rows.hpp"

namespace hone {
namespace {

/// x as [batch, sequence, heads, head] whatever its layout.
struct Heads {
  int64_t batch, sequence, heads, head;
  int64_t sequence_step, head_step;  // in elements

  int64_t at(int64_t b, int64_t s, int64_t h) const {
    return b * sequence * heads * head + s * sequence_step + h * head_step;
  }
};

Heads heads_of(const Evaluation& c, const RotaryEmbedding& op) {
  const Tensor &x = c.input(0), &cosine = c.input(1);
  c.check(x.rank() == 3 || x.rank() == 4, "the input is ", shape_text(x.shape()),
          ", wanted rank 3 or 4");
  if (x.rank() == 4) {
    const int64_t sequence = x.dim(2), head = x.dim(3);
    return {x.dim(0), sequence, x.dim(1), head, head, sequence * head};
  }
  const int64_t hidden = x.dim(2);
  int64_t heads = op.num_heads;
  if (heads == 0) {
    const int64_t head = checked_mul(2, cosine.dim(cosine.rank() - 1));
    c.check(head > 0 && hidden % head == 0, hidden, " elements are no heads of ", head);
    heads = hidden / head;
  }
  c.check(heads > 0 ? hidden % heads == 0 : hidden == 0, hidden, " elements for ", heads, " heads");
  const int64_t head = heads > 0 ? hidden / heads : 0;
  return {x.dim(0), x.dim(1), heads, head, hidden, head};
}

/// The row of the cosines and sines for each sample and place in the sequence.
std::vector<int64_t> angle_rows(const Evaluation& c, const Heads& heads) {
  const Tensor& cosine = c.input(1);
  const int64_t count = checked_mul(heads.batch, heads.sequence);
  std::vector<int64_t> rows(static_cast<size_t>(count));
  if (!c.has(3)) {
    c.check(cosine.rank() == 3 && cosine.dim(0) == heads.batch && cosine.dim(1) == heads.sequence,
            "the cosines are ", shape_text(cosine.shape()), ", wanted [", heads.batch, ",",
            heads.sequence, ",...] without position_ids");
    for (int64_t i = 0; i < count; ++i) rows[static_cast<size_t>(i)] = i;
    return rows;
  }
  const Tensor& ids = c.input(3);
  c.check(cosine.rank() == 2, "the cosines are ", shape_text(cosine.shape()),
          ", wanted rank 2 with position_ids");
  const bool first = ids.rank() == 1 && ids.count() == 1;
  c.check(first || (ids.rank() == 2 && ids.dim(0) == heads.batch && ids.dim(1) == heads.sequence),
          "position_ids is ", shape_text(ids.shape()), ", wanted [", heads.batch, ",",
          heads.sequence, "] or [1]");
  for (int64_t i = 0; i < count; ++i) {
    const int64_t id = ids.integer(first ? 0 : i), step = first ? i % heads.sequence : 0;
    c.check(id >= 0 && id < cosine.dim(0) - step, "position ", id, " + ", step,
            " is out of range for ", cosine.dim(0), " positions");
    rows[static_cast<size_t>(i)] = id + step;
  }
  return rows;
}

}  // namespace

void RotaryEmbedding::infer(Inference& c) const {
  const DType dtype = float_operand(c, 0);
  same_dtype(c, 0, 1);
  same_dtype(c, 0, 2);
  c.check(num_heads >= 0, "num_heads=", num_heads, ": wanted 0 or more");
  c.check(rotary_embedding_dim >= 0 && rotary_embedding_dim % 2 == 0,
          "rotary_embedding_dim=", rotary_embedding_dim, ": wanted an even number, 0 or more");
  if (c.has(3))
    c.check(is_integer(c.dtype(3)), "position_ids is ", c.dtype(3), ", wanted integers");
  const TensorType& x = c.tensor(0);
  c.set(0, x.has_rank() ? Type(x) : Type::unranked(dtype));
  if (!x.has_rank()) return;
  c.check(x.rank() == 3 || x.rank() == 4, "the input is ", x, ", wanted rank 3 or 4");
  for (int i = 1; i <= 2; ++i) rank_is(c, i, c.has(3) ? 2 : 3);
  const Dim& last = x.shape().back();
  if (x.rank() == 3 && num_heads > 0 && last.is_constant())
    c.check(*last.constant() % num_heads == 0, "the input is ", x, ", wanted ", num_heads,
            " heads in its last dimension");
}

void RotaryEmbedding::eval(Evaluation& c) const {
  const Tensor &x = c.input(0), &cosine = c.input(1), &sine = c.input(2);
  c.check(cosine.rank() >= 2 && cosine.shape() == sine.shape(), "the cosines are ",
          shape_text(cosine.shape()), ", the sines ", shape_text(sine.shape()));
  const Heads heads = heads_of(c, *this);
  const int64_t half = cosine.dim(cosine.rank() - 1);
  const int64_t turning = rotary_embedding_dim > 0 ? rotary_embedding_dim : heads.head;
  c.check(turning <= heads.head && turning % 2 == 0 && turning / 2 == half, "the cosines are ",
          shape_text(cosine.shape()), " for ", turning, " elements of heads of ", heads.head);
  Tensor& y = c.output(0, x.dtype(), x.shape());
  if (x.count() == 0) return;
  const std::vector<int64_t> rows = angle_rows(c, heads);
  std::vector<double> vector(static_cast<size_t>(heads.head)), cosines(static_cast<size_t>(half)),
      sines(static_cast<size_t>(half));
  for (int64_t b = 0; b < heads.batch; ++b)
    for (int64_t s = 0; s < heads.sequence; ++s) {
      const int64_t row = rows[static_cast<size_t>(b * heads.sequence + s)] * half;
      load_row(cosine, row, 1, half, cosines.data());
      load_row(sine, row, 1, half, sines.data());
      for (int64_t h = 0; h < heads.heads; ++h) {
        load_row(x, heads.at(b, s, h), 1, heads.head, vector.data());
        rotate(vector.data(), cosines.data(), sines.data(), half, interleaved);
        store_row(y, heads.at(b, s, h), heads.head, vector.data());
      }
    }
}

void register_rotary(OpRegistry& registry) { registry.add<RotaryEmbedding>(); }

}  // namespace hone
