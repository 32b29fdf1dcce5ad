// Between real numbers and quantized ones, in closed terms.

#include "ops/quantize.hpp"
#include "ir/stages/stages.hpp"
#include "ops/common/quantization.hpp"
#include "ops/stages/maps.hpp"

namespace hone {
namespace {

/// The parameter that goes with the element of operand 0 at the loops themselves. `input` absent:
/// 0.
Expr parameter_here(const Expression& e, int input, int64_t axis, int64_t block_size) {
  if (!e.has(input)) return {0, DType::f32};
  const Dims& own = e.shape(input);
  const int rank = e.rank(0);
  if (own.empty()) return e.at(input, Dims{});
  if (own.size() == 1 && own[0].is(1)) return e.at(input, Dims{Dim(0)});
  const auto place = static_cast<size_t>(axis < 0 ? axis + rank : axis);
  if (block_size == 0) return e.at(input, Dims{Dim(loop(static_cast<int>(place)))});
  Dims from = loops(rank);
  from[place] = floor_div(from[place], block_size);
  return e.at(input, from);
}

/// Sums of integers of `dtype` and their zero points are exact in it.
DType exact_float(DType dtype) {
  return !is_float(dtype) && bits(dtype) > 16 ? DType::f64 : DType::f32;
}

/// Floats as they are, integers where they are exact.
Expr as_float(const Expr& x) {
  return is_float(x.dtype()) ? x : Expr::cast(exact_float(x.dtype()), x);
}

Expr rounded(DType dtype, const Expr& value) { return Expr::cast(dtype, value); }

}  // namespace

void QuantizeLinear::express(Expression& e) const {
  const Expr x = as_float(e.here()), scale = as_float(parameter_here(e, 1, axis, block_size));
  const Expr zero = parameter_here(e, 2, axis, block_size);
  const Expr quotient = x / scale;
  if (is_integer(output_dtype)) {
    const DType sums = precision == DType::f64 ? DType::f64 : exact_float(output_dtype);
    return e.set(0, quantized(Expr::cast(sums, rounded(precision, quotient)), zero, output_dtype));
  }
  if (!saturate) return e.decline("a quantization to floats that overflow");
  e.set(0, rounded(precision, quotient + Expr::cast(quotient.dtype(), zero)));
}

void DequantizeLinear::express(Expression& e) const {
  const Expr x = e.here(), zero = parameter_here(e, 2, axis, block_size);
  const DType sums = exact_float(x.dtype());
  const Expr whole = e.has(2) ? Expr::cast(sums, x) - Expr::cast(sums, zero) : Expr::cast(sums, x);
  e.set(0, whole * Expr::cast(sums, parameter_here(e, 1, axis, block_size)));
}

void DynamicQuantizeLinear::express(Expression& e) const {
  std::vector<Axis> all;
  Dims from;
  for (const Dim& size : e.shape(0)) {
    all.push_back(e.axis(size));
    from.push_back(all.back().variable);
  }
  // The range has 0 in it, and passes over NaN.
  const auto extreme = [&](Function function, bool below) {
    const Expr x = e.at(0, from), zero = like(x, 0);
    const Expr counts = below ? call(Function::less, x, zero) : call(Function::less, zero, x);
    const Expr some = select(counts, x, zero);
    const Expr most = all.empty() ? some : Expr::reduce(function, all, some);
    const Expr limit = below ? min(most, zero) : max(most, zero);  // of nothing: 0
    return Expression::at(e.stage(DType::f32, {}, limit), {});
  };
  const Expr least = extreme(Function::min, true), most = extreme(Function::max, false);
  const Expr span = Expr::cast(DType::f32, most - least);
  const Expr none = call(Function::equal, span, like(span, 0));
  const Expr scale = Expression::at(
      e.stage(DType::f32, {}, select(none, like(span, 1), span / like(span, 255))), {});
  const Expr place = Expr::cast(DType::f32, like(least, 0) - least / scale);
  const Expr zero =
      Expression::at(e.stage(DType::u8, {}, quantized(place, like(place, 0), DType::u8)), {});
  e.set(0, quantized(Expr::cast(DType::f32, e.here() / scale), zero, DType::u8));
  e.set(1, scale);
  e.set(2, zero);
}

}  // namespace hone
