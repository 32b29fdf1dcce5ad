// Matrix products and convolutions of quantized integers in closed terms: exact sums of products of
// integers less their zero points, rescaled in f32, rounded half to even, saturated.

#include "ops/quantized.hpp"
#include "ir/stages/stages.hpp"
#include "ops/stages/maps.hpp"

namespace hone {
namespace {

constexpr std::string_view kMisplaced = "a parameter that lines up with no axis";

/// Sums of `count` products of integers of these types are exact in it.
DType sum_type(const Expression& e, int a, int b, const std::vector<Axis>& axes) {
  Dim count = 1;
  for (const Axis& axis : axes) count = count * axis.extent;
  constexpr int64_t kMost = 1 << 15;  // products of 8 bits, and less than 31 in all
  const bool is_short = bits(e.type(a).dtype) <= 8 && bits(e.type(b).dtype) <= 8;
  return is_short && count.is_constant() && *count.constant() <= kMost ? DType::i32 : DType::i64;
}

/// An operand's element less its zero point.
Expr shifted(const Expr& x, const Expr& zero, DType sums) {
  const Expr wide = Expr::cast(sums, x);
  if (zero.kind() == Expr::Kind::number && zero.integer() == 0) return wide;
  return wide - Expr::cast(sums, zero);
}

Expr rounded(const Expr& value) { return Expr::cast(DType::f32, value); }

/// a * b / y in f32, each step rounded to `dtype`.
Expr product_scale(DType dtype, const Expr& a, const Expr& b, const Expr& y) {
  return Expr::cast(dtype, Expr::cast(dtype, a * b) / y);
}

/// f32(sum) * scale, rounded.
Expr rescaled(const Expr& sum, const Expr& scale) { return rounded(rounded(sum) * scale); }

/// The sum of products of a convolution, or of a matrix product. `zeros`: operands that are zero
/// points of `a` and `b`. nullopt: declined.
std::optional<Expr> matrix_sum(Expression& e, int a, int a_zero, int b, int b_zero) {
  const Contraction map = product_of(e, a, b);
  const auto left = parameter_at(e, a_zero, map.a, ParameterAxis::rows);
  const auto right = parameter_at(e, b_zero, map.b, ParameterAxis::columns);
  if (!left || !right) return std::nullopt;
  const DType sums = sum_type(e, a, b, map.axes);
  return map.sum(shifted(e.at(a, map.a), *left, sums) * shifted(e.at(b, map.b), *right, sums));
}

std::optional<Expr> convolution_sum(Expression& e, const Window& window, int64_t group, int x,
                                    int x_zero, int w, int w_zero) {
  const Contraction map = convolution_of(e, window, group, x, w);
  const DType sums = sum_type(e, x, w, map.axes);
  const auto zero = parameter_at(e, w_zero, map.b, ParameterAxis::first);
  if (!zero) return std::nullopt;
  // Padding is the zero point: 0 of what is shifted already.
  const Value* point = e.node().input(static_cast<size_t>(x_zero));
  const bool literal = point != nullptr && point->is_literal();
  Expr factor = Expr::integer(0);
  if (point == nullptr || literal) {
    const int64_t at = literal ? point->weight->tensor().integer(0) : 0;
    factor =
        shifted(e.at(x, map.a, static_cast<double>(at)), Expr::integer(at, e.type(x).dtype), sums);
  } else {
    const Expr element = shifted(e.at(x, loops(e.rank(x))), only_element(e, x_zero), sums);
    std::vector<Expr> places;
    for (const Dim& place : map.a) places.push_back(Expr::index(place));
    factor = Expr::load(e.stage(sums, e.shape(x), element), sums, std::move(places), 0.0);
  }
  return map.sum(factor * shifted(e.at(w, map.b), *zero, sums));
}

}  // namespace

void MatMulInteger::express(Expression& e) const {
  const auto sum = matrix_sum(e, 0, 2, 1, 3);
  if (!sum) return e.decline(std::string(kMisplaced));
  e.set(0, Expr::cast(DType::i32, *sum));
}

void QLinearMatMul::express(Expression& e) const {
  const Dims here = loops(static_cast<int>(e.result_shape().size()));
  const auto sum = matrix_sum(e, 0, 2, 3, 5);
  const auto of_row = [&](int input) { return parameter_at(e, input, here, ParameterAxis::rows); };
  const auto a = of_row(1), y = of_row(6), zero = of_row(7);
  const auto b = parameter_at(e, 4, here, ParameterAxis::columns);
  if (!sum || !a || !b || !y || !zero) return e.decline(std::string(kMisplaced));
  const Expr scale = product_scale(e.type(1).dtype, *a, *b, *y);
  e.set(0, quantized(rescaled(*sum, scale), *zero, e.result_type().dtype));
}

void QGemm::express(Expression& e) const {
  const Axis k = e.axis(e.shape(0)[transA ? 0 : 1]);
  const Dims a = transA ? Dims{k.variable, loop(0)} : Dims{loop(0), k.variable};
  const Dims b = transB ? Dims{loop(1), k.variable} : Dims{k.variable, loop(1)};
  const DType sums = DType::i64;
  const auto left = parameter_at(e, 2, {loop(0), k.variable}, ParameterAxis::rows);
  const auto right = parameter_at(e, 5, {k.variable, loop(1)}, ParameterAxis::columns);
  const auto scale = parameter_at(e, 4, loops(2), ParameterAxis::columns);
  const auto bias = parameter_at(e, 6, loops(2), ParameterAxis::columns);
  if (!left || !right || !scale || !bias) return e.decline(std::string(kMisplaced));
  const Expr product = shifted(e.at(0, a), *left, sums) * shifted(e.at(3, b), *right, sums);
  Expr sum = Expr::reduce(Function::add, {k}, product);
  if (e.has(6)) sum = sum + Expr::cast(sums, *bias);
  const Expr a_scale = only_element(e, 1), y_scale = only_element(e, 7, 1);
  const Expr factor =
      product_scale(DType::f32, rounded(like(a_scale, alpha) * a_scale), *scale, y_scale);
  const Expr value = rescaled(sum, factor);
  if (!e.has(7)) return e.set(0, value);
  e.set(0, quantized(value, only_element(e, 8), e.result_type().dtype));
}

void ConvInteger::express(Expression& e) const {
  const auto sum = convolution_sum(e, window, group, 0, 2, 1, 3);
  if (!sum) return e.decline(std::string(kMisplaced));
  e.set(0, Expr::cast(DType::i32, *sum));
}

void QLinearConv::express(Expression& e) const {
  if (e.has(2) && !product(e.shape(2)).is(1)) return e.decline("zero points of parts of the input");
  std::optional<Expr> sum = convolution_sum(e, window, group, 0, 2, 3, 5);
  if (!sum) return e.decline(std::string(kMisplaced));
  const Expr w_scale =
      e.shape(4).size() == 1 && !e.shape(4)[0].is(1) ? e.at(4, Dims{loop(1)}) : only_element(e, 4);
  if (e.has(8)) sum = Expr::cast(DType::i64, *sum) + Expr::cast(DType::i64, e.at(8, Dims{loop(1)}));
  const Expr scale = product_scale(DType::f32, only_element(e, 1), w_scale, only_element(e, 6));
  e.set(0, quantized(rescaled(*sum, scale), only_element(e, 7), e.result_type().dtype));
}

}  // namespace hone
