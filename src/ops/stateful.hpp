#pragma once
// Layers that carry a state along the sequence, from one call to the next. (Source: ONNX.)

#include "ir/op.hpp"

namespace hone {

/// Attention by a recurrent state [key, value] for each head of keys; for every token, in order:
///   gated rules:  state *= exp(decay), a factor for each row of the state or for all of it
///   delta rules:  v = beta * (v - state^T k)
///   state += k v^T;  y = scale * state^T q
/// Operands: q [batch, sequence, q_heads * key], k [batch, sequence, kv_heads * key], v [batch,
/// sequence, kv_heads * value]; optional past_state [batch, kv_heads, key, value] (zeros); decay
/// [batch, sequence, kv_heads * key or kv_heads] of gated rules; beta [batch, sequence, kv_heads
/// or 1] of delta rules. Results: y [batch, sequence, q_heads * value], present_state.
struct LinearAttention {
  static constexpr std::string_view kName = "LinearAttention";
  static constexpr Arity kInputs{3, 6};
  static constexpr Arity kOutputs{1, 2};
  enum class UpdateRule : uint8_t {
    linear,
    gated,
    delta,
    gated_delta
  };
  static constexpr std::string_view kRules[] = {"linear", "gated", "delta", "gated_delta"};
  int64_t q_num_heads = 1, kv_num_heads = 1;
  float scale = 0;  ///< 0: 1 / sqrt(key)
  UpdateRule update_rule = UpdateRule::gated_delta;
  bool gated() const {
    return update_rule == UpdateRule::gated || update_rule == UpdateRule::gated_delta;
  }
  bool corrects() const {
    return update_rule == UpdateRule::delta || update_rule == UpdateRule::gated_delta;
  }
  void fields(FieldList& f) const {
    f("q_num_heads", q_num_heads)("kv_num_heads", kv_num_heads)("scale", scale);
    f("update_rule", update_rule, kRules);
  }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// Every channel convolved with its own kernel over the positions up to each, then an activation.
/// Operands: x [batch, channels, length], weight [channels, 1, k], optional bias [channels],
/// optional past_state [batch, channels, k - 1]: what stands before x (zeros). Results: y, x's
/// shape, and present_state: the last k - 1 of past_state and x.
struct CausalConvWithState {
  static constexpr std::string_view kName = "CausalConvWithState";
  static constexpr Arity kInputs{2, 4};
  static constexpr Arity kOutputs{1, 2};
  enum class Activation : uint8_t {
    none,
    silu
  };
  static constexpr std::string_view kActivations[] = {"none", "silu"};
  Activation activation = Activation::none;
  void fields(FieldList& f) const { f("activation", activation, kActivations); }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

}  // namespace hone
