#include "ops/common/pool.hpp"

#include <algorithm>

#include "ir/evaluation/work.hpp"

#include "base/size.hpp"

namespace hone {

std::optional<Dims> pool_dims(Inference& c, const Window& window, bool ceil_mode, int x) {
  const TensorType& input = c.tensor(x);
  const int rank = static_cast<int>(window.kernel_shape.size()) + 2;
  c.check(rank > 2, "kernel_shape is missing");
  const std::string problem = window_problem(window, window.kernel_shape.size());
  c.check(problem.empty(), problem);
  if (!input.has_rank()) return c.fresh_dims(0, rank);
  c.check(input.rank() == rank, "input ", input, " with kernel_shape=[",
          join(window.kernel_shape, ","), "]: wanted rank ", rank);
  const Dims& dims = input.shape();
  Dims result{dims[0], dims[1]};
  const Dims kernel(window.kernel_shape.begin(), window.kernel_shape.end());
  for (Dim& size : window_output(c, window, Dims(dims.begin() + 2, dims.end()), kernel, ceil_mode))
    result.push_back(std::move(size));
  return result;
}

int64_t PoolShape::inputs() const {
  int64_t count = 1;
  for (const WindowAxis& axis : axes) count = checked_mul(count, axis.input);
  return count;
}

int64_t PoolShape::outputs() const {
  int64_t count = 1;
  for (const WindowAxis& axis : axes) count = checked_mul(count, axis.output);
  return count;
}

PoolShape pool_shape(const Evaluation& c, const Window& window, bool ceil_mode, const Tensor& x) {
  c.check(x.rank() >= 3, "input ", shape_text(x.shape()),
          ": wanted batch, channels and spatial axes");
  PoolShape shape{checked_mul(x.dim(0), x.dim(1)),
                  window_axes(c, window, spatial(x.shape()), window.kernel_shape, ceil_mode),
                  {x.dim(0), x.dim(1)}};
  for (const WindowAxis& axis : shape.axes) shape.result.push_back(axis.output);
  int64_t taps = shape.outputs();  // those inside the input
  for (const WindowAxis& axis : shape.axes)
    taps = try_mul(taps, std::min(axis.kernel, axis.input)).value_or(INT64_MAX);
  spend_work({shape.planes, taps});
  return shape;
}

std::vector<double> average_pool(const PoolShape& shape, const std::vector<double>& x,
                                 bool count_include_pad) {
  const int64_t inputs = shape.inputs();
  std::vector<double> result;
  result.reserve(static_cast<size_t>(element_count(shape.result)));
  each_output(shape, [&](int64_t plane, int64_t, const int64_t* at) {
    const double* in = x.data() + plane * inputs;
    double sum = 0, count = 0;
    each_input(shape.axes, at, 0, [&](int64_t i) { sum += in[i], count += 1; });
    if (count_include_pad) {
      count = 1;
      for (size_t i = 0; i < shape.axes.size(); ++i)
        count *= static_cast<double>(shape.axes[i].padded_taps(at[i]));
    }
    result.push_back(count == 0 ? 0 : sum / count);
  });
  return result;
}

}  // namespace hone
