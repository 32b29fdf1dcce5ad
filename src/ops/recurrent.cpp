#include "ops/recurrent.hpp"

#include <algorithm>
#include <cmath>

#include "base/size.hpp"
#include "ir/evaluation/work.hpp"
#include "ir/op_class.hpp"
#include "ops/common/gate_activation.hpp"
#include "ops/common/operands.hpp"

namespace hone {
namespace {

using enum recurrent::Operand;

using Activations = std::vector<GateActivation>;

// An operand's dims against `wanted`; where both are known they must agree.
void operand_is(Inference& c, int operand, const Dims& wanted) {
  if (!c.has(operand)) return;
  float_operand(c, operand);
  same_dtype(c, kX, operand);
  rank_is(c, operand, static_cast<int>(wanted.size()));
  const TensorType& type = c.tensor(operand);
  if (!type.has_rank()) return;
  for (size_t i = 0; i < wanted.size(); ++i) {
    const Dim& size = type.shape()[i];
    c.check(provably_equal(size, wanted[i], c.ranges()).value_or(true), "operand ", operand, " is ",
            type, ", wanted [", join(wanted, ","), "]");
    c.require_equal(size, wanted[i]);
  }
}

Dim known_size(const Inference& c, int operand, size_t axis, size_t rank, const Dim& otherwise) {
  const TensorType& type = c.tensor(operand);
  return type.has_rank() && type.shape().size() == rank ? type.shape()[axis] : otherwise;
}

void infer_recurrent(Inference& c, const Recurrence& r, int64_t gates,
                     std::span<const std::string_view> usual) {
  const DType dtype = float_operand(c, kX);
  rank_is(c, kX, 3);
  c.check(r.layout == 0 || r.layout == 1, "layout=", r.layout, ": wanted 0 or 1");
  c.check(r.hidden_size >= 0, "hidden_size=", r.hidden_size, ": wanted at least 1");
  c.check(r.clip >= 0, "clip=", r.clip, ": wanted 0 or more");
  std::string problem;
  r.functions(usual, problem);
  c.check(problem.empty(), problem);
  const size_t time_axis = r.layout == 0 ? 0 : 1;
  const Dim sequence = known_size(c, kX, time_axis, 3, c.fresh(0, static_cast<int>(time_axis)));
  const Dim batch = known_size(c, kX, 1 - time_axis, 3, c.fresh(0, r.layout == 0 ? 2 : 0));
  const Dim input = known_size(c, kX, 2, 3, known_size(c, kW, 2, 3, 0));
  const Dim hidden =
      r.hidden_size > 0 ? Dim(r.hidden_size) : known_size(c, kR, 2, 3, c.fresh(0, 3));
  const Dim directions = r.directions();
  const bool input_known = c.tensor(kX).has_rank() || c.tensor(kW).has_rank();
  if (input_known) operand_is(c, kW, {directions, hidden * gates, input});
  operand_is(c, kR, {directions, hidden * gates, hidden});
  operand_is(c, kBias, {directions, hidden * (2 * gates)});
  if (c.has(kLengths)) {
    c.check(is_integer(c.dtype(kLengths)), "sequence lengths are ", c.dtype(kLengths),
            ", wanted i32");
    vector_of(c, kLengths, batch);
  }
  const Dims state =
      r.layout == 0 ? Dims{directions, batch, hidden} : Dims{batch, directions, hidden};
  operand_is(c, kInitial, state);
  operand_is(c, kInitialCell, state);
  operand_is(c, kPeepholes, {directions, hidden * 3});
  c.set(0, dtype,
        r.layout == 0 ? Dims{sequence, directions, batch, hidden}
                      : Dims{batch, sequence, directions, hidden});
  c.set(1, dtype, state);
  c.set(2, dtype, state);
}

// One direction's parameters and, at a step of one sequence, the state and what goes into the
// gates.
struct Cell {
  int64_t hidden;
  const double* recurrent;       // [gates * hidden, hidden]
  const double* recurrent_bias;  // [gates * hidden]
  const double* peepholes;       // [3 * hidden] or null
  const GateActivation* functions;
  double clip;
  std::vector<double> from_input, from_state;  // [gates * hidden], biases included
  std::vector<double> state, cell;             // [hidden]

