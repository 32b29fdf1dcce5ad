// Reductions, softmax and normalizations in closed terms.

#include <cmath>
#include <limits>

#include "ir/stages.hpp"
#include "ops/normalization.hpp"
#include "ops/reduction.hpp"
#include "ops/softmax.hpp"

namespace hone {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

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

}  // namespace

template <Fold F>
void Reduce<F>::express(Expression& e) const {
  const DType type = e.type(0).dtype;
  constexpr bool kExact = F == Fold::sum || F == Fold::max || F == Fold::min || F == Fold::prod ||
                          F == Fold::l1 || F == Fold::sum_square;
  if (!is_float(type) && !kExact) return e.decline("a reduction of integers through floats");
  const auto chosen = e.parameter(axes, 1);
  if (!chosen && e.has(1)) return e.decline("a reduction of axes that only running tells");
  const bool none = !chosen || chosen->empty();
  std::vector<bool> gone(static_cast<size_t>(e.rank(0)), none && !noop_with_empty_axes);
  if (chosen)
    for (const Dim& axis : *chosen) {
      const auto place = axis.constant();
      if (!place) return e.decline("a reduction of axes that only running tells");
      gone[static_cast<size_t>(*place < 0 ? *place + e.rank(0) : *place)] = true;
    }
  Folded folded(e, gone);
  if (!keepdims) {  // the loops that are left close up
    int next = 0;
    for (size_t i = 0; i < gone.size(); ++i)
      if (!gone[i]) folded.from[i] = loop(next++);
  }
  const Expr x = e.at(0, folded.from);
  if constexpr (F == Fold::sum || F == Fold::mean || F == Fold::log_sum) {
    const Expr sum = folded.fold(Function::add, x);
    if constexpr (F == Fold::sum) e.set(0, sum);
    else if constexpr (F == Fold::mean) e.set(0, sum / folded.number(type));
    else e.set(0, call(Function::log, sum));
  } else if constexpr (F == Fold::max) {
    e.set(0, folded.fold(Function::max, x));
  } else if constexpr (F == Fold::min) {
    e.set(0, folded.fold(Function::min, x));
  } else if constexpr (F == Fold::prod) {
    e.set(0, folded.fold(Function::mul, x));
  } else if constexpr (F == Fold::l1) {
    e.set(0, folded.fold(Function::add, call(Function::absolute, x)));
  } else if constexpr (F == Fold::sum_square) {
    e.set(0, folded.fold(Function::add, square(x)));
  } else if constexpr (F == Fold::l2) {
    e.set(0, call(Function::sqrt, folded.fold(Function::add, square(x))));
  } else {
    const Expr greatest = folded.fold(Function::max, x);
    const Expr none_at_all = call(Function::equal, greatest, like(x, -kInfinity));
    const auto most =
        e.stage(wide(type), e.result_shape(), select(none_at_all, like(x, 0), greatest));
    Dims here;
    for (size_t i = 0; i < e.result_shape().size(); ++i) here.push_back(loop(static_cast<int>(i)));
    const Expr shift = Expression::at(most, here);
    const Expr rest = folded.fold(Function::add, call(Function::exp, x - shift));
    const Expr infinite =
        call(Function::equal, call(Function::absolute, shift), like(x, kInfinity));
    e.set(0, select(infinite, shift, shift + call(Function::log, rest)));
  }
}

template struct Reduce<Fold::sum>;
template struct Reduce<Fold::mean>;
template struct Reduce<Fold::max>;
template struct Reduce<Fold::min>;
template struct Reduce<Fold::prod>;
template struct Reduce<Fold::l1>;
template struct Reduce<Fold::l2>;
template struct Reduce<Fold::log_sum>;
template struct Reduce<Fold::log_sum_exp>;
template struct Reduce<Fold::sum_square>;

namespace {

/// x less the greatest of its lane, and the sum of its exponentials.
struct Exponentials {
  Expr x, sum;
};
std::optional<Exponentials> exponentials(Expression& e, int64_t axis, bool flatten) {
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
  const auto sum =
      e.stage(type, lane.extents,
              lane.fold(Function::add, call(Function::exp, e.at(0, lane.from) - greatest)));
  return Exponentials{e.here() - greatest, Expression::at(sum, lane.kept())};
}

}  // namespace

