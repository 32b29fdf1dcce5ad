#pragma once

#include "ops/recurrent.hpp"

namespace hone {

/// LSTM in f32 with quantized weights, multiplied as integers: x is quantized by its own range, at
/// every step the states of all sequences together by theirs. Operands: x [sequence, batch, input],
/// weights [directions, input, 4 * hidden], recurrent weights [directions, hidden, 4 * hidden]
/// (i8 or u8), then LSTM's optional ones, then scale and zero point of both weights, [directions]
/// or [directions, 4 * hidden]. Results: LSTM's. (Source: com.microsoft.)
struct DynamicQuantizeLSTM {
  static constexpr std::string_view kName = "DynamicQuantizeLSTM";
  static constexpr Arity kInputs{3, 12};  // 3 to 7 may be absent
  static constexpr Arity kOutputs{1, 3};
  Recurrence recurrence = {};  ///< layout is always 0
  bool input_forget = false;
  void fields(FieldList& f) const {
    const Recurrence& r = recurrence;
    f("direction", r.direction, kDirectionNames)("hidden_size", r.hidden_size);
    f("activations", r.activations)("activation_alpha", r.activation_alpha);
    f("activation_beta", r.activation_beta)("clip", r.clip)("input_forget", input_forget);
  }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

}  // namespace hone
