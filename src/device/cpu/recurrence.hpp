#pragma once
// RNN, GRU and LSTM as products of packed weights: what the three ops have in common.

#include "device/cpu/gemm.hpp"
#include "device/cpu/step.hpp"
#include "ops/recurrent.hpp"

namespace hone::cpu {

/// What sets the three ops apart.
struct RecurrentKind {
  const Recurrence* recurrence = nullptr;  // null: none of them
  int64_t gates = 0;                       // 1: RNN, 3: GRU, 4: LSTM
  std::span<const std::string_view> usual = {};
  bool linear_before_reset = false, input_forget = false;
};

RecurrentKind recurrent_kind(const Problem& problem);

/// The gates that the first block of packed R makes; GRU's hidden gate waits for the reset gate and
/// has a block of its own.
inline int64_t first_gates(int64_t gates) { return gates == 3 ? 2 : gates; }
/// Floats of one direction's packed R.
int64_t packed_recurrent(int64_t gates, int64_t hidden);

/// W and R as panels of columns, direction after direction: packed once, or, where they are
/// computed, by each run.
class RecurrentWeights {
 public:
  RecurrentWeights() = default;
  /// `packed`: of the recipe's packings.
  RecurrentWeights(const Problem& problem, const Tuning& tuning, std::vector<Tensor> packed);
  /// Why weights are not for this; null: they are.
  static const char* refusal(const Problem& problem);
  /// [directions, gates * hidden, input or hidden]. Nullopt: not all of the sizes are known.
  static std::optional<std::vector<int64_t>> shape(const Problem& problem, size_t operand);
  /// How those are packed that are no literals.
  static std::vector<Packing> packings(const Problem& problem);
  /// That a run needs for those that are computed.
  static int64_t computed_floats(const Problem& problem);

  struct Places {
    const float *w, *r;
  };
  /// Those that are computed are packed into `room`, which moves on behind them.
  Places places(const Operands& operands, Stream& stream, float*& room) const;
  int64_t input() const { return w_shape_[2]; }
  int64_t hidden() const { return r_shape_[2]; }

 private:
  std::optional<Source> w_source_, r_source_;
  std::vector<int64_t> w_shape_, r_shape_;
  Tensor w_, r_;  // empty: computed
  int64_t gates_ = 0;
};

/// A function of gates on whole rows.
struct GateRow {
  GateActivation function;
  float clip = 0;  // of what enters a gate; 0: not

  void operator()(int64_t count, float* values, bool clips = true) const;
};

}  // namespace hone::cpu
