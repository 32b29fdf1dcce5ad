#pragma once

#include "ir/evaluation/evaluation.hpp"
#include "ir/inference.hpp"

namespace hone {

/// Exponentials along an axis over their sum.
struct Softmax {
  static constexpr std::string_view kName = "Softmax";
  int64_t axis = -1;      ///< in [-rank, rank)
  bool flatten = false;   ///< along `axis` and all axes after it together (ONNX before opset 13)
  bool zero_nan = false;  ///< where the result would be NaN it is 0
  void fields(FieldList& f) const { f("axis", axis)("flatten", flatten)("zero_nan", zero_nan); }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// The logarithm of Softmax.
struct LogSoftmax {
  static constexpr std::string_view kName = "LogSoftmax";
  int64_t axis = -1;
  bool flatten = false;  ///< as in Softmax
  void fields(FieldList& f) const { f("axis", axis)("flatten", flatten); }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// 1 at the first of the largest elements along an axis, 0 elsewhere; NaN is the largest.
struct Hardmax {
  static constexpr std::string_view kName = "Hardmax";
  int64_t axis = -1;
  bool flatten = false;  ///< as in Softmax
  void fields(FieldList& f) const { f("axis", axis)("flatten", flatten); }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// Where along an axis the largest element lies (i64): the first, or the last of equals. NaN is
/// chosen over everything else.
struct ArgMax {
  static constexpr std::string_view kName = "ArgMax";
  int64_t axis = 0;
  bool keepdims = true;  ///< the axis stays with size 1
  bool select_last_index = false;
  void fields(FieldList& f) const {
    f("axis", axis)("keepdims", keepdims)("select_last_index", select_last_index);
  }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// Where along an axis the smallest element lies (i64); NaN as in ArgMax.
struct ArgMin {
  static constexpr std::string_view kName = "ArgMin";
  int64_t axis = 0;
  bool keepdims = true;
  bool select_last_index = false;
  void fields(FieldList& f) const {
    f("axis", axis)("keepdims", keepdims)("select_last_index", select_last_index);
  }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// Running sums along an axis; integers wrap.
struct CumSum {
  static constexpr std::string_view kName = "CumSum";
  static constexpr Arity kInputs{1, 2};
  static constexpr Parameter kParameters[] = {{"axis", 1}};
  std::optional<Dims> axis = {};  ///< one number in [-rank, rank)
  bool exclusive = false;         ///< without the element itself
  bool reverse = false;           ///< from the end
  void fields(FieldList& f) const { f("axis", axis)("exclusive", exclusive)("reverse", reverse); }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// Running products along an axis; integers wrap.
struct CumProd {
  static constexpr std::string_view kName = "CumProd";
  static constexpr Arity kInputs{1, 2};
  static constexpr Parameter kParameters[] = {{"axis", 1}};
  std::optional<Dims> axis = {};  ///< as in CumSum
  bool exclusive = false;
  bool reverse = false;
  void fields(FieldList& f) const { f("axis", axis)("exclusive", exclusive)("reverse", reverse); }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

}  // namespace hone
