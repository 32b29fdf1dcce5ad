#pragma once

#include "ir/op.hpp"

namespace hone {

/// The determinant of each matrix [..., m, m]; of an empty matrix 1. (Source: ONNX.)
struct Det {
  static constexpr std::string_view kName = "Det";
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

}  // namespace hone
