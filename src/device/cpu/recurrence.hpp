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

/// W and R as panels of columns, direction after direction.
Tensor pack_input(const Problem& problem, const Tuning& tuning, const Tensor& weight);
Tensor pack_recurrent(const Problem& problem, const Tuning& tuning, const Tensor& weight);

/// A function of gates on whole rows.
struct GateRow {
  GateActivation function;
  float clip = 0;  // of what enters a gate; 0: not

  void operator()(int64_t count, float* values, bool clips = true) const;
};

}  // namespace hone::cpu
