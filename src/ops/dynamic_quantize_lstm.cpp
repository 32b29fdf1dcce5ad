#include "ops/dynamic_quantize_lstm.hpp"

#include <algorithm>

#include "base/size.hpp"
#include "ir/op_class.hpp"
#include "ops/common/operands.hpp"
#include "ops/common/quantization.hpp"

namespace hone {
namespace {

using enum recurrent::Operand;
// And behind those of LSTM:
enum QuantizedOperand {
  kWScale = kPeepholes + 1,
  kWZero,
  kRScale,
  kRZero
};

struct LstmSizes {
  int64_t sequence, batch, input, hidden, directions;
  int64_t gates() const { return 4 * hidden; }
};

LstmSizes sizes_of(const Evaluation& c, const Recurrence& r) {
  const Tensor &x = c.input(kX), &w = c.input(kW), &recurrent = c.input(kR);
  c.check(x.rank() == 3 && w.rank() == 3 && recurrent.rank() == 3, "operands ",
          shape_text(x.shape()), ", ", shape_text(w.shape()), ", ", shape_text(recurrent.shape()),
          ": wanted rank 3");
  const LstmSizes s{x.dim(0), x.dim(1), x.dim(2), recurrent.dim(1), r.directions()};
  const auto shape_is = [&](int operand, const std::vector<int64_t>& wanted) {
    c.check(!c.has(operand) || c.input(operand).shape() == wanted, "operand ", operand,
            " does not have the shape ", shape_text(wanted));
  };
  const int64_t gates = checked_mul(4, s.hidden);
  shape_is(kW, {s.directions, s.input, gates}), shape_is(kR, {s.directions, s.hidden, gates});
  shape_is(kBias, {s.directions, 2 * gates}), shape_is(kLengths, {s.batch});
  shape_is(kInitial, {s.directions, s.batch, s.hidden});
  shape_is(kInitialCell, {s.directions, s.batch, s.hidden});
  shape_is(kPeepholes, {s.directions, 3 * s.hidden});
  for (const int i : {kWScale, kWZero, kRScale, kRZero})
    if (c.input(i).rank() == 1) shape_is(i, {s.directions});
    else shape_is(i, {s.directions, gates});
  return s;
}

/// Numbers quantized to u8 by their own range, less the zero point.
struct Dynamic {
  std::vector<double> values;
  double scale;
};
Dynamic quantized_by_range(std::vector<double> values) {
  double least = 0, most = 0;
  for (const double each : values) least = std::min(least, each), most = std::max(most, each);
  const IntegerRange range = integer_range(DType::u8);
  const double span = rounded_to(DType::f32, most - least);
  const double scale = span == 0 ? 1 : rounded_to(DType::f32, span / range.most);
  const double zero = quantized(rounded_to(DType::f32, 0 - least / scale), 0, range);
  for (double& each : values)
    each = quantized(rounded_to(DType::f32, each / scale), zero, range) - zero;
  return {std::move(values), scale};
}

/// One direction's quantized weights [depth, gates].
class Weights {
 public:
  Weights(const Evaluation& c, int weight, int scale, int zero, int64_t direction)
      : weight_(c.input(weight)),
        scale_(c.input(scale)),
        zero_(c.input(zero)),
        direction_(direction),
        depth_(weight_.dim(1)),
        gates_(weight_.dim(2)) {}

  /// Of row `row` of `left`, column `gate`: exact sum, scaled in f32.
  double product(const Dynamic& left, int64_t row, int64_t gate) const {
    double sum = 0;
    const double zero = of(zero_, gate);
    for (int64_t k = 0; k < depth_; ++k)
      sum += left.values[static_cast<size_t>(row * depth_ + k)] *
             (weight_.number((direction_ * depth_ + k) * gates_ + gate) - zero);
    const double scale = rounded_to(DType::f32, left.scale * of(scale_, gate));
    return rounded_to(DType::f32, rounded_to(DType::f32, sum) * scale);
  }