  double activate(int function, double x) const {
    if (clip > 0) x = std::clamp(x, -clip, clip);
    return functions[function](x);
  }
  // What goes into gate `gate` at element `i`.
  double gate(int64_t gate, int64_t i) const {
    const auto place = static_cast<size_t>(gate * hidden + i);
    return from_input[place] + from_state[place];
  }
};

// out[i] = rows[i] * vector + bias[i].
void affine(const double* rows, const std::vector<double>& vector, const double* bias,
            std::vector<double>& out) {
  for (double& sum : out) {
    sum = *bias++;
    for (const double value : vector) sum += *rows++ * value;
  }
}

struct Sizes {
  int64_t sequence, batch, input, hidden, directions, gates;
};

Sizes sizes_of(const Evaluation& c, const Recurrence& r, int64_t gates) {
  const Tensor &x = c.input(kX), &w = c.input(kW), &recurrent = c.input(kR);
  c.check(x.rank() == 3 && w.rank() == 3 && recurrent.rank() == 3, "operands ",
          shape_text(x.shape()), ", ", shape_text(w.shape()), ", ", shape_text(recurrent.shape()),
          ": wanted rank 3");
  const Sizes s{x.dim(r.layout == 0 ? 0 : 1),
                x.dim(r.layout == 0 ? 1 : 0),
                x.dim(2),
                recurrent.dim(2),
                r.directions(),
                gates};
  const int64_t rows = checked_mul(s.gates, s.hidden);
  const auto shape_is = [&](int operand, const std::vector<int64_t>& wanted) {
    c.check(!c.has(operand) || c.input(operand).shape() == wanted, "operand ", operand,
            " does not have the shape ", shape_text(wanted));
  };
  shape_is(kW, {s.directions, rows, s.input});
  shape_is(kR, {s.directions, rows, s.hidden});
  shape_is(kBias, {s.directions, 2 * rows});
  shape_is(kLengths, {s.batch});
  const std::vector<int64_t> state = r.layout == 0
                                         ? std::vector<int64_t>{s.directions, s.batch, s.hidden}
                                         : std::vector<int64_t>{s.batch, s.directions, s.hidden};
  shape_is(kInitial, state);
  shape_is(kInitialCell, state);
  shape_is(kPeepholes, {s.directions, 3 * s.hidden});
  return s;
}

std::vector<double> or_zeros(const Evaluation& c, int operand, int64_t count) {
  return c.has(operand) ? elements<double>(c.input(operand))
                        : std::vector<double>(static_cast<size_t>(count));
}

// Runs every sequence in every direction; step(cell) makes the new state from the old.
class Run {
 public:
  Run(Evaluation& c, const Recurrence& r, int64_t gates, std::span<const std::string_view> usual)
      : c_(c), r_(r), s_(sizes_of(c, r, gates)) {
    std::string problem;
    functions_ = r.functions(usual, problem);
    c.check(problem.empty(), problem);
    const int64_t states = element_count(std::vector<int64_t>{s_.directions, s_.batch, s_.hidden});
    const std::vector<int64_t> state =
        r.layout == 0 ? std::vector<int64_t>{s_.directions, s_.batch, s_.hidden}
                      : std::vector<int64_t>{s_.batch, s_.directions, s_.hidden};
    const std::vector<int64_t> all =
        r.layout == 0 ? std::vector<int64_t>{s_.sequence, s_.directions, s_.batch, s_.hidden}
                      : std::vector<int64_t>{s_.batch, s_.sequence, s_.directions, s_.hidden};
    shapes_ = {all, state, state};
    state_ = or_zeros(c, kInitial, states);
    cell_ = or_zeros(c, kInitialCell, states);
    states_.resize(static_cast<size_t>(element_count(all)));
  }

