// Pointwise ops and poolings of quantized integers in closed terms.

#include "ops/qlinear.hpp"
#include "ir/stages/stages.hpp"
#include "ops/stages/maps.hpp"

namespace hone {
namespace {

Expr in_f32(const Expr& value) { return Expr::cast(DType::f32, value); }

/// Operand `input`'s element for the result's, less its zero point.
Expr shifted(const Expression& e, int input, int zero) {
  const int rank = static_cast<int>(e.result_shape().size());
  return in_f32(e.broadcast(input, rank)) - in_f32(only_element(e, zero));
}

}  // namespace

void QLinearAdd::express(Expression& e) const {
  const auto wide = [](const Expr& value) { return Expr::cast(DType::f64, value); };
  const Expr scale = only_element(e, 6);
  const Expr a = wide(shifted(e, 0, 2)) * wide(in_f32(only_element(e, 1) / scale));
  const Expr b = wide(shifted(e, 3, 5)) * wide(in_f32(only_element(e, 4) / scale));
  const Expr sum = a + b + wide(only_element(e, 7));
  e.set(0, quantized(sum, like(sum, 0), e.result_type().dtype));
}

void QLinearMul::express(Expression& e) const {
  const Expr scales = in_f32(only_element(e, 1) * only_element(e, 4));
  const Expr ratio = in_f32(scales / only_element(e, 6));
  const Expr product = in_f32(shifted(e, 0, 2) * shifted(e, 3, 5) * ratio);
  const Expr value = in_f32(product + in_f32(only_element(e, 7)));
  e.set(0, quantized(value, like(value, 0), e.result_type().dtype));
}

void QLinearAveragePool::express(Expression& e) const {
  e.decline("its sum is rounded after every element");
}

void QLinearGlobalAveragePool::express(Expression& e) const {
  if (e.rank(0) < 3) return e.decline("no spatial axes");
  std::vector<Axis> axes;
  Dims from{loop(0), loop(1)};
  Dim size = 1;
  for (size_t i = 2; i < e.shape(0).size(); ++i) {
    axes.push_back(e.axis(e.shape(0)[i]));
    from.push_back(axes.back().variable);
    size = size * e.shape(0)[i];
  }
  const Expr element =
      Expr::cast(DType::i64, e.at(0, from)) - Expr::cast(DType::i64, only_element(e, 2));
  const Expr sum = Expr::reduce(Function::add, axes, element);
  const Expr total = in_f32(only_element(e, 3) * Expr::cast(DType::f64, Expr::index(size)));
  const Expr scale = in_f32(only_element(e, 1) / total);
  e.set(0, quantized(in_f32(in_f32(sum) * scale), only_element(e, 4), e.result_type().dtype));
}

void QLinearSoftmax::express(Expression& e) const {
  e.decline("its exponentials are a table of its own");
}

}  // namespace hone
