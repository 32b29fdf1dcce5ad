#pragma once
// Sequences of tensors. An element's type states a size only where all elements have it.
// (Source: ONNX.)

#include "ir/op.hpp"

namespace hone {

/// The operands as elements.
struct SequenceConstruct {
  static constexpr std::string_view kName = "SequenceConstruct";
  static constexpr Arity kInputs{1, Arity::kMany};
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
};

/// No elements, of `dtype`.
struct SequenceEmpty {
  static constexpr std::string_view kName = "SequenceEmpty";
  static constexpr Arity kInputs{0, 0};
  DType dtype = DType::f32;
  void fields(FieldList& f) const { f("dtype", dtype); }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
};

/// Operands: the sequence, a tensor, where it goes (an integer scalar in [-n, n]; absent: the end).
struct SequenceInsert {
  static constexpr std::string_view kName = "SequenceInsert";
  static constexpr Arity kInputs{2, 3};
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
};

/// Operands: the sequence, which element goes (in [-n, n-1]; absent: the last).
struct SequenceErase {
  static constexpr std::string_view kName = "SequenceErase";
  static constexpr Arity kInputs{1, 2};
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
};

/// Operands: the sequence, which element (in [-n, n-1]).
struct SequenceAt {
  static constexpr std::string_view kName = "SequenceAt";
  static constexpr Arity kInputs{2, 2};
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
};

/// How many elements: i64[].
struct SequenceLength {
  static constexpr std::string_view kName = "SequenceLength";
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
};

/// Pieces of x along `axis`. Operands: x, the pieces' sizes (a list, or a scalar that all but the
/// last have; absent: 1, the axis dropped unless `keepdims`).
struct SplitToSequence {
  static constexpr std::string_view kName = "SplitToSequence";
  static constexpr Arity kInputs{1, 2};
  int64_t axis = 0;
  bool keepdims = true;
  void fields(FieldList& f) const { f("axis", axis), f("keepdims", keepdims); }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
};

/// All elements behind one another along `axis`, or stacked along a new one.
struct ConcatFromSequence {
  static constexpr std::string_view kName = "ConcatFromSequence";
  int64_t axis = 0;
  bool new_axis = false;
  void fields(FieldList& f) const { f("axis", axis), f("new_axis", new_axis); }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
};

}  // namespace hone
