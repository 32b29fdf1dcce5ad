#pragma once
// Looking elements up in a list of keys. (Source: ONNX, ai.onnx.ml.)

#include "ir/op.hpp"

namespace hone {

/// values[i] where the element equals keys[i] (the last such i; NaN equals NaN), `otherwise` where
/// it equals none. Operands: x, keys (a vector of x's dtype, strings too), values (as many),
/// otherwise (one element of the values' dtype).
struct LabelEncoder {
  static constexpr std::string_view kName = "LabelEncoder";
  static constexpr Arity kInputs{4, 4};
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
};

/// f32 with a new last axis, one place for each category: 1 where the element equals it, else 0.
/// Operands: x, categories (a vector of x's dtype, strings too).
struct OneHotEncoder {
  static constexpr std::string_view kName = "OneHotEncoder";
  static constexpr Arity kInputs{2, 2};
  bool zeros = true;  // an element that is no category gives zeros; else it fails
  void fields(FieldList& f) const { f("zeros", zeros); }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
};

}  // namespace hone
