#pragma once
// Between real numbers and quantized ones: real = (quantized - zero point) * scale. (Source: ONNX.)

#include "ir/evaluation/evaluation.hpp"
#include "ir/inference.hpp"

namespace hone {

/// saturate(round half to even(x / scale) + zero point). Operands: x (floats or i32), scale,
/// optional zero point (0). Scales are one for all, one for each index of `axis`, or, with
/// block_size, one for as many neighbours along `axis`. f8, f6 and f4 results are x / scale,
/// converted.
struct QuantizeLinear {
  static constexpr std::string_view kName = "QuantizeLinear";
  static constexpr Arity kInputs{2, 3};
  int64_t axis = 1;
  int64_t block_size = 0;
  DType output_dtype = DType::u8;  ///< of the result and of the zero point
  DType precision = DType::f32;    ///< the quotient is rounded to this type
  bool saturate = true;            ///< f8 only: else overflow gives NaN or infinity
  void fields(FieldList& f) const {
    f("axis", axis)("block_size", block_size)("output_dtype", output_dtype);
    f("precision", precision)("saturate", saturate);
  }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// (x - zero point) * scale, rounded once. Operands: x (integers, f8, f6 or f4), scale, optional
/// zero point of x's type; scales as for QuantizeLinear.
struct DequantizeLinear {
  static constexpr std::string_view kName = "DequantizeLinear";
  static constexpr Arity kInputs{2, 3};
  int64_t axis = 1;
  int64_t block_size = 0;
  DType output_dtype = DType::f32;
  void fields(FieldList& f) const {
    f("axis", axis)("block_size", block_size)("output_dtype", output_dtype);
  }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// Quantizes f32 to u8 by its own range (made to hold 0). Results: the quantized tensor, its scale
/// (1 where all is 0), its zero point.
struct DynamicQuantizeLinear {
  static constexpr std::string_view kName = "DynamicQuantizeLinear";
  static constexpr Arity kOutputs{1, 3};
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

}  // namespace hone
