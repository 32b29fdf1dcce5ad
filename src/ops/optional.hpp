#pragma once
// Optionals: a tensor, a sequence, or nothing. (Source: ONNX.)

#include "ir/fields.hpp"
#include "ir/op.hpp"

namespace hone {

/// An optional that holds the operand, or, without one, nothing of the `type` an element would
/// have.
struct Optional {
  static constexpr std::string_view kName = "Optional";
  static constexpr Arity kInputs{0, 1};
  Type type;
  void fields(FieldList& f) const { f("type", type); }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
};

/// bool[]: the operand holds something. Operand: an optional, a tensor or a sequence (true), or
/// absent (false).
struct OptionalHasElement {
  static constexpr std::string_view kName = "OptionalHasElement";
  static constexpr Arity kInputs{0, 1};
  void infer(Inference& c) const;
  void dims(Inference& c) const;
  void eval(Evaluation& c) const;
};

/// What the optional holds; a tensor or a sequence as it is. Nothing: an error of the run.
struct OptionalGetElement {
  static constexpr std::string_view kName = "OptionalGetElement";
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
};

}  // namespace hone
