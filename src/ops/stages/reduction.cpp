// Reductions, softmax and normalizations in closed terms.

#include <cmath>
#include <limits>

#include "ir/stages/stages.hpp"
#include "ops/normalization.hpp"
#include "ops/reduction.hpp"
#include "ops/softmax.hpp"
#include "ops/stages/maps.hpp"
#include "ops/stages/reals.hpp"

namespace hone {
namespace {

/// Sums of elements of `dtype` are at least this wide.
DType wide(DType dtype) { return dtype == DType::f64 ? DType::f64 : DType::f32; }

/// Elements of operand 0 folded along some axes: where each of them lies for a result, how many
/// there are.
struct Folded {
  std::vector<Axis> axes;
  Dims from;     // in operand 0
  Dims extents;  // of the result with folded axes of size 1
  Dim count = 1;

  Folded(Expression& e, const std::vector<bool>& gone) {
    for (int i = 0; i < e.rank(0); ++i) {
      const Dim& size = e.shape(0)[static_cast<size_t>(i)];
      if (!gone[static_cast<size_t>(i)]) {
        from.push_back(loop(i));
        extents.push_back(size);
        continue;
      }
      axes.push_back(e.axis(size));
      from.push_back(axes.back().variable);
      extents.emplace_back(1);
      count = count * size;
    }
  }
  /// Where a result lies that is kept with folded axes of size 1.
  Dims kept() const {
    Dims places;
    for (size_t i = 0; i < extents.size(); ++i)
      places.push_back(extents[i].is(1) ? Dim(0) : loop(static_cast<int>(i)));
    return places;
  }
  Expr fold(Function function, Expr element) const {
    return axes.empty() ? element : Expr::reduce(function, axes, std::move(element));
  }
  Expr number(DType dtype) const { return Expr::cast(dtype, Expr::index(count)); }
};

std::vector<bool> from_axis_on(const Expression& e, int64_t axis) {
  const int rank = e.rank(0);
  std::vector<bool> gone(static_cast<size_t>(rank), false);
  const int64_t first = axis < 0 ? axis + rank : axis;
  for (int64_t i = first; i < rank; ++i) gone[static_cast<size_t>(i)] = true;
  return gone;
}

Expr square(const Expr& x) { return x * x; }

/// Statistics are at least as wide as what they are of.
DType statistics_type(const Expression& e, DType stash_type) {
  return e.type(0).dtype == DType::f64 ? DType::f64 : stash_type;
}

/// Which axes of operand 0 go; nullopt: that is not known.
std::optional<std::vector<bool>> reduced_axes(const Expression& e, const std::optional<Dims>& field,
                                              bool noop_with_empty_axes) {
  const auto axes = e.parameter(field, 1);
  if (!axes && e.has(1)) return std::nullopt;
  const bool none = !axes || axes->empty();
  std::vector<bool> gone(static_cast<size_t>(e.rank(0)), none && !noop_with_empty_axes);
  for (const Dim& axis : axes.value_or(Dims{})) {
    const auto place = axis.constant();
    if (!place) return std::nullopt;
    gone[static_cast<size_t>(*place < 0 ? *place + e.rank(0) : *place)] = true;
  }
  return gone;
}

/// The logarithm of the sum of exponentials, the greatest taken out so that none overflows.
Expr log_sum_exp(Expression& e, const Folded& folded, const Expr& x) {
  const Expr greatest = folded.fold(Function::max, x);
  const Expr none_at_all = call(Function::equal, greatest, like(x, -kInfinity));
  const auto most =
      e.stage(wide(x.dtype()), e.result_shape(), select(none_at_all, like(x, 0), greatest));
  const Expr shift = Expression::at(most, loops(static_cast<int>(e.result_shape().size())));
  const Expr rest = folded.fold(Function::add, call(Function::exp, x - shift));
  const Expr infinite = call(Function::equal, call(Function::absolute, shift), like(x, kInfinity));
  return select(infinite, shift, shift + call(Function::log, rest));
}

Expr folded_by(Expression& e, Fold fold, const Folded& folded, const Expr& x) {
  const auto sum_of = [&](const Expr& element) { return folded.fold(Function::add, element); };
  switch (fold) {
    case Fold::sum: return sum_of(x);
    case Fold::mean: return sum_of(x) / folded.number(x.dtype());
    case Fold::max: return folded.fold(Function::max, x);
    case Fold::min: return folded.fold(Function::min, x);
    case Fold::prod: return folded.fold(Function::mul, x);
    case Fold::l1: return sum_of(call(Function::absolute, x));
    case Fold::l2: return call(Function::sqrt, sum_of(square(x)));
    case Fold::sum_square: return sum_of(square(x));
    case Fold::log_sum: return call(Function::log, sum_of(x));
    case Fold::log_sum_exp: break;
  }
  return log_sum_exp(e, folded, x);
}

}  // namespace

void express_reduce(Expression& e, Fold fold, const std::optional<Dims>& axes, bool keepdims,
                    bool noop_with_empty_axes) {
  const bool through_floats =
      fold == Fold::mean || fold == Fold::l2 || fold == Fold::log_sum || fold == Fold::log_sum_exp;
  if (through_floats && !is_float(e.type(0).dtype))
    return e.decline("a reduction of integers through floats");
  const auto gone = reduced_axes(e, axes, noop_with_empty_axes);
  if (!gone) return e.decline("a reduction of axes that only running tells");
  Folded folded(e, *gone);
  if (!keepdims) {  // the loops that are left close up
    int next = 0;
    for (size_t i = 0; i < gone->size(); ++i)
      if (!(*gone)[i]) folded.from[i] = loop(next++);
  }
  e.set(0, folded_by(e, fold, folded, e.at(0, folded.from)));
}

namespace {

/// x less the greatest of its lane, and the sum of its exponentials; `inverse`: 1 over the sum,
/// which is at least 1.
struct Exponentials {
  Expr x, sum;
};
std::optional<Exponentials> exponentials(Expression& e, int64_t axis, bool flatten,
                                         bool inverse = false) {
  if (e.rank(0) == 0) {
    e.decline("a softmax of a scalar");
    return std::nullopt;
  }
  std::vector<bool> gone = from_axis_on(e, axis);
  const auto first = static_cast<size_t>(axis < 0 ? axis + e.rank(0) : axis);
  for (size_t i = first + 1; !flatten && i < gone.size(); ++i) gone[i] = false;
  const DType type = wide(e.type(0).dtype);
  const Folded lane(e, gone);
  const auto most = e.stage(type, lane.extents, lane.fold(Function::max, e.at(0, lane.from)));
  const Expr greatest = Expression::at(most, lane.kept());
  const Expr total = lane.fold(Function::add, call(Function::exp, e.at(0, lane.from) - greatest));
  const auto sum = e.stage(type, lane.extents, inverse ? like(total, 1) / total : total);
  return Exponentials{e.here() - greatest, Expression::at(sum, lane.kept())};
}

}  // namespace

void Softmax::express(Expression& e) const {
  const auto lane = exponentials(e, axis, flatten, true);
  if (!lane) return;
  const Expr share = call(Function::exp, lane->x) * lane->sum;
  e.set(0, zero_nan ? number_or_zero(share) : share);
}

void LogSoftmax::express(Expression& e) const {
  if (const auto lane = exponentials(e, axis, flatten))
    e.set(0, lane->x - call(Function::log, lane->sum));
}

void BatchNormalization::express(Expression& e) const {
  if (e.rank(0) < 2) return e.decline("no channels");
  const auto channel = [&](int operand) { return e.at(operand, Dims{Dim(loop(1))}); };
  const Expr x = e.here(), variance = channel(4);
  const Expr factor = channel(1) / call(Function::sqrt, variance + like(variance, epsilon));
  e.set(0, (x - channel(3)) * factor + channel(2));
}

namespace {

/// 1 / sqrt(variance + epsilon) as a stage.
std::shared_ptr<const Stage> inverse_deviation(Expression& e, DType type, const Dims& extents,
                                               const Expr& variance, float epsilon) {
  const Expr deviation = call(Function::sqrt, variance + like(variance, epsilon));
  return e.stage(type, extents, like(variance, 1) / deviation);
}

/// Of the lanes that `lane` folds.
struct Moments {
  Expr average, inverse;

