#pragma once

#include "ir/evaluation/evaluation.hpp"
#include "ir/inference.hpp"

namespace hone {

/// Matrix product as NumPy's matmul: [batch..., m, k] x [batch..., k, n]; batches broadcast, an
/// operand of rank 1 is a row or a column. Floats and integers (which wrap).
struct MatMul {
  static constexpr std::string_view kName = "MatMul";
  static constexpr Arity kInputs{2, 2};
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// alpha * A * B + beta * C for matrices A [m, k], B [k, n] and an optional C that broadcasts to
/// [m, n].
struct Gemm {
  static constexpr std::string_view kName = "Gemm";
  static constexpr Arity kInputs{2, 3};
  float alpha = 1, beta = 1;
  bool transA = false, transB = false;  ///< the operand is stored [k, m], [n, k]
  void fields(FieldList& f) const {
    f("alpha", alpha)("beta", beta)("transA", transA)("transB", transB);
  }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

}  // namespace hone
