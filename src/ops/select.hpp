#pragma once
// Finding elements and marking places. Fields and defaults are ONNX's.

#include "ir/op.hpp"

namespace hone {

/// Coordinates of the elements that are not zero, in row-major order: i64[rank, found].
struct NonZero {
  static constexpr std::string_view kName = "NonZero";
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// Slices along `axis` where the condition (a bool vector, perhaps shorter than the axis) holds;
/// without an axis elements of the flattened data.
struct Compress {
  static constexpr std::string_view kName = "Compress";
  static constexpr Arity kInputs{2, 2};
  std::optional<int64_t> axis = {};
  void fields(FieldList& f) const { f("axis", axis); }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// A new axis of size depth: at each place the second of `values` where it equals the index, else
/// the first. Indices outside [-depth, depth) mark nothing. Operands: indices (any numbers), depth
/// (one number), values (off, on: gives the dtype).
struct OneHot {
  static constexpr std::string_view kName = "OneHot";
  static constexpr Arity kInputs{3, 3};
  int64_t axis = -1;  // in the result
  void fields(FieldList& f) const { f("axis", axis); }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// The `k` largest (or smallest) elements along `axis` and their places (i64); of equal ones the
/// first comes first, NaN is the largest. Always sorted: more than `sorted` asks for.
struct TopK {
  static constexpr std::string_view kName = "TopK";
  static constexpr Arity kInputs{1, 2};
  static constexpr Arity kOutputs{1, 2};
  static constexpr Parameter kParameters[] = {{"k", 1}};
  std::optional<Dims> k = {};  // one number
  int64_t axis = -1;
  bool largest = true;
  bool sorted = true;
  void fields(FieldList& f) const {
    f("k", k), f("axis", axis), f("largest", largest), f("sorted", sorted);
  }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// The identity matrix of the operand's shape, or its diagonal `k` places to the right, in `dtype`.
struct EyeLike {
  static constexpr std::string_view kName = "EyeLike";
  int64_t k = 0;
  DType dtype = DType::f32;
  void fields(FieldList& f) const { f("k", k), f("dtype", dtype); }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

}  // namespace hone
