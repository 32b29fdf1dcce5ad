// Recurrent ops as text.

#include "device/cuda/emit/node_writing.hpp"
#include "ops/common/gate_activation.hpp"
#include "ops/recurrent.hpp"

namespace hone::cuda::emitter {
namespace {

using enum recurrent::Operand;

constexpr int kThreadsOfSequence = 1024;  // that a sequence has

class RecurrentWriting : NodeWriting {
 public:
  RecurrentWriting(const Node& node, const Recurrence& recurrence)
      : NodeWriting(node),
        recurrence_(recurrence),
        lstm_(node.op.as<LSTM>()),
        gru_(node.op.as<GRU>()),
        dtype_(checked(type(kX).dtype)),
        computed_(bits(dtype_) == 64 ? DType::f64 : DType::f32),
        gates_(lstm_ != nullptr  ? 4
               : gru_ != nullptr ? 3
                                 : 1),
        directions_(recurrence.directions()),
        by_time_(recurrence.layout == 0) {
    constexpr int64_t kMostBytes = 40 << 10;
    const auto hidden = type(kR).shape()[2].constant();
    if (!hidden) throw Refusal{"the size of its state is open"};
    hidden_ = *hidden;
    const int64_t bytes = bits(computed_) / 8;
    if (4 * hidden_ * bytes > kMostBytes) throw Refusal{"its state is too large"};
    sequence_ = type(kX).shape()[by_time_ ? 0 : 1];
    batch_ = type(kX).shape()[by_time_ ? 1 : 0];
    made_.scratch_bytes = sequence_ * batch_ * Dim(directions_ * rows() * bytes);
  }

  SerialText run() {
    inputs();
    sequences();
    const std::string f = computed_type(computed_);
    const std::string declarations =
        cat("typedef ", f, " F;\n__device__ F number(", stored_type(dtype_), " x) { return ",
            loaded("x", dtype_), "; }\n", functions());
    return finish(declarations, {"recurrent"});
  }

 private:
  int64_t rows() const { return gates_ * hidden_; }
  /// The reset gate scales a sum that has a bias of its own.
  bool resets_sums() const { return gru_ != nullptr && gru_->linear_before_reset; }

  /// What each element of the sequences adds to the gates, biases included.
  void inputs() {
    const int64_t columns = directions_ * rows();
    const Dim& depth = type(kX).shape()[2];
    line("const auto of_column = [&](I column) {");
    if (has(kBias)) {
      line(cat("  const I d = column / ", rows(), ", row = column % ", rows(), ";"));
      line(cat("  const auto* bias = x3 + d * ", 2 * rows(), " + row;"));
      const std::string second = cat("number(bias[", rows(), "])");
      line(cat("  return number(bias[0]) + ",
               resets_sums() ? cat("(row < ", 2 * hidden_, " ? ", second, " : (F)0)") : second,
               ";"));
    } else {
      line("  return (F)0;");
    }
    line("};");
    line(cat("sums_of_inputs((F*)scratch, x0, x1, ", dims_(sequence_ * batch_), ", ", columns, ", ",
             dims_(depth), ", of_column);"));
    const Dim tiles = ceil_div(sequence_ * batch_, 64) * Dim((columns + 63) / 64);
    end_function({{}, tiles, depth, 256, 1});
  }

  std::string state_at(const std::string& d, const std::string& b) const {
    return by_time_ ? cat("(", d, " * batch + ", b, ") * n")
                    : cat("(", b, " * directions + ", d, ") * n");
  }
  std::string result_at(const std::string& time) const {
    return by_time_ ? cat("((", time, " * directions + d) * batch + b) * n")
                    : cat("((b * all + ", time, ") * directions + d) * n");
  }

