// Matrix products in closed terms.

#include "ops/matmul.hpp"
#include "ir/stages/stages.hpp"
#include "ops/stages/maps.hpp"

namespace hone {

void MatMul::express(Expression& e) const {
  const Contraction map = product_of(e, 0, 1);
  e.set(0, map.sum(e.at(0, map.a) * e.at(1, map.b)));
}

void Gemm::express(Expression& e) const {
  const DType type = e.type(0).dtype;
  if (!is_float(type) && (alpha != 1 || beta != 1)) return e.decline("factors of integers");
  const Axis k = e.axis(e.shape(0)[!transA]);
  const Expr a = e.at(0, transA ? Dims{k.variable, loop(0)} : Dims{loop(0), k.variable});
  const Expr b = e.at(1, transB ? Dims{loop(1), k.variable} : Dims{k.variable, loop(1)});
  Expr sum = Expr::reduce(Function::add, {k}, a * b);
  if (alpha != 1) sum = sum * like(sum, alpha);
  if (!e.has(2)) return e.set(0, sum);
  const Expr addend = e.broadcast(2, 2);
  e.set(0, sum + (beta == 1 ? addend : addend * like(addend, beta)));
}

}  // namespace hone
