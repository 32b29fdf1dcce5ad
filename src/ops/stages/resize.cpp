// Resampling in closed terms: loads at computed places with computed weights. Places are computed
// in f64, step by step as the reference does, so that both fall on the same side of a boundary.

#include "ops/resize.hpp"

#include <cmath>

#include "ir/stages/stages.hpp"
#include "ops/stages/maps.hpp"
#include "ops/stages/reals.hpp"

namespace hone {
namespace {

/// `place` as an element of an axis of this size.
Expr clamped(const Expr& place, const Dim& size) {
  return max(min(place, Expr::index(size - 1)), Expr::integer(0));
}

/// One axis that is resampled.
struct ResizeAxis {
  int axis;
  Dim from, to;
  Expr scale;          // f64
  int64_t factor = 0;  // made larger by this whole number; 0: otherwise
};

/// Place in the data of the place of the axis' loop in the result.
Expr source_of(const Resize& op, const ResizeAxis& axis) {
  using Coordinates = Resize::Coordinates;
  const Expr x = real(loop(axis.axis)), from = real(axis.from), to = axis.scale * from;
  const Expr half_pixel = (x + real(0.5)) / axis.scale - real(0.5);
  const auto unless_single = [&](const Expr& place) {
    if (axis.to.is_constant()) return *axis.to.constant() > 1 ? place : real(0.0);
    const Expr several = call(Function::less, Expr::integer(1), Expr::index(axis.to));
    return select(several, place, real(0.0));
  };
  switch (op.coordinate_transformation_mode) {
    case Coordinates::half_pixel: return half_pixel;
    case Coordinates::half_pixel_symmetric:
      return from / real(2.0) * (real(1.0) - real(axis.to) / to) + half_pixel;
    case Coordinates::pytorch_half_pixel: return unless_single(half_pixel);
    case Coordinates::align_corners:
      return unless_single(x * (from - real(1.0)) / (to - real(1.0)));
    case Coordinates::asymmetric: return x / axis.scale;
    default: break;
  }
  return (x + real(0.5)) / axis.scale;
}

/// Every element of the data stands `factor` times, one behind the other.
bool repeats(const Resize& op, const ResizeAxis& axis) {
  using Coordinates = Resize::Coordinates;
  if (axis.factor == 0) return false;
  const bool floors =
      op.nearest_mode == Resize::Nearest::floor || op.nearest_mode == Resize::Nearest::simple;
  const bool rounds = op.nearest_mode == Resize::Nearest::round_prefer_floor ||
                      op.nearest_mode == Resize::Nearest::round_prefer_ceil;
  switch (op.coordinate_transformation_mode) {
    case Coordinates::half_pixel:
    case Coordinates::half_pixel_symmetric:
    case Coordinates::pytorch_half_pixel: return rounds;
    case Coordinates::asymmetric:
    case Coordinates::tf_half_pixel_for_nn: return floors;
    default: return false;
  }
}

Expr nearest(const Resize& op, const ResizeAxis& axis) {
  if (repeats(op, axis)) return Expr::index(floor_div(loop(axis.axis), axis.factor));
  const Expr source = source_of(op, axis);
  Expr place = source;
  switch (op.nearest_mode) {
    case Resize::Nearest::round_prefer_floor:
      place = call(Function::ceil, source - real(0.5));
      break;
    case Resize::Nearest::round_prefer_ceil:
      place = call(Function::floor, source + real(0.5));
      break;
    case Resize::Nearest::floor: place = call(Function::floor, source); break;
    case Resize::Nearest::ceil: place = call(Function::ceil, source); break;
    case Resize::Nearest::simple: {
      const Expr smaller = call(Function::less, axis.scale, real(1.0));
      place = select(smaller, call(Function::ceil, source), call(Function::floor, source));
      break;
    }
  }
  return clamped(Expr::cast(DType::i64, place), axis.from);
}

/// One of the elements around the source: its place, and what it counts.
struct Tap {
  Expr place, weight;
};
Tap tap_of(const Resize& op, const ResizeAxis& axis, const Dim& number) {
  const int64_t before = op.mode == Resize::Mode::linear ? 0 : 1;
  const Expr source = source_of(op, axis);
  const Expr first = Expr::cast(DType::i64, call(Function::floor, source));
  const Expr place = first + Expr::index(number - before);
  const Expr inside = clamped(place, axis.from);
  const Expr distance = real(place) - source;
  const Expr weight = op.mode == Resize::Mode::linear
                          ? linear_weight(distance)
                          : cubic_weight(distance, double{op.cubic_coeff_a});
  if (!op.exclude_outside) return {inside, weight};
  return {inside, select(call(Function::equal, place, inside), weight, real(0.0))};
}

/// As much as what all taps count together, where that is not 1.
Expr normalized(const Resize& op, const ResizeAxis& axis, int64_t taps, const Expr& weight) {
  if (!op.exclude_outside) return weight;
  Expr sum = tap_of(op, axis, 0).weight;
  for (int64_t i = 1; i < taps; ++i) sum = sum + tap_of(op, axis, i).weight;
  return select(call(Function::equal, sum, real(0.0)), weight, weight / sum);
}

/// Limited to what integers hold and cut to whole numbers, as from single precision.
Expr fitted(DType dtype, const Expr& value) {
  if (!is_integer(dtype)) return value;
  const double most = std::ldexp(1.0, bits(dtype) - (is_signed(dtype) ? 1 : 0));
  const Expr single = real(Expr::cast(DType::f32, value));
  const Expr above = max(single, real(is_signed(dtype) ? -most : 0.0));
  return Expr::cast(dtype, min(above, real(std::nextafter(most, 0.0))));
}

/// The axes that are resampled; nullopt: why not is said.
std::optional<std::vector<ResizeAxis>> resized_axes(Expression& e, const Resize& op) {
  const auto no = [&](std::string why) {
    e.decline(std::move(why));
    return std::nullopt;
  };
  const bool by_scales = e.has(2) && !product(e.shape(2)).is(0);
  const Value* scales = by_scales ? e.node().inputs[2] : nullptr;
  if (by_scales && !scales->is_literal()) return no("scales that only running tells");
  const auto sizes = e.parameter(op.sizes, 3);
  if (!by_scales && !sizes) return no("sizes that only running tells");
  std::vector<ResizeAxis> all;
  for (int i = 0; i < (op.axes.empty() ? e.rank(0) : static_cast<int>(op.axes.size())); ++i) {
    const auto at = static_cast<size_t>(i);
    const int64_t given = op.axes.empty() ? i : op.axes[at];
    const auto place = static_cast<size_t>(given < 0 ? given + e.rank(0) : given);
    const Dim &from = e.shape(0)[place], &to = e.result_shape()[place];
    ResizeAxis axis{static_cast<int>(place), from, to, real(to) / real(from)};
    if (by_scales) {
      const auto scale = static_cast<float>(scales->weight->tensor().number(i));
      const auto ratio = resize_ratio(scale);
      axis.scale = real(ratio ? ratio->value() : double{scale});
      if (scale == 1) continue;
      if (ratio && ratio->q == 1) axis.factor = ratio->p;
    } else {
      const auto same = provably_equal(from, to);
      if (same.value_or(false)) continue;
      using Coordinates = Resize::Coordinates;
      if (!same && op.coordinate_transformation_mode == Coordinates::tf_half_pixel_for_nn)
        return no("sizes that may be the data's");
      if (from.is_constant() && to.is_constant() && !from.is(0))
        axis.scale =
            real(static_cast<double>(*to.constant()) / static_cast<double>(*from.constant()));
      const auto factor = from.is(0) ? std::nullopt : exact_div(to, from);
      if (factor && factor->is_constant()) axis.factor = *factor->constant();
    }
    all.push_back(std::move(axis));
  }
  return all;
}

}  // namespace

void Resize::express(Expression& e) const {
  if (antialias) return e.decline("antialiasing: a kernel as wide as the scale");
  if (coordinate_transformation_mode == Coordinates::tf_crop_and_resize)
    return e.decline("a region that an operand tells");
  if (keep_aspect_ratio_policy != Aspect::stretch)
    return e.decline("one scale of all axes, by a policy");
  const auto axes = resized_axes(e, *this);
  if (!axes) return;
  std::vector<Expr> from;
  for (const Dim& each : loops(e.rank(0))) from.push_back(Expr::index(each));
  const auto element = [&]() { return e.at(0, from); };
  if (mode == Mode::nearest || axes->empty()) {
    for (const ResizeAxis& axis : *axes)
      from[static_cast<size_t>(axis.axis)] = nearest(*this, axis);
    return e.set(0, element());
  }
  const int64_t count = mode == Mode::linear ? 2 : 4;
  std::vector<Axis> taps;
  Expr weight = real(1.0);
  for (const ResizeAxis& axis : *axes) {
    taps.push_back(e.axis(count));
    const Tap tap = tap_of(*this, axis, taps.back().variable);
    from[static_cast<size_t>(axis.axis)] = tap.place;
    const Expr share = normalized(*this, axis, count, tap.weight);
    weight = taps.size() == 1 ? share : weight * share;
  }
  const Expr sum = Expr::reduce(Function::add, std::move(taps), real(element()) * weight);
  e.set(0, fitted(e.type(0).dtype, sum));
}

}  // namespace hone
