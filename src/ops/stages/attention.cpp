// Scaled dot product attention in closed terms: scores, what softmax needs of each row,
// probabilities, their products with the values.

#include "ops/attention.hpp"

#include <cmath>

#include "ir/stages/stages.hpp"
#include "ops/stages/maps.hpp"

namespace hone {
namespace {

constexpr double kHidden = -std::numeric_limits<double>::infinity();
using enum Attention::Operand;

/// [batch, heads, sequence, head], however q, k or v lies.
struct Heads {
  int operand;
  int rank;
  Dim heads, sequence, head;

  Heads(const Expression& e, int operand_, int64_t given) : operand(operand_) {
    const Dims& shape = e.shape(operand);
    rank = e.rank(operand);
    heads = rank == 4 ? shape[1] : Dim(given);
    sequence = shape[static_cast<size_t>(rank) - 2];
    head = rank == 4 ? shape[3] : floor_div(shape[2], given);
  }
  Expr at(const Expression& e, const Dim& b, const Dim& h, const Dim& s, const Dim& d) const {
    return e.at(operand, rank == 4 ? Dims{b, h, s, d} : Dims{b, s, h * head + d});
  }
};

Expr both(const std::optional<Expr>& a, const Expr& b) {
  return a ? call(Function::bit_and, *a, b) : b;
}

/// One attention on its way through the stages.
class Attending {
 public:
  Attending(Expression& e, const Attention& op)
      : e_(e),
        op_(op),
        q_(e, kQ, op.q_num_heads),
        k_(e, kK, op.kv_num_heads),
        v_(e, kV, op.kv_num_heads) {
    if (e.has(kPastKey)) past_ = e.shape(kPastKey)[2];
    keys_ = past_ + k_.sequence;
    type_ = e.type(kQ).dtype == DType::f64 ? DType::f64 : DType::f32;
  }

  void run() {
    const Dims rows{e_.shape(kQ)[0], q_.heads, q_.sequence, 1};
    Dims square = rows;
    square[3] = keys_;
    const Expr raw = scores();
    const Expr capped = op_.softcap == 0 ? raw
                                         : like(raw, op_.softcap) *
                                               call(Function::tanh, raw / like(raw, op_.softcap));
    const auto biased = e_.stage(type_, square, hidden(capped));
    const Axis j = e_.axis(keys_), l = e_.axis(keys_);
    const auto lane = [&](const Axis& axis) {
      return Expression::at(biased, {loop(0), loop(1), loop(2), axis.variable});
    };
    const Expr greatest = Expr::reduce(Function::max, {j}, lane(j));
    // A query that sees nothing has no greatest score: its exponentials are 0, or NaN without this.
    const Expr nothing = call(Function::equal, greatest, like(greatest, kHidden));
    const auto most = e_.stage(
        type_, rows, op_.zero_unseen ? select(nothing, like(greatest, 0), greatest) : greatest);
    const Dims row{loop(0), loop(1), loop(2), 0};
    const Expr shift = Expression::at(most, row);
    const auto sum = e_.stage(
        type_, rows, Expr::reduce(Function::add, {l}, call(Function::exp, lane(l) - shift)));
    const Expr total = Expression::at(sum, row);
    Expr share = call(Function::exp, Expression::at(biased, loops(4)) - shift) / total;
    if (op_.zero_unseen)
      share = select(call(Function::equal, total, like(total, 0)), like(share, 0), share);
    const auto weights = e_.stage(type_, square, op_.zero_nan ? number_or_zero(share) : share);
    set_values(weights);
    set_present();
    set_scores(raw, capped, biased, weights);
  }

 private:
  Expr real(const Expr& value) const { return Expr::cast(type_, value); }

  Dim kv_head(const Dim& head) const {
    if (k_.heads == q_.heads) return head;
    return k_.heads.is(1) ? Dim(0)
                          : floor_div(head, divisor(floor_div(q_.heads, divisor(k_.heads))));
  }

  /// An element of the past and what follows it along the sequence.
  Expr joined(const Heads& fresh, int past, const Dim& h, const Dim& s, const Dim& d) const {
    if (!e_.has(past)) return fresh.at(e_, loop(0), h, s, d);
    const Expr is_past = call(Function::less, Expr::index(s), Expr::index(past_));
    return select(is_past, e_.at(past, Dims{loop(0), h, s, d}),
                  fresh.at(e_, loop(0), h, s - past_, d));
  }

  Expr scores() {
    const Axis d = e_.axis(q_.head);
    const Expr q = q_.at(e_, loop(0), loop(1), loop(2), d.variable);
    const Expr k = joined(k_, kPastKey, kv_head(loop(1)), loop(3), d.variable);
    const Expr sum = Expr::reduce(Function::add, {d}, real(q) * real(k));
    if (!std::isnan(op_.scale)) return sum * like(sum, op_.scale);
    if (const auto head = q_.head.constant())
      return sum * like(sum, 1 / std::sqrt(static_cast<double>(*head)));
    return sum / call(Function::sqrt, Expr::cast(DType::f64, Expr::index(q_.head)));
  }