  template <class Step>
  void run(const Step& step) {
    const std::vector<double> x = elements<double>(c_.input(kX)),
                              w = elements<double>(c_.input(kW)),
                              recurrent = elements<double>(c_.input(kR));
    const int64_t rows = s_.gates * s_.hidden;
    spend_work({s_.directions, s_.batch, s_.sequence, rows, s_.input + s_.hidden});
    const std::vector<double> bias = or_zeros(c_, kBias, s_.directions * 2 * rows);
    std::vector<double> peepholes;
    if (c_.has(kPeepholes)) peepholes = elements<double>(c_.input(kPeepholes));
    const bool empty = states_.empty() && state_.empty();
    for (int64_t d = 0; d < s_.directions && !empty; ++d) {
      Cell cell{s_.hidden,
                recurrent.data() + d * rows * s_.hidden,
                bias.data() + d * 2 * rows + rows,
                peepholes.empty() ? nullptr : peepholes.data() + d * 3 * s_.hidden,
                functions_.data() + d * static_cast<int64_t>(functions_.size()) / s_.directions,
                r_.clip,
                std::vector<double>(static_cast<size_t>(rows)),
                std::vector<double>(static_cast<size_t>(rows)),
                {},
                {}};
      for (int64_t b = 0; b < s_.batch; ++b)
        run_sequence(cell, d, b, x, w.data() + d * rows * s_.input, bias.data() + d * 2 * rows,
                     step);
    }
    if (c_.wants(0)) store(c_.output(0, dtype(), shapes_[0]), states_);
    if (c_.wants(1)) store(c_.output(1, dtype(), shapes_[1]), state_);
    if (c_.wants(2)) store(c_.output(2, dtype(), shapes_[2]), cell_);
  }

 private:
  DType dtype() const { return c_.input(kX).dtype(); }

  template <class Step>
  void run_sequence(Cell& cell, int64_t d, int64_t b, const std::vector<double>& x, const double* w,
                    const double* bias, const Step& step) {
    const int64_t at = (r_.layout == 0 ? d * s_.batch + b : b * s_.directions + d) * s_.hidden;
    cell.state.assign(state_.begin() + at, state_.begin() + at + s_.hidden);
    cell.cell.assign(cell_.begin() + at, cell_.begin() + at + s_.hidden);
    const int64_t length = c_.has(kLengths) ? c_.input(kLengths).integer(b) : s_.sequence;
    c_.check(length >= 0 && length <= s_.sequence, "sequence ", b, " has length ", length,
             ", wanted 0 to ", s_.sequence);
    const bool backwards = r_.direction == Direction::reverse || d == 1;
    for (int64_t i = 0; i < length; ++i) {
      const int64_t t = backwards ? length - 1 - i : i;
      const int64_t row = r_.layout == 0 ? t * s_.batch + b : b * s_.sequence + t;
      const auto begin = x.begin() + row * s_.input;
      affine(w, std::vector<double>(begin, begin + s_.input), bias, cell.from_input);
      affine(cell.recurrent, cell.state, cell.recurrent_bias, cell.from_state);
      step(cell);
      const int64_t to = r_.layout == 0 ? (t * s_.directions + d) * s_.batch + b
                                        : (b * s_.sequence + t) * s_.directions + d;
      std::copy(cell.state.begin(), cell.state.end(), states_.begin() + to * s_.hidden);
    }
    std::copy(cell.state.begin(), cell.state.end(), state_.begin() + at);
    std::copy(cell.cell.begin(), cell.cell.end(), cell_.begin() + at);
  }

