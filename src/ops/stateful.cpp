#include "ops/stateful.hpp"

#include <cmath>

#include "base/size.hpp"
#include "ir/op_class.hpp"
#include "ops/common/attend.hpp"
#include "ops/common/operands.hpp"

namespace hone {
namespace {

enum Operand {
  kQ,
  kK,
  kV,
  kPast,
  kDecay,
  kBeta
};

/// Fails unless `width` of an operand's last dimension is one of two, where both are numbers.
void last_is(Inference& c, int operand, const Dim& one, const Dim& other) {
  rank_is(c, operand, 3);
  if (!c.tensor(operand).has_rank()) return;
  const Dim& last = c.tensor(operand).shape()[2];
  c.check(provably_equal(last, one).value_or(true) || provably_equal(last, other).value_or(true),
          "operand ", operand, " is ", c.tensor(operand), ", wanted a last dimension of ", one,
          " or ", other);
}

Dim head_width(Inference& c, int operand, int64_t heads) {
  const TensorType& type = c.tensor(operand);
  const Dim& last = type.shape()[2];
  c.check(!last.is_constant() || *last.constant() % heads == 0, "operand ", operand, " is ", type,
          ", wanted ", heads, " heads in its last dimension");
  return floor_div(last, heads);
}

/// decay or beta: a number for each token and place, repeated where there are fewer.
class Gate {
 public:
  Gate(const Evaluation& c, int operand, const ByHead& k, int64_t most) {
    const Tensor& tensor = c.input(operand);
    const int64_t width = tensor.rank() == 3 ? tensor.dim(2) : 0;
    c.check(tensor.rank() == 3 && tensor.dim(0) == k.batch && tensor.dim(1) == k.sequence &&
                (width == k.heads || width == most),
            "operand ", operand, " is ", shape_text(tensor.shape()), ", wanted [", k.batch, ",",
            k.sequence, ",", k.heads, " or ", most, "]");
    values_ = elements<double>(tensor);
    sequence_ = k.sequence, width_ = width, heads_ = k.heads;
  }
  double at(int64_t b, int64_t t, int64_t h, int64_t d) const {
    const int64_t row = (b * sequence_ + t) * width_;
    const int64_t place = width_ == heads_ ? h : width_ == 1 ? 0 : h * (width_ / heads_) + d;
    return values_[static_cast<size_t>(row + place)];
  }

 private:
  std::vector<double> values_;
  int64_t sequence_ = 0, width_ = 0, heads_ = 0;
};

/// The state of one head of keys, row-major [key, value].
struct State {
  double* values;
  int64_t key, value;

