#pragma once

#include "ir/evaluation/evaluation.hpp"
#include "ir/inference.hpp"

namespace hone {

/// The inverse of each matrix of [..., n, n]. A matrix that has none gives infinities or NaN.
/// (Source: com.microsoft.)
struct Inverse {
  static constexpr std::string_view kName = "Inverse";
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

}  // namespace hone