  Evaluation& c_;
  const Recurrence& r_;
  Sizes s_;
  Activations functions_;
  std::vector<std::vector<int64_t>> shapes_;
  std::vector<double> states_, state_, cell_;
};

void step_rnn(Cell& cell) {
  for (int64_t i = 0; i < cell.hidden; ++i)
    cell.state[static_cast<size_t>(i)] = cell.activate(0, cell.gate(0, i));
}

void step_gru(Cell& cell, bool linear_before_reset) {
  const auto n = static_cast<size_t>(cell.hidden);
  std::vector<double> update(n), reset(n), candidate(n);
  for (size_t i = 0; i < n; ++i) {
    update[i] = cell.activate(0, cell.gate(0, static_cast<int64_t>(i)));
    reset[i] = cell.activate(0, cell.gate(1, static_cast<int64_t>(i)));
  }
  if (linear_before_reset) {
    for (size_t i = 0; i < n; ++i)
      candidate[i] = cell.from_input[2 * n + i] + reset[i] * cell.from_state[2 * n + i];
  } else {
    std::vector<double> scaled(n);
    for (size_t i = 0; i < n; ++i) scaled[i] = reset[i] * cell.state[i];
    affine(cell.recurrent + 2 * n * n, scaled, cell.recurrent_bias + 2 * n, candidate);
    for (size_t i = 0; i < n; ++i) candidate[i] += cell.from_input[2 * n + i];
  }
  for (size_t i = 0; i < n; ++i)
    cell.state[i] = (1 - update[i]) * cell.activate(1, candidate[i]) + update[i] * cell.state[i];
}

void step_lstm(Cell& cell, bool input_forget) {
  const int64_t n = cell.hidden;
  for (int64_t i = 0; i < n; ++i) {
    double& memory = cell.cell[static_cast<size_t>(i)];
    const double* peep = cell.peepholes;
    const auto peek = [&](int64_t gate) {
      return peep == nullptr ? 0 : peep[gate * n + i] * memory;
    };
    const double input = cell.activate(0, cell.gate(0, i) + peek(0));
    const double forget = input_forget ? 1 - input : cell.activate(0, cell.gate(2, i) + peek(2));
    memory = forget * memory + input * cell.activate(1, cell.gate(3, i));
    const double output = cell.activate(0, cell.gate(1, i) + peek(1));
    // `clip` is for sums that enter gates; the cell stays as it is.
    cell.state[static_cast<size_t>(i)] = output * cell.functions[2](memory);
  }
}

}  // namespace

std::vector<GateActivation> Recurrence::functions(std::span<const std::string_view> usual,
                                                  std::string& problem) const {
  const size_t count = usual.size() * static_cast<size_t>(directions());
  if (!activations.empty() && activations.size() != count)
    problem = cat("activations=[", join(activations, ","), "]: wanted ", count);
  std::vector<GateActivation> result;
  size_t alphas = 0, betas = 0;
  for (size_t i = 0; i < count && problem.empty(); ++i) {
    const std::string_view name =
        activations.empty() ? usual[i % usual.size()] : std::string_view(activations[i]);
    std::optional<GateActivation> found = gate_activation(name);
    if (!found) {
      problem = cat("activation \"", name, "\" is unknown");
      break;
    }
    if (found->has_alpha && alphas < activation_alpha.size())
      found->alpha = activation_alpha[alphas++];
    if (found->has_beta && betas < activation_beta.size()) found->beta = activation_beta[betas++];
    result.push_back(*found);
  }
  return result;
}

void RNN::infer(Inference& c) const { infer_recurrent(c, recurrence, 1, kUsual); }

void RNN::eval(Evaluation& c) const { Run(c, recurrence, 1, kUsual).run(step_rnn); }

void GRU::infer(Inference& c) const { infer_recurrent(c, recurrence, 3, kUsual); }

void GRU::eval(Evaluation& c) const {
  Run(c, recurrence, 3, kUsual).run([this](Cell& cell) { step_gru(cell, linear_before_reset); });
}

void LSTM::infer(Inference& c) const { infer_recurrent(c, recurrence, 4, kUsual); }

void LSTM::eval(Evaluation& c) const {
  Run(c, recurrence, 4, kUsual).run([this](Cell& cell) { step_lstm(cell, input_forget); });
}

void register_recurrent(OpRegistry& registry) {
  registry.add<RNN>();
  registry.add<GRU>();
  registry.add<LSTM>();
}

}  // namespace hone