  void decay(const Gate& gate, int64_t b, int64_t t, int64_t h) {
    for (int64_t d = 0; d < key; ++d) {
      const double factor = std::exp(gate.at(b, t, h, d));
      for (int64_t e = 0; e < value; ++e) values[d * value + e] *= factor;
    }
  }
  std::vector<double> read(const double* k) const {
    std::vector<double> out(static_cast<size_t>(value));
    mix_values(k, values, key, value, out.data());
    return out;
  }
  void write(const double* k, const std::vector<double>& v) {
    for (int64_t d = 0; d < key; ++d)
      for (int64_t e = 0; e < value; ++e) values[d * value + e] += k[d] * v[static_cast<size_t>(e)];
  }
};

/// The state's shape for operands that fit each other; others fail.
std::vector<int64_t> checked_state(const Evaluation& c, const ByHead& q, const ByHead& k,
                                   const ByHead& v) {
  c.check(q.batch == k.batch && q.batch == v.batch && q.sequence == k.sequence &&
              q.sequence == v.sequence && q.head == k.head,
          "q is ", shape_text(c.input(kQ).shape()), ", k ", shape_text(c.input(kK).shape()), ", v ",
          shape_text(c.input(kV).shape()), ": they do not fit");
  std::vector<int64_t> state_shape{q.batch, k.heads, k.head, v.head};
  if (c.has(kPast))
    c.check(c.input(kPast).shape() == state_shape, "past_state is ",
            shape_text(c.input(kPast).shape()), ", wanted ", shape_text(state_shape));
  return state_shape;
}

}  // namespace

void LinearAttention::infer(Inference& c) const {
  const DType dtype = float_operand(c, kQ);
  same_dtype(c, kQ, kK), same_dtype(c, kQ, kV), same_dtype(c, kQ, kDecay);
  same_dtype(c, kQ, kBeta);
  const DType state = c.has(kPast) ? float_operand(c, kPast) : dtype;
  c.check(q_num_heads > 0 && kv_num_heads > 0 && q_num_heads % kv_num_heads == 0,
          "q_num_heads=", q_num_heads, " kv_num_heads=", kv_num_heads, ", wanted a multiple");
  const std::string_view rule = kRules[static_cast<size_t>(update_rule)];
  c.check(c.has(kDecay) == gated(), "update_rule=", rule, gated() ? " needs" : " takes no",
          " decay");
  c.check(c.has(kBeta) == corrects(), "update_rule=", rule, corrects() ? " needs" : " takes no",
          " beta");
  for (const int operand : {kQ, kK, kV}) rank_is(c, operand, 3);
  if (!c.tensor(kQ).has_rank() || !c.tensor(kK).has_rank() || !c.tensor(kV).has_rank()) {
    c.set(0, Type::unranked(dtype));
    return c.set(1, Type::unranked(state));
  }
  const Dims &q = c.tensor(kQ).shape(), &k = c.tensor(kK).shape(), &v = c.tensor(kV).shape();
  const Dim batch = c.same(q[0], c.same(k[0], v[0])), sequence = c.same(q[1], c.same(k[1], v[1]));
  const Dim key = c.same(head_width(c, kQ, q_num_heads), head_width(c, kK, kv_num_heads));
  const Dim value = head_width(c, kV, kv_num_heads);
  if (gated()) last_is(c, kDecay, kv_num_heads, k[2]);
  if (corrects()) last_is(c, kBeta, kv_num_heads, 1);
  c.set(0, dtype, {batch, sequence, q_num_heads == kv_num_heads ? v[2] : Dim(q_num_heads) * value});
  const Dims shape{batch, kv_num_heads, key, value};
  if (c.has(kPast)) {
    rank_is(c, kPast, 4);
    if (c.tensor(kPast).has_rank())
      for (size_t i = 0; i < 4; ++i) c.require_equal(c.tensor(kPast).shape()[i], shape[i]);
  }
  c.set(1, state, shape);
}

void LinearAttention::eval(Evaluation& c) const {
  const ByHead q(c, kQ, q_num_heads), k(c, kK, kv_num_heads), v(c, kV, kv_num_heads);
  const std::vector<int64_t> state_shape = checked_state(c, q, k, v);
  const DType dtype = c.input(kQ).dtype();
  // The last first: room for a result that nobody wants moves the others.
  Tensor& present = c.output(1, c.has(kPast) ? c.input(kPast).dtype() : dtype, state_shape);
  Tensor& y = c.output(0, dtype, {q.batch, q.sequence, checked_mul(q.heads, v.head)});
  std::vector<double> states(static_cast<size_t>(present.count()));
  if (c.has(kPast)) states = elements<double>(c.input(kPast));
  std::optional<Gate> decay, beta;
  if (gated()) decay.emplace(c, kDecay, k, checked_mul(k.heads, k.head));
  if (corrects()) beta.emplace(c, kBeta, k, 1);
  const double factor =
      scale == 0 ? 1 / std::sqrt(static_cast<double>(q.head)) : static_cast<double>(scale);
  std::vector<double> out(static_cast<size_t>(y.count()));
  const int64_t group = q.heads / k.heads, length = q.sequence;
  const int64_t heads = out.empty() && states.empty() ? 0 : q.batch * k.heads;
  for (int64_t head = 0; head < heads; ++head) {
    State state{states.data() + head * k.head * v.head, k.head, v.head};
    const int64_t b = head / k.heads, h = head % k.heads;
    for (int64_t t = 0; t < length; ++t) {
      const double* key = k.values.data() + (head * length + t) * k.head;
      const double* value = v.values.data() + (head * length + t) * v.head;
      std::vector<double> write(value, value + v.head);
      if (decay) state.decay(*decay, b, t, h);
      if (beta) {
        const std::vector<double> found = state.read(key);
        for (size_t e = 0; e < write.size(); ++e)
          write[e] = beta->at(b, t, h, 0) * (write[e] - found[e]);
      }
      state.write(key, write);
      for (int64_t g = 0; g < group; ++g) {
        const int64_t row = (head * group + g) * length + t;
        const std::vector<double> read = state.read(q.values.data() + row * k.head);
        for (size_t e = 0; e < read.size(); ++e)
          out[static_cast<size_t>(row * v.head) + e] = factor * read[e];
      }
    }
  }
  store_by_head(y, out, q.heads);
  store(present, states);
}

void CausalConvWithState::infer(Inference& c) const {
  const DType dtype = float_operand(c, 0);
  for (int i = 1; i <= 3; ++i) same_dtype(c, 0, i);
  rank_is(c, 0, 3), rank_is(c, 1, 3);
  if (c.has(3)) rank_is(c, 3, 3);
  const TensorType &x = c.tensor(0), &weight = c.tensor(1);
  c.set(0, x.has_rank() ? Type(x) : Type::unranked(dtype));
  if (!x.has_rank() || !weight.has_rank()) return c.set(1, Type::unranked(dtype));
  c.require_equal(weight.shape()[0], x.shape()[1]);
  c.require_equal(weight.shape()[1], 1);
  c.require_less_equal(1, weight.shape()[2]);
  vector_of(c, 2, x.shape()[1]);
  const Dims state{x.shape()[0], x.shape()[1], weight.shape()[2] - 1};
  if (c.has(3) && c.tensor(3).has_rank())
    for (size_t i = 0; i < 3; ++i) c.require_equal(c.tensor(3).shape()[i], state[i]);
  c.set(1, dtype, state);
}

void CausalConvWithState::eval(Evaluation& c) const {
  const Tensor &x = c.input(0), &weight = c.input(1);
  c.check(x.rank() == 3 && weight.rank() == 3 && weight.dim(0) == x.dim(1) && weight.dim(1) == 1 &&
              weight.dim(2) >= 1,
          "the weight is ", shape_text(weight.shape()), " for ", shape_text(x.shape()));
  const int64_t channels = x.dim(1), length = x.dim(2), before = weight.dim(2) - 1;
  const std::vector<int64_t> state_shape{x.dim(0), channels, before};
  if (c.has(3))
    c.check(c.input(3).shape() == state_shape, "past_state is ", shape_text(c.input(3).shape()),
            ", wanted ", shape_text(state_shape));
  c.check(!c.has(2) || c.input(2).count() == channels, "the bias has ",
          c.has(2) ? c.input(2).count() : 0, " elements for ", channels, " channels");
  Tensor& present = c.output(1, x.dtype(), state_shape);
  Tensor& y = c.output(0, x.dtype(), x.shape());
  if (y.count() == 0 && present.count() == 0) return;
  const std::vector<double> kernels = elements<double>(weight);
  std::vector<double> line(static_cast<size_t>(checked_add(before, length)));
  for (int64_t row = 0; row < x.dim(0) * channels; ++row) {
    const int64_t channel = row % channels;
    for (int64_t i = 0; i < before; ++i)
      line[static_cast<size_t>(i)] = c.has(3) ? c.input(3).number(row * before + i) : 0;
    for (int64_t i = 0; i < length; ++i)
      line[static_cast<size_t>(before + i)] = x.number(row * length + i);
    for (int64_t t = 0; t < length; ++t) {
      double sum = c.has(2) ? c.input(2).number(channel) : 0;
      for (int64_t i = 0; i <= before; ++i)
        sum += kernels[static_cast<size_t>(channel * (before + 1) + i)] *
               line[static_cast<size_t>(t + i)];
      y.set_number(row * length + t,
                   activation == Activation::silu ? sum / (1 + std::exp(-sum)) : sum);
    }
    for (int64_t i = 0; i < before; ++i)
      present.set_number(row * before + i, line[static_cast<size_t>(length + i)]);
  }
}

void register_stateful(OpRegistry& registry) {
  registry.add<LinearAttention>();
  registry.add<CausalConvWithState>();
}

}  // namespace hone
