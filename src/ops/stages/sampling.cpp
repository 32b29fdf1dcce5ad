// Sampling at places that a tensor gives, in closed terms. Places are computed in f64, as the
// reference does.

#include "ops/sampling.hpp"

#include "ir/stages/stages.hpp"
#include "ops/stages/maps.hpp"
#include "ops/stages/reals.hpp"

namespace hone {
namespace {

Expr is_finite(const Expr& x) {
  return call(Function::less, call(Function::absolute, x), real(kInfinity));
}

/// One axis of the data, sampled.
struct GridAxis {
  const GridSample& op;
  Dim size;

  Expr count() const { return real(Expr::index(size)); }
  Expr low() const { return real(op.align_corners ? 0 : -0.5); }
  Expr high() const { return count() - real(op.align_corners ? 1 : 0.5); }
  /// Cut off at the first element and the last, or `room` elements beyond.
  Expr clamped(const Expr& at, double room = 0) const {
    return max(min(at, count() + real(room - 1)), real(-room));
  }

  /// Mirrored at both ends until it lies between them.
  Expr reflected(const Expr& at) const {
    const Expr range = high() - low();
    const Expr below = call(Function::less, at, low()), above = call(Function::less, high(), at);
    const Expr away = select(below, low() - at, at - high());
    const Expr rest = call(Function::truncated_mod, away, range);
    const Expr turns = call(Function::floor, away / range);
    const Expr even =
        call(Function::equal, call(Function::truncated_mod, turns, real(2.0)), real(0.0));
    const Expr from_low = call(Function::equal, below, even);
    const Expr mirrored = select(from_low, low() + rest, high() - rest);
    const Expr outside = call(Function::bit_or, below, above);
    const Expr wide = call(Function::less, real(0.0), range);
    return select(call(Function::bit_and, wide, is_finite(at)), select(outside, mirrored, at),
                  low());
  }
  /// Place in elements of a place between -1 and 1.
  Expr place(const Expr& at) const {
    const Expr one = real(1.0), two = real(2.0);
    Expr result =
        op.align_corners ? (at + one) / two * (count() - one) : ((at + one) * count() - one) / two;
    if (op.mode == GridSample::Mode::nearest) result = call(Function::round, result);
    const Expr inside = call(Function::bit_and, call(Function::less_equal, low(), result),
                             call(Function::less_equal, result, high()));
    switch (op.padding_mode) {
      case GridSample::Padding::zeros:  // as far outside as it takes
        return select(is_finite(result), result, real(-4.0));
      case GridSample::Padding::border: {
        // Each of four taps is clamped, the place is not: it lies as far outside as it takes.
        const Expr known = select(call(Function::equal, result, result), result, real(0.0));
        return select(inside, result, clamped(known, op.mode == GridSample::Mode::cubic ? 4 : 0));
      }
      case GridSample::Padding::reflection: break;
    }
    return select(inside, result, reflected(result));
  }
  /// The element that stands at a whole number; -1: none.
  Expr element(const Expr& at) const {
    if (op.padding_mode == GridSample::Padding::zeros) {
      const Expr there = call(Function::bit_and, call(Function::less_equal, real(0.0), at),
                              call(Function::less, at, count()));
      return Expr::cast(DType::i64, select(there, at, real(-1.0)));
    }
    if (op.padding_mode == GridSample::Padding::border) return Expr::cast(DType::i64, clamped(at));
    const Expr whole = Expr::cast(DType::i64, reflected(at));  // cut, not rounded
    return Expr::cast(DType::i64, clamped(real(whole)));
  }
};

}  // namespace

void GridSample::express(Expression& e) const {
  const int rank = e.rank(0), spatial = rank - 2;
  std::vector<Expr> from{Expr::index(loop(0)), Expr::index(loop(1))};
  std::vector<Axis> taps;
  Expr weight = real(1.0);
  for (int i = 0; i < spatial; ++i) {
    const GridAxis axis{*this, e.shape(0)[static_cast<size_t>(i) + 2]};
    Dims grid{loop(0)};
    for (int k = 2; k < rank; ++k) grid.push_back(loop(k));
    grid.emplace_back(spatial - 1 - i);  // the grid names the innermost axis first
    const Expr place = axis.place(real(e.at(1, grid)));
    if (mode == Mode::nearest) {
      from.push_back(axis.element(place));
      continue;
    }
    taps.push_back(e.axis(mode == Mode::linear ? 2 : 4));
    const Dim number = taps.back().variable - (mode == Mode::linear ? 0 : 1);
    const Expr at = call(Function::floor, place) + real(Expr::index(number));
    from.push_back(axis.element(at));
    const Expr share =
        mode == Mode::linear ? linear_weight(at - place) : cubic_weight(at - place, -0.75);
    weight = taps.size() == 1 ? share : weight * share;
  }
  const Expr element = e.at(0, std::move(from), 0.0);
  if (mode == Mode::nearest) return e.set(0, element);
  const Expr sum = Expr::reduce(Function::add, std::move(taps), real(element) * weight);
  e.set(0, Expr::cast(e.type(0).dtype, sum));
}

void AffineGrid::express(Expression& e) const {
  const Dims& shape = e.result_shape();
  const int axes = static_cast<int>(shape.size()) - 2;
  const Dim row = loop(axes + 1);
  Expr sum = real(e.at(0, Dims{loop(0), row, axes}));
  for (int k = 0; k < axes; ++k) {  // x is the innermost axis
    const int axis = axes - k;
    const Expr i = real(Expr::index(loop(axis)));
    const Expr count = real(Expr::index(shape[static_cast<size_t>(axis)]));
    const Expr one = real(1.0), two = real(2.0);
    Expr place = (two * i + one) / count - one;
    if (align_corners) {
      const Expr single = call(Function::equal, count, one);
      place = select(single, real(0.0), i * (two / (count - one)) - one);
    }
    sum = sum + real(e.at(0, Dims{loop(0), row, k})) * place;
  }
  e.set(0, sum);
}

}  // namespace hone
