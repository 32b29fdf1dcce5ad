#pragma once
// Distinct elements, triangles and reversed sequences: whole elements chosen or moved, of any
// dtype. Fields and defaults are ONNX's.

#include "ir/op.hpp"

namespace hone {

/// The distinct elements of the flattened operand, or its distinct slices along `axis`: in
/// ascending order (slices compare element by element, NaN is the largest and equals itself, 0
/// equals -0), or as they first occur. Of equals the first is taken. Results: those; where each
/// occurs first; for every element or slice of the operand its place among them; how often each
/// occurs (i64[unique], i64[n], i64[unique]).
struct Unique {
  static constexpr std::string_view kName = "Unique";
  static constexpr Arity kOutputs{1, 4};
  std::optional<int64_t> axis = {};
  bool sorted = true;
  void fields(FieldList& f) const { f("axis", axis), f("sorted", sorted); }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// The last two axes' elements on and above (below) the diagonal that lies `k` places to the right
/// of the main one; zeros (or "") elsewhere.
struct Trilu {
  static constexpr std::string_view kName = "Trilu";
  static constexpr Arity kInputs{1, 2};
  static constexpr Parameter kParameters[] = {{"k", 1}};
  std::optional<Dims> k = {};  // one number; neither field nor operand: 0
  bool upper = true;
  void fields(FieldList& f) const { f("k", k), f("upper", upper); }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// Along `time_axis` the first sequence_lens[b] elements of batch b in reverse, the others as they
/// are. Operands: data, sequence_lens (i64[batch], each in [0, time]).
struct ReverseSequence {
  static constexpr std::string_view kName = "ReverseSequence";
  static constexpr Arity kInputs{2, 2};
  int64_t batch_axis = 1, time_axis = 0;  // 0 and 1, or 1 and 0
  void fields(FieldList& f) const { f("batch_axis", batch_axis), f("time_axis", time_axis); }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

}  // namespace hone
