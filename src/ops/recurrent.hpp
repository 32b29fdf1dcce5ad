#pragma once

#include <span>

#include "ir/evaluation/evaluation.hpp"
#include "ir/inference.hpp"
#include "ops/common/gate_activation.hpp"

namespace hone {

enum class Direction : uint8_t {
  forward,
  reverse,        ///< from the last element of each sequence to the first
  bidirectional,  ///< both, side by side
};
inline constexpr std::string_view kDirectionNames[] = {"forward", "reverse", "bidirectional"};

/// The fields of an op that carries a state along sequences.
struct Recurrence {
  Direction direction = Direction::forward;
  int64_t hidden_size = 0;                    ///< elements of the state; 0: the operands tell
  std::vector<std::string> activations = {};  ///< for each direction; empty: the op's usual ones
  std::vector<float> activation_alpha = {};   ///< for those activations that have one, in order
  std::vector<float> activation_beta = {};
  float clip = 0;      ///< sums that enter gates are clipped to [-clip, clip]; 0: not
  int64_t layout = 0;  ///< 0: [sequence, batch, ...]; 1: batch first, in all operands and results

  void fields(FieldList& f) const {
    f("direction", direction, kDirectionNames)("hidden_size", hidden_size);
    f("activations", activations)("activation_alpha", activation_alpha);
    f("activation_beta", activation_beta)("clip", clip)("layout", layout);
  }
  int64_t directions() const { return direction == Direction::bidirectional ? 2 : 1; }
  /// The functions of all directions, as many for each as `usual` has. `problem`: what is wrong
  /// with the fields, in words.
  std::vector<GateActivation> functions(std::span<const std::string_view> usual,
                                        std::string& problem) const;
};

// Operands of all: x [sequence, batch, input], weights [directions, gates * hidden, input],
// recurrent weights [directions, gates * hidden, hidden], then optional: bias [directions, 2 *
// gates * hidden] (of the weights, of the recurrent weights), sequence lengths [batch] (i32),
// initial state [directions, batch, hidden]. Results: all states [sequence, directions, batch,
// hidden] (zero past the end of a sequence), the last state [directions, batch, hidden].

namespace recurrent {
/// Where they stand; the last two are LSTM's.
enum Operand : uint8_t {
  kX,
  kW,
  kR,
  kBias,
  kLengths,
  kInitial,
  kInitialCell,
  kPeepholes
};
}  // namespace recurrent

/// state = f(x W + state R + bias). Usual activation: Tanh.
struct RNN {
  static constexpr std::string_view kName = "RNN";
  static constexpr std::string_view kUsual[] = {"Tanh"};
  static constexpr Arity kInputs{3, 6};
  static constexpr Arity kOutputs{1, 2};
  Recurrence recurrence = {};
  void fields(FieldList& f) const { recurrence.fields(f); }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// Gated recurrent unit; gates in the order update, reset, hidden. Usual activations: Sigmoid,
/// Tanh.
struct GRU {
  static constexpr std::string_view kName = "GRU";
  static constexpr std::string_view kUsual[] = {"Sigmoid", "Tanh"};
  static constexpr Arity kInputs{3, 6};
  static constexpr Arity kOutputs{1, 2};
  Recurrence recurrence = {};
  bool linear_before_reset = false;  ///< the reset gate scales state R + bias, not the state
  void fields(FieldList& f) const {
    recurrence.fields(f);
    f("linear_before_reset", linear_before_reset);
  }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// Long short-term memory; gates in the order input, output, forget, cell. Two operands more:
/// initial cell [directions, batch, hidden], peepholes [directions, 3 * hidden] (input, output,
/// forget). A third result: the last cell. Usual activations: Sigmoid, Tanh, Tanh.
struct LSTM {
  static constexpr std::string_view kName = "LSTM";
  static constexpr std::string_view kUsual[] = {"Sigmoid", "Tanh", "Tanh"};
  static constexpr Arity kInputs{3, 8};
  static constexpr Arity kOutputs{1, 3};
  Recurrence recurrence = {};
  bool input_forget = false;  ///< the forget gate is 1 - the input gate
  void fields(FieldList& f) const {
    recurrence.fields(f);
    f("input_forget", input_forget);
  }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

}  // namespace hone
