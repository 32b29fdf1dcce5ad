#pragma once
// One element of an Expr as slow interpretation computes it: what its functions do with numbers.

#include <cstdint>

#include "base/dtype.hpp"
#include "ir/stages/expr.hpp"

namespace hone {

/// `real` of float dtypes, `integer` of the others.
struct Scalar {
  double real = 0;
  int64_t integer = 0;
};

/// f(a, b) of operands of `dtype`, by Function's rules; of functions of one operand b is nothing.
/// select is none of them. Error(internal) where there is no such function of this dtype.
Scalar combine(Function function, Scalar a, Scalar b, DType dtype);
/// As Expr's cast: floats round to `to`, integers wrap or saturate as the op Cast has it.
Scalar cast(Scalar value, DType from, DType to);
/// What a reduction of nothing gives.
Scalar identity(Function function, DType dtype);

}  // namespace hone
