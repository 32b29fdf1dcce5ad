#include "ops/common/convolve.hpp"

#include "ir/evaluation/work.hpp"

#include "base/size.hpp"

namespace hone {
namespace {

Dim dim_or_fresh(Inference& c, const TensorType& type, size_t axis, int result_axis) {
  return type.has_rank() ? type.shape()[axis] : c.fresh(0, result_axis);
}

// Calls f(in, out) with the element offsets that kernel element `tap` pairs up.
template <class F>
void each_pair(std::span<const WindowAxis> axes, const int64_t* tap, int64_t in, int64_t out,
               const F& f) {
  const WindowAxis& axis = axes.front();
  const Taps range = axis.outputs(*tap);
  in = in * axis.input + *tap * axis.dilation - axis.pad_begin;
  out = out * axis.output;
  if (axes.size() == 1) {
    for (int64_t o = range.first; o < range.last; ++o) f(in + o * axis.stride, out + o);
    return;
  }
  for (int64_t o = range.first; o < range.last; ++o)
    each_pair(axes.subspan(1), tap + 1, in + o * axis.stride, out + o, f);
}

// Calls f(tap number, coordinates) for every element of the kernel in row-major order.
template <class F>
void each_tap(const ConvolutionShape& shape, const F& f) {
  std::vector<int64_t> tap(shape.axes.size(), 0);
  const int64_t count = shape.taps();
  for (int64_t i = 0; i < count; ++i) {
    f(i, tap.data());
    for (size_t axis = tap.size(); axis-- > 0;) {
      if (++tap[axis] < shape.axes[axis].kernel) break;
      tap[axis] = 0;
    }
  }
}

int64_t sizes(const std::vector<WindowAxis>& axes, int64_t WindowAxis::*size) {
  int64_t result = 1;
  for (const WindowAxis& axis : axes) result = checked_mul(result, axis.*size);
  return result;
}

}  // namespace

std::optional<Dims> convolution_dims(Inference& c, const Window& window, int64_t group, int x,
                                     int w) {
  const TensorType &input = c.tensor(x), &weight = c.tensor(w);
  c.check(group >= 1, "group=", group, ": wanted at least 1");
  if (!input.has_rank() && !weight.has_rank()) return std::nullopt;
  const int rank = input.has_rank() ? input.rank() : weight.rank();
  c.check(rank >= 3, "the input has rank ", rank, ", wanted batch, channels and spatial axes");
  c.check(!weight.has_rank() || weight.rank() == rank, "input ", input, " and weight ", weight,
          " have different ranks");
  Dims result{dim_or_fresh(c, input, 0, 0), dim_or_fresh(c, weight, 0, 1)};
  if (const auto filters = result[1].constant())
    c.check(*filters % group == 0, *filters, " filters do not divide into ", group, " groups");
  const size_t axes = static_cast<size_t>(rank) - 2;
  if (input.has_rank() && weight.has_rank()) {
    const Dim wanted = weight.shape()[1] * group;
    const auto fits = provably_equal(input.shape()[1], wanted, c.ranges());
    c.check(fits.value_or(true), "input ", input, " has ", input.shape()[1], " channels, weight ",
            weight, " in ", group, " groups wants ", wanted);
    c.require_equal(input.shape()[1], wanted);
  }
  const std::string problem = window_problem(window, axes);
  c.check(problem.empty(), problem);
  Dims kernel(window.kernel_shape.begin(), window.kernel_shape.end());
  if (weight.has_rank()) {
    const Dims of_weight(weight.shape().begin() + 2, weight.shape().end());
    for (size_t i = 0; i < kernel.size(); ++i) {
      const auto fits = provably_equal(kernel[i], of_weight[i], c.ranges());
      c.check(fits.value_or(true), "kernel_shape=[", join(kernel, ","), "] but the weight is ",
              weight);
      c.require_equal(kernel[i], of_weight[i]);
    }
    if (kernel.empty()) kernel = of_weight;
  }
  if (!input.has_rank() || kernel.empty()) {
    for (int i = 2; i < rank; ++i) result.push_back(c.fresh(0, i));
    return result;
  }
  const Dims sizes_in(input.shape().begin() + 2, input.shape().end());
  for (Dim& size : window_output(c, window, sizes_in, kernel)) result.push_back(std::move(size));
  return result;
}

int64_t ConvolutionShape::inputs() const { return sizes(axes, &WindowAxis::input); }
int64_t ConvolutionShape::outputs() const { return sizes(axes, &WindowAxis::output); }
int64_t ConvolutionShape::taps() const { return sizes(axes, &WindowAxis::kernel); }

std::vector<int64_t> ConvolutionShape::result() const {
  std::vector<int64_t> shape{batch, filters};
  for (const WindowAxis& axis : axes) shape.push_back(axis.output);
  return shape;
}

ConvolutionShape convolution_shape(const Evaluation& c, const Window& window, int64_t group,
                                   const Tensor& x, const Tensor& w) {
  c.check(x.rank() >= 3 && w.rank() == x.rank(), "input ", shape_text(x.shape()), " and weight ",
          shape_text(w.shape()), ": wanted equal ranks of at least 3");
  c.check(group >= 1 && w.dim(0) % group == 0 && x.dim(1) == checked_mul(w.dim(1), group), "input ",
          shape_text(x.shape()), " and weight ", shape_text(w.shape()), " do not fit in ", group,
          " groups");
  return {x.dim(0), x.dim(1), w.dim(0), group,
          window_axes(c, window, spatial(x.shape()), spatial(w.shape()))};
}

template <class T>
void convolve(const ConvolutionShape& shape, const std::vector<T>& x, const std::vector<T>& w,
              std::vector<T>& out) {
  const int64_t inputs = shape.inputs(), outputs = shape.outputs(), taps = shape.taps();
  const int64_t channels = shape.channels / shape.group, filters = shape.filters / shape.group;
  out.assign(static_cast<size_t>(element_count(shape.result())), T{});
  if (out.empty() || w.empty()) return;
  spend_work({shape.batch, shape.filters, channels, taps, outputs});
  for (int64_t n = 0; n < shape.batch; ++n)
    for (int64_t m = 0; m < shape.filters; ++m)
      for (int64_t c = 0; c < channels; ++c) {
        const T* plane = x.data() + (n * shape.channels + m / filters * channels + c) * inputs;
        const T* kernel = w.data() + (m * channels + c) * taps;
        T* sums = out.data() + (n * shape.filters + m) * outputs;
        each_tap(shape, [&](int64_t i, const int64_t* tap) {
          each_pair(shape.axes, tap, 0, 0,
                    [&](int64_t from, int64_t to) { sums[to] += kernel[i] * plane[from]; });
        });
      }
}

template <class T>
void convolve_transposed(const ConvolutionShape& shape, const std::vector<T>& x,
                         const std::vector<T>& w, std::vector<T>& out) {
  const int64_t inputs = shape.outputs(), outputs = shape.inputs(), taps = shape.taps();
  const int64_t channels = shape.channels / shape.group, filters = shape.filters / shape.group;
  out.assign(static_cast<size_t>(checked_mul(checked_mul(shape.batch, shape.filters), outputs)),
             T{});
  if (out.empty() || w.empty()) return;
  spend_work({shape.batch, shape.filters, channels, taps, std::max<int64_t>(inputs, 1)});
  for (int64_t n = 0; n < shape.batch; ++n)
    for (int64_t m = 0; m < shape.filters; ++m)
      for (int64_t c = 0; c < channels; ++c) {
        const int64_t channel = m / filters * channels + c;
        const T* plane = x.data() + (n * shape.channels + channel) * inputs;
        const T* kernel = w.data() + (channel * filters + m % filters) * taps;
        T* sums = out.data() + (n * shape.filters + m) * outputs;
        each_tap(shape, [&](int64_t i, const int64_t* tap) {
          each_pair(shape.axes, tap, 0, 0,
                    [&](int64_t to, int64_t from) { sums[to] += kernel[i] * plane[from]; });
        });
      }
}

template void convolve(const ConvolutionShape&, const std::vector<double>&,
                       const std::vector<double>&, std::vector<double>&);
template void convolve(const ConvolutionShape&, const std::vector<int64_t>&,
                       const std::vector<int64_t>&, std::vector<int64_t>&);
template void convolve_transposed(const ConvolutionShape&, const std::vector<double>&,
                                  const std::vector<double>&, std::vector<double>&);

}  // namespace hone
