// Activations in closed terms, where they take more than a line.

#include "ops/activation.hpp"

namespace hone {

Expr Selu::expr(const Expr& x) const {
  const Expr below = like(x, alpha) * call(Function::expm1, x);
  return like(x, gamma) * select(call(Function::less, like(x, 0), x), x, below);
}

Expr Celu::expr(const Expr& x) const {
  const Expr below = like(x, alpha) * call(Function::expm1, x / like(x, alpha));
  return select(call(Function::less, x, like(x, 0)), below, x);
}

Expr Softplus::expr(const Expr& x) const {
  const Expr tail = call(Function::exp, call(Function::negate, call(Function::absolute, x)));
  return call(Function::log1p, tail) + max(x, like(x, 0));
}

Expr Gelu::expr(const Expr& x) const {
  const Expr half = like(x, 0.5) * x, one = like(x, 1);
  if (approximate == Approximate::none)
    return half * (one + call(Function::erf, x * like(x, std::numbers::sqrt2 / 2)));
  const Expr cubic = x + like(x, 0.044715) * x * x * x;
  const Expr root = like(x, std::sqrt(2 * std::numbers::inv_pi));
  return half * (one + call(Function::tanh, root * cubic));
}

Expr Shrink::expr(const Expr& x) const {
  const Expr value = Expr::cast(DType::f64, x);
  const Expr down = Expr::cast(x.dtype(), value - like(value, bias));
  const Expr up = Expr::cast(x.dtype(), value + like(value, bias));
  const Expr above = select(call(Function::less, like(value, lambd), value), down, like(x, 0));
  return select(call(Function::less, value, like(value, -lambd)), up, above);
}

}  // namespace hone
