#pragma once
// Cutting a strided box out of a tensor. Fields and defaults are ONNX's.

#include "ir/op.hpp"

namespace hone {

/// Elements starts[i], starts[i] + steps[i], ... before ends[i] along axes[i] (absent: 0, 1, ...;
/// steps absent: 1). Negative starts and ends count from the end; both are clamped to the axis.
/// Operands: the data, starts, ends, axes, steps.
struct Slice {
  static constexpr std::string_view kName = "Slice";
  static constexpr Arity kInputs{1, 5};
  static constexpr Parameter kParameters[] = {
      {"starts", 1}, {"ends", 2}, {"axes", 3}, {"steps", 4}};
  std::optional<Dims> starts = {}, ends = {}, axes = {}, steps = {};
  void fields(FieldList& f) const {
    f("starts", starts), f("ends", ends), f("axes", axes), f("steps", steps);
  }
  void infer(Inference& c) const;
  void dims(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

}  // namespace hone