  void sequences() {
    line(cat("const I all = ", dims_(sequence_), ", batch = ", dims_(batch_), ", n = ", hidden_,
             ", directions = ", directions_, ", rows = ", rows(), ";"));
    line("const F* sums = (const F*)scratch;");
    line(cat("__shared__ F states[2][", hidden_, "], more[2][", hidden_, "];"));
    line("const int warp = threadIdx.x / 32, warps = blockDim.x / 32, lane = threadIdx.x % 32;");
    line("for (I t = blockIdx.x; t < directions * batch; t += gridDim.x) {");
    line(cat("  const I b = t / directions, d = t % directions, own = ", state_at("d", "b"), ";"));
    const auto initial = [&](int operand) {
      return has(static_cast<size_t>(operand)) ? cat("number(x", operand, "[own + i])")
                                               : std::string("0");
    };
    line("  for (int i = threadIdx.x; i < n; i += blockDim.x) {");
    line(cat("    states[0][i] = ", initial(kInitial), ";"));
    if (lstm_ != nullptr) line(cat("    more[0][i] = ", initial(kInitialCell), ";"));
    line("  }");
    line(cat("  const I length = ",
             has(kLengths) ? "inside((long long)x4[b], all + 1)" : std::string("all"), ";"));
    line("  int now = 0;");
    line("  __syncthreads();");
    line("  for (I s = 0; s < length; ++s, now ^= 1) {");
    const bool reverse = recurrence_.direction == Direction::reverse;
    line(cat("    const I time = ", reverse ? "true" : "d == 1", " ? length - 1 - s : s;"));
    line(cat("    const F* add = sums + (", by_time_ ? "(time * batch + b)" : "(b * all + time)",
             " * directions + d) * rows;"));
    line(cat("    const I to = ", result_at("time"), ";"));
    if (gru_ != nullptr && !resets_sums()) reset_states();
    begin_elements(gru_ != nullptr && !resets_sums() ? 1 : gates_);
    if (lstm_ != nullptr) lstm();
    else if (gru_ != nullptr) gru();
    else line("      const F next = " + called(0, "add[i] + from[0]") + ";");
    line("      states[now ^ 1][i] = next;");
    if (wants(0)) line(cat("      y0[to + i] = ", stored("next", dtype_), ";"));
    line("    }");
    line("    __syncthreads();");
    line("  }");
    finish_sequence();
    line("}");
    const int64_t turns = (hidden_ + 31) / 32;
    end_function({{},
                  batch_ * Dim(directions_),
                  sequence_ * Dim(turns * turns * gates_ + 8),
                  kThreadsOfSequence,
                  1});
  }

  /// Of each element of the state, a warp has the sums of so many gates; its first thread goes on.
  void begin_elements(int64_t gates) {
    const bool behind = gates == 1 && gru_ != nullptr;
    line("    for (int i = warp; i < n; i += warps) {");
    line(cat("      F from[", gates, "];"));
    line(cat("      sums_of_state(from, x2, d * rows + ", behind ? "2 * n + " : "", "i, n, ",
             behind ? "more[1]" : "states[now]", ", n);"));
    line("      if (lane != 0) continue;");
  }

  /// The state times the reset gate, for the sum behind it.
  void reset_states() {
    line("    for (int i = warp; i < n; i += warps) {");
    line("      F from[2];");
    line("      sums_of_state(from, x2, d * rows + i, n, states[now], n);");
    line("      if (lane != 0) continue;");
    line(cat("      more[0][i] = ", called(0, "add[i] + from[0]"), ";"));
    line(cat("      more[1][i] = states[now][i] * ", called(0, "add[n + i] + from[1]"), ";"));
    line("    }");
    line("    __syncthreads();");
  }

  void gru() {
    if (resets_sums()) {
      line(cat("      const F update = ", called(0, "add[i] + from[0]"), ";"));
      line(cat("      const F reset = ", called(0, "add[n + i] + from[1]"), ";"));
      const std::string bias =
          has(kBias) ? cat(" + number(x3[d * 2 * rows + rows + 2 * n + i])") : std::string();
      line(cat("      const F entered = add[2 * n + i] + reset * (from[2]", bias, ");"));
    } else {
      line("      const F update = more[0][i], entered = add[2 * n + i] + from[0];");
    }
    line(cat("      const F next = (1 - update) * ", called(1, "entered"),
             " + update * states[now][i];"));
  }

  void lstm() {
    const auto peek = [&](int gate, const char* cell) {
      return has(kPeepholes) ? cat(" + number(x7[d * 3 * n + ", gate, " * n + i]) * ", cell)
                             : std::string();
    };
    line("      const F old = more[0][i];");
    line(cat("      const F in = ", called(0, cat("add[i] + from[0]", peek(0, "old"))), ";"));
    line(cat(
        "      const F forget = ",
        lstm_->input_forget ? "1 - in" : called(0, cat("add[2 * n + i] + from[2]", peek(2, "old"))),
        ";"));
    line(cat("      const F cell = forget * old + in * ", called(1, "add[3 * n + i] + from[3]"),
             ";"));
    line(cat("      const F next = ", called(0, cat("add[n + i] + from[1]", peek(1, "cell"))),
             " * ", called(2, "cell", false), ";"));
    line("      more[0][i] = cell;");
  }