  Expr normalized(const Expression& e) const { return (e.here() - average) * inverse; }
};
Moments moments(Expression& e, const Folded& lane, DType type, float epsilon) {
  const auto mean_of = [&](const Expr& element) {
    return lane.fold(Function::add, element) / lane.number(type);
  };
  const auto mean = e.stage(type, lane.extents, mean_of(e.at(0, lane.from)));
  const Expr average = Expression::at(mean, lane.kept());
  const Expr variance = mean_of(square(e.at(0, lane.from) - average));
  const auto inverse = inverse_deviation(e, type, lane.extents, variance, epsilon);
  return {average, Expression::at(inverse, lane.kept())};
}

}  // namespace

void LayerNormalization::express(Expression& e) const {
  if (stash_type != DType::f32 && stash_type != DType::f64)
    return e.decline("statistics that are neither f32 nor f64");
  const Folded lane(e, from_axis_on(e, axis));
  const Moments of_lane = moments(e, lane, statistics_type(e, stash_type), epsilon);
  const Expr scaled = of_lane.normalized(e) * e.broadcast(1, e.rank(0));
  e.set(0, e.has(2) ? scaled + e.broadcast(2, e.rank(0)) : scaled);
  e.set(1, of_lane.average);
  e.set(2, of_lane.inverse);
}

void RMSNormalization::express(Expression& e) const {
  if (stash_type != DType::f32 && stash_type != DType::f64)
    return e.decline("statistics that are neither f32 nor f64");
  const DType type = statistics_type(e, stash_type);
  const Folded lane(e, from_axis_on(e, axis));
  const Expr mean = lane.fold(Function::add, square(e.at(0, lane.from))) / lane.number(type);
  const auto inverse = inverse_deviation(e, type, lane.extents, mean, epsilon);
  e.set(0, e.here() * Expression::at(inverse, lane.kept()) * e.broadcast(1, e.rank(0)));
}

void InstanceNormalization::express(Expression& e) const {
  if (e.rank(0) < 3) return e.decline("no spatial axes");
  const Folded plane(e, from_axis_on(e, 2));
  const Moments of_plane = moments(e, plane, wide(e.type(0).dtype), epsilon);
  e.set(0, of_plane.normalized(e) * e.at(1, Dims{Dim(loop(1))}) + e.at(2, Dims{Dim(loop(1))}));
}

void GroupNormalization::express(Expression& e) const {
  if (stash_type != DType::f32 && stash_type != DType::f64)
    return e.decline("statistics that are neither f32 nor f64");
  const Dims& x = e.shape(0);
  const DType type = statistics_type(e, stash_type);
  const Dim width = divisor(floor_div(x[1], num_groups));  // channels of a group
  std::vector<Axis> axes{e.axis(width)};
  Dims from{loop(0), loop(1) * width + axes[0].variable};
  Dim count = width;
  for (size_t i = 2; i < x.size(); ++i) {
    axes.push_back(e.axis(x[i]));
    from.push_back(axes.back().variable);
    count = count * x[i];
  }
  const Dims groups{x[0], num_groups}, own{loop(0), floor_div(loop(1), width)};
  const Expr number = Expr::cast(type, Expr::index(count));
  const auto mean =
      e.stage(type, groups, Expr::reduce(Function::add, axes, e.at(0, from)) / number);
  const Expr centered = e.at(0, from) - Expression::at(mean, {loop(0), loop(1)});
  const Expr spread = Expr::reduce(Function::add, axes, square(centered)) / number;
  const auto inverse =
      e.stage(type, groups, like(spread, 1) / call(Function::sqrt, spread + like(spread, epsilon)));
  const Expr normal = (e.here() - Expression::at(mean, own)) * Expression::at(inverse, own);
  const auto parameter = [&](int operand) {
    const bool by_group = e.shape(operand)[0] == Dim(num_groups) && !(x[1] == Dim(num_groups));
    return e.at(operand, Dims{Dim(by_group ? own[1] : loop(1))});
  };
  e.set(0, normal * parameter(1) + parameter(2));
}

void LRN::express(Expression& e) const {
  if (e.rank(0) < 2) return e.decline("no channels");
  const Axis near = e.axis(size);
  Dims from = loops(e.rank(0));
  from[1] = from[1] + near.variable - (size - 1) / 2;
  const Expr squares = Expr::reduce(Function::add, {near}, square(e.at(0, from, 0.0)));
  const Expr share = like(squares, double{alpha} / static_cast<double>(size)) * squares;
  const Expr base = like(squares, bias) + share;
  e.set(0, e.here() / call(Function::power, base, like(base, beta)));
}

void LpNormalization::express(Expression& e) const {
  if (e.rank(0) == 0) return e.decline("a norm of a scalar");
  std::vector<bool> gone(static_cast<size_t>(e.rank(0)), false);
  gone[static_cast<size_t>(axis < 0 ? axis + e.rank(0) : axis)] = true;
  const Folded lane(e, gone);
  const Expr x = e.at(0, lane.from);
  const Expr powers = p == 1 ? call(Function::absolute, x) : square(x);
  const Expr sum = lane.fold(Function::add, powers);
  const auto norm =
      e.stage(wide(x.dtype()), lane.extents, p == 1 ? sum : call(Function::sqrt, sum));
  const Expr length = Expression::at(norm, lane.kept());
  const Expr none = call(Function::equal, length, like(length, 0));
  e.set(0, select(none, e.here(), e.here() / length));
}

void MeanVarianceNormalization::express(Expression& e) const {
  std::vector<bool> gone(static_cast<size_t>(e.rank(0)), false);
  for (const int64_t axis : axes)
    gone[static_cast<size_t>(axis < 0 ? axis + e.rank(0) : axis)] = true;
  const Folded group(e, gone);
  // Of equal elements, what rounding the mean leaves is divided by an epsilon of 1e-9.
  constexpr DType type = DType::f64;
  const auto mean_of = [&](const Expr& element) {
    return group.fold(Function::add, element) / group.number(type);
  };
  const auto mean = e.stage(type, group.extents, mean_of(e.at(0, group.from)));
  const Expr average = Expression::at(mean, group.kept());
  const Expr variance = mean_of(square(e.at(0, group.from) - average));
  constexpr double kEpsilon = 1e-9;  // beside the deviation, as ONNX defines the function
  const Expr deviation = call(Function::sqrt, variance);
  const auto divisor = e.stage(type, group.extents, deviation + like(deviation, kEpsilon));
  e.set(0, (e.here() - average) / Expression::at(divisor, group.kept()));
}

namespace {

/// Where the most extreme of a lane lies: NaN before everything, of equals the first or the last.
void express_place(Expression& e, Function extreme, int64_t axis, bool keepdims, bool last) {
  if (e.rank(0) == 0) return e.decline("the place of a scalar");
  std::vector<bool> gone(static_cast<size_t>(e.rank(0)), false);
  const auto place = static_cast<size_t>(axis < 0 ? axis + e.rank(0) : axis);
  gone[place] = true;
  const Folded lane(e, gone);
  const auto most = e.stage(e.type(0).dtype, lane.extents, lane.fold(extreme, e.at(0, lane.from)));
  Dims from = lane.from, kept = lane.kept();
  if (!keepdims) {  // the loops that are left close up
    for (size_t i = place + 1; i < from.size(); ++i) {
      from[i] = loop(static_cast<int>(i) - 1);
      if (!kept[i].is(0)) kept[i] = from[i];
    }
  }
  const Expr x = e.at(0, from), wanted = Expression::at(most, kept);
  const auto is_number = [](const Expr& each) { return call(Function::equal, each, each); };
  const Expr same_kind = call(Function::equal, is_number(x), is_number(wanted));
  const Expr found = select(is_number(wanted), call(Function::equal, x, wanted), same_kind);
  const Expr nowhere = last ? Expr::integer(-1) : Expr::index(e.shape(0)[place]);
  const Expr at = select(found, Expr::index(lane.axes[0].variable), nowhere);
  e.set(0, Expr::reduce(last ? Function::max : Function::min, lane.axes, at));
}

}  // namespace

void ArgMax::express(Expression& e) const {
  express_place(e, Function::max, axis, keepdims, select_last_index);
}

void ArgMin::express(Expression& e) const {
  express_place(e, Function::min, axis, keepdims, select_last_index);
}

}  // namespace hone