void Softmax::express(Expression& e) const {
  if (const auto lane = exponentials(e, axis, flatten))
    e.set(0, call(Function::exp, lane->x) / lane->sum);
}

void LogSoftmax::express(Expression& e) const {
  if (const auto lane = exponentials(e, axis, flatten))
    e.set(0, lane->x - call(Function::log, lane->sum));
}

void BatchNormalization::express(Expression& e) const {
  if (e.rank(0) < 2) return e.decline("BatchNormalization without channels");
  const auto channel = [&](int operand) { return e.at(operand, Dims{loop(1)}); };
  const Expr x = e.here(), variance = channel(4);
  const Expr factor = channel(1) / call(Function::sqrt, variance + like(variance, epsilon));
  e.set(0, (x - channel(3)) * factor + channel(2));
}

void LayerNormalization::express(Expression& e) const {
  if (stash_type != DType::f32 && stash_type != DType::f64)
    return e.decline("statistics that are neither f32 nor f64");
  const DType type = statistics_type(e, stash_type);
  const Folded lane(e, from_axis_on(e, axis));
  const Expr count = lane.number(type);
  const auto mean =
      e.stage(type, lane.extents, lane.fold(Function::add, e.at(0, lane.from)) / count);
  const Expr average = Expression::at(mean, lane.kept());
  const Expr spread = lane.fold(Function::add, square(e.at(0, lane.from) - average)) / count;
  const auto inverse = e.stage(
      type, lane.extents, like(spread, 1) / call(Function::sqrt, spread + like(spread, epsilon)));
  const Expr normal = (e.here() - average) * Expression::at(inverse, lane.kept());
  const Expr scaled = normal * e.broadcast(1, e.rank(0));
  e.set(0, e.has(2) ? scaled + e.broadcast(2, e.rank(0)) : scaled);
  e.set(1, average);
  e.set(2, Expression::at(inverse, lane.kept()));
}

void RMSNormalization::express(Expression& e) const {
  if (stash_type != DType::f32 && stash_type != DType::f64)
    return e.decline("statistics that are neither f32 nor f64");
  const DType type = statistics_type(e, stash_type);
  const Folded lane(e, from_axis_on(e, axis));
  const Expr mean = lane.fold(Function::add, square(e.at(0, lane.from))) / lane.number(type);
  const auto inverse =
      e.stage(type, lane.extents, like(mean, 1) / call(Function::sqrt, mean + like(mean, epsilon)));
  e.set(0, e.here() * Expression::at(inverse, lane.kept()) * e.broadcast(1, e.rank(0)));
}

void InstanceNormalization::express(Expression& e) const {
  if (e.rank(0) < 3) return e.decline("InstanceNormalization without spatial axes");
  const DType type = wide(e.type(0).dtype);
  const Folded plane(e, from_axis_on(e, 2));
  const Expr count = plane.number(type);
  const auto mean =
      e.stage(type, plane.extents, plane.fold(Function::add, e.at(0, plane.from)) / count);
  const Expr average = Expression::at(mean, plane.kept());
  const Expr spread = plane.fold(Function::add, square(e.at(0, plane.from) - average)) / count;
  const auto inverse = e.stage(
      type, plane.extents, like(spread, 1) / call(Function::sqrt, spread + like(spread, epsilon)));
  const Expr normal = (e.here() - average) * Expression::at(inverse, plane.kept());
  e.set(0, normal * e.at(1, Dims{loop(1)}) + e.at(2, Dims{loop(1)}));
}

void GroupNormalization::express(Expression& e) const {
  if (stash_type != DType::f32 && stash_type != DType::f64)
    return e.decline("statistics that are neither f32 nor f64");
  const Dims& x = e.shape(0);
  const DType type = statistics_type(e, stash_type);
  const Dim width = floor_div(x[1], num_groups);  // channels of a group
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
    return e.at(operand, Dims{by_group ? own[1] : loop(1)});
  };
  e.set(0, normal * parameter(1) + parameter(2));
}

}  // namespace hone
