#pragma once
// Places between elements are computed in f64, as the reference does.

#include <limits>

#include "ir/stages/expr.hpp"

namespace hone {

inline constexpr double kInfinity = std::numeric_limits<double>::infinity();

inline Expr real(double value) { return {value, DType::f64}; }
inline Expr real(const Expr& value) { return Expr::cast(DType::f64, value); }
inline Expr real(const Dim& size) {
  if (const auto value = size.constant()) return real(static_cast<double>(*value));
  return real(Expr::index(size));
}

}  // namespace hone
