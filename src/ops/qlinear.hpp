#pragma once
// Pointwise ops and poolings on quantized integers, quantized again. (Source: com.microsoft.)

#include <vector>

#include "ops/common/window.hpp"

namespace hone {

/// Quantized a + b, broadcast. Operands: a, its scale and optional zero point, b, its scale and
/// optional zero point, the result's scale and optional zero point; one integer type throughout.
struct QLinearAdd {
  static constexpr std::string_view kName = "QLinearAdd";
  static constexpr Arity kInputs{2, 8};  // 2, 5 and 7 may be absent
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// Quantized a * b, broadcast; operands as for QLinearAdd.
struct QLinearMul {
  static constexpr std::string_view kName = "QLinearMul";
  static constexpr Arity kInputs{2, 8};  // 2, 5 and 7 may be absent
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// The mean of each window of [batch, channels, spatial...]. Operands: x, its scale and optional
/// zero point, the result's scale and optional zero point.
struct QLinearAveragePool {
  static constexpr std::string_view kName = "QLinearAveragePool";
  static constexpr Arity kInputs{2, 5};  // 2 and 4 may be absent
  Window window;
  bool ceil_mode = false;
  bool count_include_pad = false;  ///< all outside the input counts as zeros, else not at all
  void fields(FieldList& f) const {
    window.fields(f);
    f("ceil_mode", ceil_mode)("count_include_pad", count_include_pad);
  }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// The mean over all spatial axes, which stay with size 1; operands as for QLinearAveragePool.
struct QLinearGlobalAveragePool {
  static constexpr std::string_view kName = "QLinearGlobalAveragePool";
  static constexpr Arity kInputs{2, 5};  // 2 and 4 may be absent
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// Softmax along an axis (`flatten`: along it and all axes after it together), from a table of
/// exponentials in f32. Operands: x, its scale and optional zero point (which cancels out), the
/// result's scale and optional zero point.
struct QLinearSoftmax {
  static constexpr std::string_view kName = "QLinearSoftmax";
  static constexpr Arity kInputs{2, 5};  // 2 and 4 may be absent
  int64_t axis = -1;
  bool flatten = false;
  void fields(FieldList& f) const { f("axis", axis)("flatten", flatten); }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// What QLinearSoftmax takes for exp(-scale * i), for each distance i from the largest of `size`
/// quantized numbers, in f32, all scaled up by as much as their sum allows.
std::vector<double> quantized_exponentials(double scale, int64_t size);

}  // namespace hone
