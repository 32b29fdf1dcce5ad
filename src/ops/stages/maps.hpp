#pragma once
// Index maps that several ops share: where the factors of their products lie, where parameters of
// quantized tensors do.

#include "ir/stages/stages.hpp"
#include "ops/common/window.hpp"

namespace hone {

/// The variables of loops 0 to rank - 1.
Dims loops(int rank);

/// What a place is divided by: of an axis without elements there is no place.
inline Dim divisor(const Dim& size) { return size.is(0) ? Dim(1) : size; }

/// A sum of products: its axes, and where both factors of element [$i.0, $i.1, ...] lie.
struct Contraction {
  std::vector<Axis> axes;
  Dims a, b;

  Expr sum(Expr product) const { return Expr::reduce(Function::add, axes, std::move(product)); }
};
/// A convolution of operand `x` with weight `w`. Places in x may lie outside it.
Contraction convolution_of(Expression& e, const Window& window, int64_t group, int x, int w);
/// A matrix product of operands `a` and `b`, batches broadcast.
Contraction product_of(Expression& e, int a, int b);

/// How a vector of parameters lines up with the places of a tensor.
enum class ParameterAxis : uint8_t {
  rows,     ///< the last but one
  columns,  ///< the last
  first,
};
/// The element of parameter `input` (of all, a vector, or broadcast as it is) for the element of a
/// tensor at `place`. Absent: the integer 0. nullopt: the parameter does not line up.
std::optional<Expr> parameter_at(const Expression& e, int input, const Dims& place,
                                 ParameterAxis axis);
/// The only element of operand `input`; absent: `otherwise`.
Expr only_element(const Expression& e, int input, double otherwise = 0);

/// `value`, but 0 where it is NaN.
Expr number_or_zero(const Expr& value);

/// round half to even(value) + zero point within the range of `dtype`, NaN the least of it; `value`
/// and `zero` floats.
Expr quantized(const Expr& value, const Expr& zero, DType dtype);

/// What an element at this distance (f64) counts when places between elements are interpolated:
/// linearly, or cubically with coefficient `a`.
Expr linear_weight(const Expr& distance);
Expr cubic_weight(const Expr& distance, double a);

}  // namespace hone