  void finish_sequence() {
    line("  for (int i = threadIdx.x; i < n; i += blockDim.x) {");
    if (wants(0))
      line(cat("    for (I s = length; s < all; ++s) y0[", result_at("s"), " + i] = 0;"));
    if (wants(1)) line(cat("    y1[own + i] = ", stored("states[now][i]", dtype_), ";"));
    if (wants(2)) line(cat("    y2[own + i] = ", stored("more[0][i]", dtype_), ";"));
    line("  }");
    line("  __syncthreads();");
  }

  /// A function of the gates of this direction; sums that enter gates are clipped first.
  std::string called(int function, std::string_view x, bool clips = true) const {
    const std::string in = clips ? cat("clipped(", x, ")") : std::string(x);
    const std::string first = cat("f0_", function, "(", in, ")");
    return directions_ == 1 ? first : cat("(d == 0 ? ", first, " : f1_", function, "(", in, "))");
  }

  std::string functions() const {
    const std::span<const std::string_view> usual =
        lstm_ != nullptr  ? std::span<const std::string_view>(LSTM::kUsual)
        : gru_ != nullptr ? std::span<const std::string_view>(GRU::kUsual)
                          : std::span<const std::string_view>(RNN::kUsual);
    std::string problem;
    const std::vector<GateActivation> all = recurrence_.functions(usual, problem);
    if (!problem.empty()) throw Refusal{problem};
    const std::string most = number(recurrence_.clip);
    std::string text = recurrence_.clip > 0
                           ? cat("__device__ F clipped(F x) { return x < -", most, " ? -", most,
                                 " : x > ", most, " ? ", most, " : x; }\n")
                           : "__device__ F clipped(F x) { return x; }\n";
    for (size_t i = 0; i < all.size(); ++i)
      text += cat("__device__ F f", i / usual.size(), "_", i % usual.size(), "(F x) { return ",
                  expression(all[i]), "; }\n");
    return text;
  }

  std::string number(double value) const { return number_text(value, 0, computed_); }

  std::string expression(const GateActivation& function) const {
    const std::string_view f = computed_ == DType::f64 ? "" : "f", name = function.name;
    const std::string a = number(function.alpha), b = number(function.beta);
    if (name == "Relu") return "x < 0 ? (F)0 : x";
    if (name == "Tanh") return cat("tanh", f, "(x)");
    if (name == "Sigmoid") return cat("1 / (1 + exp", f, "(-x))");
    if (name == "Affine") return cat(a, " * x + ", b);
    if (name == "LeakyRelu") return cat("x < 0 ? ", a, " * x : x");
    if (name == "ThresholdedRelu") return cat("x > ", a, " ? x : (F)0");
    if (name == "ScaledTanh") return cat(a, " * tanh", f, "(", b, " * x)");
    if (name == "HardSigmoid") {
      const std::string line = cat("(", a, " * x + ", b, ")");
      return cat(line, " < 0 ? (F)0 : ", line, " > 1 ? (F)1 : ", line);
    }
    if (name == "Elu") return cat("x < 0 ? ", a, " * expm1", f, "(x) : x");
    if (name == "Softsign") return cat("x / (1 + fabs", f, "(x))");
    if (name == "Softplus")
      return cat("log1p", f, "(exp", f, "(-fabs", f, "(x))) + (x < 0 ? (F)0 : x)");
    throw Refusal{cat("its activation is ", name)};
  }

  const Recurrence& recurrence_;
  const LSTM* lstm_;
  const GRU* gru_;
  const DType dtype_, computed_;
  const int64_t gates_, directions_;
  const bool by_time_;
  int64_t hidden_ = 0;
  Dim sequence_, batch_;
};

}  // namespace

SerialText recurrent_text(const Node& node, const Recurrence& recurrence) {
  return RecurrentWriting(node, recurrence).run();
}

}  // namespace hone::cuda::emitter