  /// Whether the query sees the key; absent: it does.
  std::optional<Expr> seen() const {
    std::optional<Expr> sees;
    Expr position = Expr::index(past_ + loop(2));
    const Expr key = Expr::index(loop(3));
    if (e_.has(kNonpad)) {
      const Expr valid = Expr::cast(DType::i64, e_.at(kNonpad, Dims{loop(0)}));
      position = valid - Expr::index(q_.sequence) + Expr::index(loop(2));
      sees = call(Function::less, key, valid);
    }
    const auto before = [&](const Expr& a, const Expr& b) {
      sees = both(sees, call(Function::less_equal, a, b));
    };
    if (op_.is_causal) before(key, position);
    if (op_.left_window_size >= 0) before(position - key, Expr::integer(op_.left_window_size));
    if (op_.right_window_size >= 0) before(key - position, Expr::integer(op_.right_window_size));
    return sees;
  }

  /// The score with the mask's element added; -inf where the query does not see the key.
  Expr hidden(const Expr& score) const {
    Expr result = score;
    const Expr never = like(score, kHidden);
    if (e_.has(kMask)) {
      const Dims& own = e_.shape(kMask);
      Dims place;
      for (size_t i = 0; i < own.size(); ++i) {
        const bool repeats = own[i].is(1) && i + 1 < own.size();
        place.push_back(repeats ? Dim(0) : loop(static_cast<int>(i + 4 - own.size())));
      }
      const DType type = e_.type(kMask).dtype;
      const auto where_given = [&](const Expr& given) {  // a shorter mask hides the rest
        if (own.empty() || own.back() == keys_) return given;
        return select(call(Function::less, Expr::index(loop(3)), Expr::index(own.back())), given,
                      never);
      };
      if (type == DType::boolean) {
        result = select(e_.at(kMask, place, 0.0), score, like(score, op_.fill));
        if (op_.fill != kHidden) result = where_given(result);
      } else if (is_float(type)) {
        result = sum_with(score, e_.at(kMask, place, kHidden));
      } else {
        result = where_given(score + real(e_.at(kMask, place)));
      }
    }
    const auto sees = seen();
    return sees ? select(*sees, result, never) : result;
  }

  /// Score and mask, rounded as the sum of q's type is where both have it.
  Expr sum_with(const Expr& score, const Expr& mask) const {
    const Expr sum = score + real(mask);
    const DType type = e_.type(kQ).dtype;
    if (type == type_ || mask.dtype() != type) return sum;
    const Expr nothing = call(Function::equal, mask, like(mask, 0));
    return select(nothing, score, real(Expr::cast(type, sum)));
  }

  void set_values(const std::shared_ptr<const Stage>& weights) {
    const Axis j = e_.axis(keys_);
    const bool by_head = q_.rank == 4;
    const Dim h = by_head ? loop(1) : floor_div(loop(2), divisor(v_.head));
    const Dim i = by_head ? loop(2) : loop(1),
              d = by_head ? loop(3) : mod(loop(2), divisor(v_.head));
    const Expr weight = Expression::at(weights, {loop(0), h, i, j.variable});
    Expr value = real(joined(v_, kPastValue, kv_head(h), j.variable, d));
    if (e_.has(kNonpad)) {  // what pads may be no numbers
      const Expr valid = Expr::cast(DType::i64, e_.at(kNonpad, Dims{loop(0)}));
      const Expr there = call(Function::less, Expr::index(j.variable), valid);
      value = select(there, value, like(value, 0));
    }
    e_.set(0, Expr::reduce(Function::add, {j}, weight * value));
  }

  void set_present() {
    e_.set(1, joined(k_, kPastKey, loop(1), loop(2), loop(3)));
    e_.set(2, joined(v_, kPastValue, loop(1), loop(2), loop(3)));
  }

  void set_scores(const Expr& raw, const Expr& capped, const std::shared_ptr<const Stage>& biased,
                  const std::shared_ptr<const Stage>& weights) {
    switch (op_.qk_matmul_output_mode) {
      case AttentionStage::scores: return e_.set(3, raw);
      case AttentionStage::capped: return e_.set(3, capped);
      case AttentionStage::biased: return e_.set(3, Expression::at(biased, loops(4)));
      case AttentionStage::probabilities: return e_.set(3, Expression::at(weights, loops(4)));
    }
  }

  Expression& e_;
  const Attention& op_;
  Heads q_, k_, v_;
  Dim past_ = 0, keys_;
  DType type_;
};

}  // namespace

void Attention::express(Expression& e) const { Attending(e, *this).run(); }

}  // namespace hone