 private:
  double of(const Tensor& parameter, int64_t gate) const {
    return parameter.number(parameter.rank() == 1 ? direction_ : direction_ * gates_ + gate);
  }
  const Tensor &weight_, &scale_, &zero_;
  int64_t direction_, depth_, gates_;
};

/// One direction.
class Run {
 public:
  Run(const Evaluation& c, const DynamicQuantizeLSTM& op, const LstmSizes& s, int64_t direction,
      const GateActivation* functions)
      : c_(c),
        op_(op),
        s_(s),
        d_(direction),
        functions_(functions),
        w_(c, kW, kWScale, kWZero, direction),
        r_(c, kR, kRScale, kRZero, direction),
        state_(initial(kInitial)),
        cell_(initial(kInitialCell)) {}

  /// `all`: [sequence, directions, batch, hidden].
  void run(std::vector<double>& all) {
    const auto size = static_cast<size_t>(s_.hidden);
    int64_t longest = 0;
    for (int64_t b = 0; b < s_.batch; ++b) longest = std::max(longest, length(b));
    std::vector<double> x = elements<double>(c_.input(kX));
    x.resize(static_cast<size_t>(longest * s_.batch * s_.input));
    const Dynamic input = quantized_by_range(std::move(x));
    std::vector<double> last = state_;
    for (int64_t step = 0; step < longest; ++step) {
      const Dynamic before = quantized_by_range(state_);
      for (int64_t b = 0; b < s_.batch; ++b) {
        const auto begin = state_.begin() + b * s_.hidden;
        if (step >= length(b)) {
          std::fill_n(begin, size, 0.0);
          continue;
        }
        const int64_t t = backwards() ? length(b) - 1 - step : step;
        advance(before, input, b, t * s_.batch + b);
        std::copy_n(begin, size, last.begin() + b * s_.hidden);
        std::copy_n(begin, size,
                    all.begin() + ((t * s_.directions + d_) * s_.batch + b) * s_.hidden);
      }
    }
    state_ = std::move(last);
  }
  const std::vector<double>& state() const { return state_; }
  const std::vector<double>& cell() const { return cell_; }

 private:
  bool backwards() const { return op_.recurrence.direction == Direction::reverse || d_ == 1; }
  int64_t length(int64_t b) const {
    const int64_t length = c_.has(kLengths) ? c_.input(kLengths).integer(b) : s_.sequence;
    c_.check(length >= 0 && length <= s_.sequence, "sequence ", b, " has length ", length,
             ", wanted 0 to ", s_.sequence);
    return length;
  }
  std::vector<double> initial(int operand) const {
    const int64_t count = s_.batch * s_.hidden;
    std::vector<double> result(static_cast<size_t>(count));
    if (c_.has(operand))
      for (int64_t i = 0; i < count; ++i)
        result[static_cast<size_t>(i)] = c_.input(operand).number(d_ * count + i);
    return result;
  }
  double activate(int function, double x) const {
    const double clip = op_.recurrence.clip;
    return functions_[function](clip > 0 ? std::clamp(x, -clip, clip) : x);
  }

  void advance(const Dynamic& before, const Dynamic& input, int64_t b, int64_t row) {
    for (int64_t i = 0; i < s_.hidden; ++i) {
      double& memory = cell_[static_cast<size_t>(b * s_.hidden + i)];
      const auto gate = [&](int64_t which) {
        const int64_t at = which * s_.hidden + i;
        double sum = w_.product(input, row, at) + r_.product(before, b, at);
        if (c_.has(kBias)) {
          const Tensor& bias = c_.input(kBias);
          sum += bias.number(d_ * 2 * s_.gates() + at);
          sum += bias.number((d_ * 2 + 1) * s_.gates() + at);
        }
        if (c_.has(kPeepholes) && which < 3)
          sum += c_.input(kPeepholes).number((d_ * 3 + which) * s_.hidden + i) * memory;
        return sum;
      };
      const double in = activate(0, gate(0));
      const double forget = op_.input_forget ? 1 - in : activate(0, gate(2));
      memory = forget * memory + in * activate(1, gate(3));
      const double out = activate(0, gate(1));
      state_[static_cast<size_t>(b * s_.hidden + i)] =
          rounded_to(DType::f32, out * functions_[2](memory));
    }
  }

