#pragma once
// Ops about shapes: asking for one, giving the same elements another one. Fields and defaults are
// ONNX's.

#include "ir/op.hpp"

namespace hone {

/// Sizes start ... end-1 of the operand as i64; negative positions count from the end, both are
/// clamped to [0, rank].
struct Shape {
  static constexpr std::string_view kName = "Shape";
  int64_t start = 0;
  std::optional<int64_t> end = {};  // absent: rank
  void fields(FieldList& f) const { f("start", start), f("end", end); }
  void infer(Inference& c) const;
  void dims(Inference& c) const;
  void eval(Evaluation& c) const;
};

/// Number of elements, an i64 scalar.
struct Size {
  static constexpr std::string_view kName = "Size";
  void infer(Inference& c) const;
  void dims(Inference& c) const;
  void eval(Evaluation& c) const;
};

/// The same elements in row-major order under `shape`. The number -1 in it (at most one) takes what
/// is left over; the number 0 takes the operand's size at that place, unless `allowzero`.
struct Reshape {
  static constexpr std::string_view kName = "Reshape";
  static constexpr Arity kInputs{1, 2};
  static constexpr Parameter kParameters[] = {{"shape", 1}};
  std::optional<Dims> shape = {};
  bool allowzero = false;
  void fields(FieldList& f) const { f("shape", shape), f("allowzero", allowzero); }
  void infer(Inference& c) const;
  void dims(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// To these very sizes: one of 0 is no elements, not the operand's size.
Reshape reshape_to(Dims sizes);

/// A matrix: sizes before `axis` (in [-rank, rank]) multiplied, and those from it on.
struct Flatten {
  static constexpr std::string_view kName = "Flatten";
  int64_t axis = 1;
  void fields(FieldList& f) const { f("axis", axis); }
  void infer(Inference& c) const;
  void dims(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// Drops the dimensions `axes`, each of size 1; without axes all that are 1.
struct Squeeze {
  static constexpr std::string_view kName = "Squeeze";
  static constexpr Arity kInputs{1, 2};
  static constexpr Parameter kParameters[] = {{"axes", 1}};
  std::optional<Dims> axes = {};
  void fields(FieldList& f) const { f("axes", axes); }
  void infer(Inference& c) const;
  void dims(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// Puts in dimensions of size 1; `axes` are positions in the result.
struct Unsqueeze {
  static constexpr std::string_view kName = "Unsqueeze";
  static constexpr Arity kInputs{1, 2};
  static constexpr Parameter kParameters[] = {{"axes", 1}};
  std::optional<Dims> axes = {};
  void fields(FieldList& f) const { f("axes", axes); }
  void infer(Inference& c) const;
  void dims(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// Broadcasts the operand with a tensor of `shape` (both ways: 1 in either gives the other).
struct Expand {
  static constexpr std::string_view kName = "Expand";
  static constexpr Arity kInputs{1, 2};
  static constexpr Parameter kParameters[] = {{"shape", 1}};
  std::optional<Dims> shape = {};
  void fields(FieldList& f) const { f("shape", shape); }
  void infer(Inference& c) const;
  void dims(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// The operand, which must have the sizes `shape` (-1: any): what a file states of a result whose
/// sizes nothing else tells.
struct EnsureShape {
  static constexpr std::string_view kName = "EnsureShape";
  std::optional<Dims> shape = {};  // absent: any sizes at all
  void fields(FieldList& f) const { f("shape", shape); }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// The operand, of any type.
struct Identity {
  static constexpr std::string_view kName = "Identity";
  void infer(Inference& c) const;
  void dims(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

}  // namespace hone
