#pragma once
// Picking elements by indices. Negative indices count from the end, others out of range fail.
// Fields and defaults are ONNX's.

#include "ir/op.hpp"

namespace hone {

/// Slices of the data along `axis`: the result is data[:axis] + indices + data[axis+1:].
struct Gather {
  static constexpr std::string_view kName = "Gather";
  static constexpr Arity kInputs{2, 2};
  int64_t axis = 0;
  void fields(FieldList& f) const { f("axis", axis); }
  void infer(Inference& c) const;
  void dims(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// Result [i,j,k] is the data's element whose place along `axis` is indices[i,j,k], its other
/// coordinates i, j, k.
struct GatherElements {
  static constexpr std::string_view kName = "GatherElements";
  static constexpr Arity kInputs{2, 2};
  int64_t axis = 0;
  void fields(FieldList& f) const { f("axis", axis); }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// The last axis of the indices holds coordinates (of the data's axes from `batch_dims` on); each
/// picks an element or a slice. The first `batch_dims` axes of both operands go together.
struct GatherND {
  static constexpr std::string_view kName = "GatherND";
  static constexpr Arity kInputs{2, 2};
  int64_t batch_dims = 0;
  void fields(FieldList& f) const { f("batch_dims", batch_dims); }
  void infer(Inference& c) const;
  void dims(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

}  // namespace hone
