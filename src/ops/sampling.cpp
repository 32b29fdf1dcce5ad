#include "ops/sampling.hpp"

#include <cmath>

#include "base/size.hpp"
#include "ir/evaluation/work.hpp"
#include "ir/op_class.hpp"
#include "ops/common/complex.hpp"
#include "ops/common/elements.hpp"
#include "ops/common/grid.hpp"
#include "ops/common/operands.hpp"
#include "ops/common/shapes.hpp"

namespace hone {

void GridSample::infer(Inference& c) const {
  const DType dtype = c.dtype(0);
  c.check(dtype != DType::string || mode == Mode::nearest, "cannot interpolate ", dtype);
  (void)float_operand(c, 1);
  const TensorType &x = c.tensor(0), &grid = c.tensor(1);
  if (!x.has_rank() && !grid.has_rank()) return c.set(0, Type::unranked(dtype));
  const int rank = x.has_rank() ? x.rank() : grid.rank();
  c.check(rank >= 3 && (!grid.has_rank() || grid.rank() == rank), "data ", x, " and grid ", grid,
          ", wanted equal ranks of at least 3");
  Dims result = c.fresh_dims(0, rank);
  if (x.has_rank()) result[0] = x.shape()[0], result[1] = x.shape()[1];
  if (grid.has_rank()) {
    c.require_equal(grid.shape().back(), rank - 2);
    result[0] = x.has_rank() ? c.same(x.shape()[0], grid.shape()[0]) : grid.shape()[0];
    for (size_t i = 2; i < result.size(); ++i) result[i] = grid.shape()[i - 1];
  }
  c.set(0, dtype, std::move(result));
}

namespace {

/// The sum over all combinations of taps; `plane` is of the axes' sizes.
template <class T>
T sampled(const T* plane, std::span<const GridAxis> axes, std::span<const GridTaps> taps) {
  if (axes.empty()) return *plane;
  int64_t stride = 1;
  for (const GridAxis& axis : axes.subspan(1)) stride *= axis.size;
  T sum = 0;
  for (const GridTap& tap : taps.front().all())
    if (tap.element >= 0)
      sum += tap.weight * sampled(plane + tap.element * stride, axes.subspan(1), taps.subspan(1));
  return sum;
}

/// The only tap of each axis as an element of the plane; -1: a zero.
int64_t single_element(std::span<const GridAxis> axes, std::span<const GridTaps> taps) {
  int64_t at = 0;
  for (size_t i = 0; i < axes.size(); ++i) {
    const int64_t element = taps[i].tap[0].element;
    if (element < 0) return -1;
    at = at * axes[i].size + element;
  }
  return at;
}

}  // namespace

void GridSample::eval(Evaluation& c) const {
  const Tensor &x = c.input(0), &grid = c.input(1);
  const int rank = x.rank(), spatial = rank - 2;
  c.check(
      rank >= 3 && grid.rank() == rank && grid.dim(rank - 1) == spatial && grid.dim(0) == x.dim(0),
      "data ", shape_text(x.shape()), " and grid ", shape_text(grid.shape()), " do not fit");
  std::vector<int64_t> shape{x.dim(0), x.dim(1)};
  for (int i = 1; i + 1 < rank; ++i) shape.push_back(grid.dim(i));
  ElementWriter y(c, 0, x.dtype(), shape);
  if (y.count() == 0) return y.finish();
  std::vector<GridAxis> axes;
  for (int i = 2; i < rank; ++i) axes.push_back({*this, x.dim(i)});
  const int64_t inputs = element_count(std::span(x.shape()).subspan(2));
  const int64_t outputs = element_count(std::span<const int64_t>(shape).subspan(2));
  c.check(inputs > 0 || padding_mode == Padding::zeros, "there is nothing to repeat in ",
          shape_text(x.shape()));
  int64_t combinations = 1;
  for (int i = 0; i < spatial; ++i)
    combinations = try_mul(combinations, mode == Mode::nearest  ? 1
                                         : mode == Mode::linear ? 2
                                                                : 4)
                       .value_or(INT64_MAX);
  spend_work({y.count(), combinations});
  const bool picks = mode == Mode::nearest, complex = is_complex(x.dtype());
  const std::vector<Complex> pairs =
      complex && !picks ? complex_elements(x) : std::vector<Complex>();
  const std::vector<double> data = complex || picks ? std::vector<double>() : elements<double>(x);
  const int64_t channels = x.dim(1);
  std::vector<GridTaps> taps(axes.size());
  for (int64_t i = 0; inputs > 0 && i < x.dim(0) * outputs; ++i) {
    const int64_t batch = i / outputs, place = i % outputs;
    for (int k = 0; k < spatial; ++k)  // the grid names the innermost axis first
      taps[static_cast<size_t>(spatial - 1 - k)] =
          grid_taps(axes[static_cast<size_t>(spatial - 1 - k)], grid.number(i * spatial + k));
    const int64_t single = picks ? single_element(axes, taps) : 0;
    for (int64_t k = 0; k < channels; ++k) {
      const int64_t plane = batch * channels + k, to = plane * outputs + place;
      if (picks && single >= 0) y.copy(to, x, plane * inputs + single);
      else if (picks) continue;  // zeros already
      else if (complex)
        set_complex(y.tensor(), to, sampled(pairs.data() + plane * inputs, axes, taps));
      else y.tensor().set_number(to, sampled(data.data() + plane * inputs, axes, taps));
    }
  }
  y.finish();
}

void AffineGrid::infer(Inference& c) const {
  const DType dtype = float_operand(c, 0);
  rank_is(c, 0, 3);
  c.check(c.given(size, 1), "the size is missing");
  const TensorType& theta = c.tensor(0);
  std::optional<int64_t> axes = parameter_length(c, size, 1);
  if (axes) axes = *axes - 2;
  if (theta.has_rank() && !axes) axes = theta.shape()[1].constant();
  if (!axes) return c.set(0, Type::unranked(dtype));
  c.check(*axes == 2 || *axes == 3, "a grid of ", *axes, " axes, wanted 2 or 3");
  Dims result = c.fresh_dims(0, static_cast<int>(*axes) + 2);
  result.back() = *axes;
  if (theta.has_rank()) {
    c.require_equal(theta.shape()[1], *axes);
    c.require_equal(theta.shape()[2], *axes + 1);
    result[0] = theta.shape()[0];
  }
  if (const Dims* known = c.parameter(size, 1)) {
    if (theta.has_rank()) result[0] = c.same(result[0], (*known)[0]);
    for (size_t i = 1; i + 1 < result.size(); ++i) {
      result[i] = (*known)[i + 1];
      c.require_less_equal(0, result[i]);
    }
  }
  c.set(0, dtype, std::move(result));
}

void AffineGrid::eval(Evaluation& c) const {
  const Tensor& theta = c.input(0);
  const std::vector<int64_t> sizes = c.parameter(size, 1);
  const auto axes = static_cast<int64_t>(sizes.size()) - 2;
  c.check((axes == 2 || axes == 3) && theta.rank() == 3 && theta.dim(0) == sizes[0] &&
              theta.dim(1) == axes && theta.dim(2) == axes + 1,
          "matrices ", shape_text(theta.shape()), " for size [", join(sizes, ","), "]");
  std::vector<int64_t> shape{sizes[0]};
  for (size_t i = 2; i < sizes.size(); ++i) {
    c.check(sizes[i] >= 0, "the size is [", join(sizes, ","), "]");
    shape.push_back(sizes[i]);
  }
  shape.push_back(axes);
  Tensor& y = c.output(0, theta.dtype(), shape);
  for (int64_t to = 0; to < y.count(); ++to) {
    const int64_t row = to % axes;  // x, then y, then z
    int64_t rest = to / axes;
    const int64_t outputs = y.count() / axes / sizes[0];
    const int64_t matrix = (rest / outputs * axes + row) * (axes + 1);
    double sum = theta.number(matrix + axes);
    for (int64_t k = 0; k < axes; ++k) {  // x is the innermost axis
      const int64_t n = sizes[static_cast<size_t>(axes + 1 - k)], at = rest % n;
      rest /= n;
      const auto i = static_cast<double>(at), count = static_cast<double>(n);
      const double place = align_corners ? -1 + i * (2 / (count - 1)) : (2 * i + 1) / count - 1;
      sum += theta.number(matrix + k) * (align_corners && n == 1 ? 0 : place);
    }
    y.set_number(to, sum);
  }
}

void register_sampling(OpRegistry& registry) {
  registry.add<GridSample>();
  registry.add<AffineGrid>();
}

}  // namespace hone
