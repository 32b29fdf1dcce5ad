// Pooling in closed terms: reductions of windows.

#include <limits>

#include "ir/stages/stages.hpp"
#include "ops/common/quantization.hpp"
#include "ops/pooling.hpp"

namespace hone {
namespace {

struct PoolStage {
  std::vector<Axis> taps;
  Dims from{loop(0), loop(1)};
  std::vector<SymbolicAxis> axes;
};
PoolStage pool_stage(Expression& e, const Window& window, bool ceil_mode) {
  PoolStage pool;
  for (size_t i = 2; i < e.shape(0).size(); ++i) {
    const size_t axis = i - 2;
    const int64_t kernel = window.kernel_shape[axis];
    pool.axes.push_back(window_axis(window, axis, e.shape(0)[i], kernel, ceil_mode));
    pool.taps.push_back(e.axis(kernel));
    pool.from.push_back(loop(static_cast<int>(i)) * window.stride(axis) -
                        pool.axes.back().pad_begin +
                        pool.taps.back().variable * window.dilation(axis));
  }
  return pool;
}

/// Everything behind the channels.
PoolStage whole_plane(Expression& e) {
  PoolStage pool;
  for (size_t i = 2; i < e.shape(0).size(); ++i) {
    pool.taps.push_back(e.axis(e.shape(0)[i]));
    pool.from.push_back(pool.taps.back().variable);
  }
  return pool;
}

}  // namespace

void MaxPool::express(Expression& e) const {
  if (e.wants(1)) return e.decline("it tells places, too");
  const DType type = e.type(0).dtype;
  const PoolStage pool = pool_stage(e, window, ceil_mode);
  const double least =
      is_float(type) ? -std::numeric_limits<double>::infinity() : integer_range(type).least;
  const Expr x = e.at(0, pool.from, least);
  e.set(0, Expr::reduce(Function::max, pool.taps, x));
}

void AveragePool::express(Expression& e) const {
  const PoolStage pool = pool_stage(e, window, ceil_mode);
  // Elements of the window on one axis that count.
  const auto counted_taps = [this](const SymbolicAxis& sizes, size_t axis) -> Dim {
    const int64_t kernel = window.kernel_shape[axis], step = window.dilation(axis);
    if (!ceil_mode && (count_include_pad || (sizes.pad_begin.is(0) && sizes.pad_end.is(0))))
      return kernel;
    const Dim start = loop(static_cast<int>(axis) + 2) * window.stride(axis) - sizes.pad_begin;
    const Dim low = count_include_pad ? 0 - sizes.pad_begin : Dim(0);
    const Dim high = count_include_pad ? sizes.input + sizes.pad_end : sizes.input;
    const Dim first = max(ceil_div(low - start, step), 0);
    const Dim last = min(floor_div(high - 1 - start, step) + 1, kernel);
    return max(last - first, 0);
  };
  const Expr sum = Expr::reduce(Function::add, pool.taps, e.at(0, pool.from, 0.0));
  Expr count = Expr::integer(1);
  for (size_t axis = 0; axis < pool.axes.size(); ++axis)
    count = count * Expr::index(counted_taps(pool.axes[axis], axis));
  e.set(0, sum / Expr::cast(e.type(0).dtype, max(count, Expr::integer(1))));
}

namespace {

Expr norm_power(const Expr& x, int64_t p) {
  const Expr size = call(Function::absolute, x);
  if (p == 1) return size;
  return p == 2 ? size * size : call(Function::power, size, like(size, static_cast<double>(p)));
}

Expr norm_root(const Expr& sum, int64_t p) {
  if (p == 1) return sum;
  if (p == 2) return call(Function::sqrt, sum);
  return call(Function::power, sum, like(sum, 1 / static_cast<double>(p)));
}

}  // namespace

void LpPool::express(Expression& e) const {
  const PoolStage pool = pool_stage(e, window, ceil_mode);
  const Expr power = norm_power(e.at(0, pool.from, 0.0), p);
  e.set(0, norm_root(Expr::reduce(Function::add, pool.taps, power), p));
}

void GlobalLpPool::express(Expression& e) const {
  if (e.rank(0) < 3) return e.decline("no spatial axes");
  const PoolStage pool = whole_plane(e);
  e.set(0, norm_root(Expr::reduce(Function::add, pool.taps, norm_power(e.at(0, pool.from), p)), p));
}

void GlobalMaxPool::express(Expression& e) const {
  if (e.rank(0) < 3) return e.decline("no spatial axes");
  const PoolStage pool = whole_plane(e);
  e.set(0, Expr::reduce(Function::max, pool.taps, e.at(0, pool.from)));
}

void GlobalAveragePool::express(Expression& e) const {
  if (e.rank(0) < 3) return e.decline("no spatial axes");
  const PoolStage pool = whole_plane(e);
  Dim count = 1;
  for (const Axis& axis : pool.taps) count = count * axis.extent;
  const Expr sum = Expr::reduce(Function::add, pool.taps, e.at(0, pool.from));
  e.set(0, sum / Expr::cast(e.type(0).dtype, Expr::index(count)));
}

}  // namespace hone
