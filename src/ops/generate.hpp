#pragma once
// Ops that make tensors from sizes and bounds. Fields and defaults are ONNX's.

#include "ir/op.hpp"

namespace hone {

/// A tensor of `shape` whose every element is `value` (one element; gives the dtype).
struct ConstantOfShape {
  static constexpr std::string_view kName = "ConstantOfShape";
  static constexpr Arity kInputs{0, 1};
  static constexpr Parameter kParameters[] = {{"shape", 0}};
  std::optional<Dims> shape = {};
  Tensor value = Tensor::scalar(DType::f32, 0);
  void fields(FieldList& f) const { f("shape", shape), f("value", value); }
  void infer(Inference& c) const;
  void dims(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// start, start + delta, ... while before limit: max(ceil((limit - start) / delta), 0) numbers.
/// Operands: start, limit, delta, scalars of one dtype.
struct Range {
  static constexpr std::string_view kName = "Range";
  static constexpr Arity kInputs{3, 3};
  void infer(Inference& c) const;
  void dims(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

}  // namespace hone