  const Evaluation& c_;
  const DynamicQuantizeLSTM& op_;
  const LstmSizes& s_;
  int64_t d_;
  const GateActivation* functions_;
  Weights w_, r_;
  std::vector<double> state_, cell_;
};

}  // namespace

void DynamicQuantizeLSTM::infer(Inference& c) const {
  c.check(c.dtype(kX) == DType::f32, "x is ", c.dtype(kX), ", wanted f32");
  for (const int i : {kX, kW, kR}) rank_is(c, i, 3);
  for (const int i : {kW, kR}) {
    c.check(is_integer(c.dtype(i)) && bits(c.dtype(i)) == 8, "operand ", i, " is ", c.dtype(i),
            ", wanted i8 or u8");
    const int scale = i == kW ? kWScale : kRScale;
    c.check(c.has(scale) && c.has(scale + 1), "operand ", i, " has no scale or no zero point");
    check_scale(c, scale), check_zero_point(c, i, scale + 1);
  }
  for (const int i : {kBias, kInitial, kInitialCell, kPeepholes}) same_dtype(c, kX, i);
  c.check(!c.has(kLengths) || is_integer(c.dtype(kLengths)), "lengths are no integers");
  c.check(recurrence.layout == 0, "layout is ", recurrence.layout, ", wanted 0");
  c.check(recurrence.clip >= 0, "clip is ", recurrence.clip, ", wanted 0 or more");
  std::string problem;
  recurrence.functions(LSTM::kUsual, problem);
  c.check(problem.empty(), problem);
  const TensorType &x = c.tensor(kX), &w = c.tensor(kW), &r = c.tensor(kR);
  if (x.has_rank() && w.has_rank()) c.require_equal(x.shape()[2], w.shape()[1]);
  const Dim sequence = x.has_rank() ? x.shape()[0] : c.fresh(0, 0);
  const Dim batch = x.has_rank() ? x.shape()[1] : c.fresh(0, 2);
  const Dim hidden = r.has_rank() ? r.shape()[1] : c.fresh(0, 3);
  const Dim directions = recurrence.directions();
  c.set(0, DType::f32, {sequence, directions, batch, hidden});
  for (const int i : {1, 2}) c.set(i, DType::f32, {directions, batch, hidden});
}

void DynamicQuantizeLSTM::eval(Evaluation& c) const {
  const LstmSizes s = sizes_of(c, recurrence);
  std::string problem;
  const std::vector<GateActivation> functions = recurrence.functions(LSTM::kUsual, problem);
  c.check(problem.empty(), problem);
  const std::vector<int64_t> every{s.sequence, s.directions, s.batch, s.hidden};
  const std::vector<int64_t> one{s.directions, s.batch, s.hidden};
  std::vector<double> all(static_cast<size_t>(element_count(every))), state, cell;
  const bool empty = element_count(one) == 0;
  for (int64_t d = 0; d < s.directions && !empty; ++d) {
    Run run(c, *this, s, d, functions.data() + d * 3);
    run.run(all);
    state.insert(state.end(), run.state().begin(), run.state().end());
    cell.insert(cell.end(), run.cell().begin(), run.cell().end());
  }
  if (c.wants(0)) store(c.output(0, DType::f32, every), all);
  if (c.wants(1)) store(c.output(1, DType::f32, one), state);
  if (c.wants(2)) store(c.output(2, DType::f32, one), cell);
}

void register_dynamic_quantize_lstm(OpRegistry& registry) { registry.add<DynamicQuantizeLSTM>(); }

}  // namespace hone
