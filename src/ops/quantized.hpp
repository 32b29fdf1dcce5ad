#pragma once
// Matrix products and convolutions of quantized integers: exact sums, rescaled in f32, rounded half
// to even, saturated. (Source: ONNX; QGemm: com.microsoft.)

#include "ops/common/window.hpp"

namespace hone {

/// i32 (A - a_zero_point) * (B - b_zero_point), batches broadcast. Operands: A, B, optional zero
/// points, of all or of A's rows, of all or of B's columns.
struct MatMulInteger {
  static constexpr std::string_view kName = "MatMulInteger";
  static constexpr Arity kInputs{2, 4};
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// The product of quantized matrices, quantized. Operands: a, its scale and zero point, b, its
/// scale and zero point, the result's scale and zero point (whose type is the result's).
struct QLinearMatMul {
  static constexpr std::string_view kName = "QLinearMatMul";
  static constexpr Arity kInputs{8, 8};
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// alpha * A * B + C of quantized matrices, C in i32 at the scale of the product. Operands: A, its
/// scale and zero point, B, its scale and zero point, optional C, optional scale and zero point of
/// the result; without a scale the result is f32.
struct QGemm {
  static constexpr std::string_view kName = "QGemm";
  static constexpr Arity kInputs{6, 9};
  float alpha = 1;
  bool transA = false, transB = false;  ///< the operand is stored transposed
  void fields(FieldList& f) const { f("alpha", alpha)("transA", transA)("transB", transB); }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// i32 convolution of x - x_zero_point with w - w_zero_point; padding is the zero point. Operands:
/// x, w, optional zero points.
struct ConvInteger {
  static constexpr std::string_view kName = "ConvInteger";
  static constexpr Arity kInputs{2, 4};
  Window window;
  int64_t group = 1;
  void fields(FieldList& f) const {
    window.fields(f);
    f("group", group);
  }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// The convolution of a quantized input and weight, quantized. Operands: x, its scale and zero
/// point, w, its scale and zero point (of all or of each filter), the result's scale and zero point
/// (whose type is the result's), optional i32 bias at the scale of the product.
struct QLinearConv {
  static constexpr std::string_view kName = "QLinearConv";
  static constexpr Arity kInputs{8, 9};
  Window window;
  int64_t group = 1;
  void fields(FieldList& f) const {
    window.fields(f);
    f("group", group);
  }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

}  // namespace hone
