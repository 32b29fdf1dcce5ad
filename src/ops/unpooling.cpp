#include "ops/unpooling.hpp"

#include "base/size.hpp"
#include "ir/op_class.hpp"
#include "ops/common/complex.hpp"
#include "ops/common/elements.hpp"
#include "ops/common/operands.hpp"
#include "ops/common/pool.hpp"
#include "ops/common/shapes.hpp"

namespace hone {

void MaxUnpool::infer(Inference& c) const {
  const DType dtype = float_operand(c, 0);
  const size_t axes = window.kernel_shape.size();
  c.check(axes > 0, "kernel_shape is missing");
  const std::string problem = window_problem(window, axes);
  c.check(problem.empty(), problem);
  c.check(c.dtype(1) == DType::i64, "the offsets are ", c.tensor(1), ", wanted i64");
  const int rank = static_cast<int>(axes) + 2;
  rank_is(c, 0, rank), rank_is(c, 1, rank);
  const TensorType &x = c.tensor(0), &offsets = c.tensor(1);
  if (x.has_rank() && offsets.has_rank())
    for (size_t i = 0; i < axes + 2; ++i) c.require_equal(x.shape()[i], offsets.shape()[i]);
  const auto length = parameter_length(c, output_shape, 2);
  c.check(!length || *length == rank, "output_shape has ", length.value_or(0), " numbers, wanted ",
          rank);
  Dims result = c.fresh_dims(0, rank);
  for (size_t i = 0; x.has_rank() && i < axes + 2; ++i) {
    if (i < 2) result[i] = x.shape()[i];
    else if (!c.given(output_shape, 2))
      result[i] =
          transposed_axis(window, i - 2, x.shape()[i], window.kernel_shape[i - 2], {}, {}).output;
    else continue;
    c.require_less_equal(0, result[i]);
  }
  if (const Dims* known = c.parameter(output_shape, 2)) {
    result = *known;
    for (size_t i = 0; x.has_rank() && i < 2; ++i) result[i] = c.same(x.shape()[i], (*known)[i]);
    for (const Dim& size : result) c.require_less_equal(0, size);
  }
  c.set(0, dtype, std::move(result));
}

void MaxUnpool::eval(Evaluation& c) const {
  const Tensor &x = c.input(0), &offsets = c.input(1);
  const size_t axes = window.kernel_shape.size();
  c.check(x.shape().size() == axes + 2 && x.shape() == offsets.shape(), "data ",
          shape_text(x.shape()), " and offsets ", shape_text(offsets.shape()), ", wanted rank ",
          axes + 2);
  std::vector<int64_t> inner = x.shape();
  for (size_t i = 2; i < inner.size(); ++i) {
    const Dim size =
        transposed_axis(window, i - 2, inner[i], window.kernel_shape[i - 2], {}, {}).output;
    inner[i] = c.dim(size);
    c.check(inner[i] >= 0, "padding leaves ", inner[i], " elements on axis ", i);
  }
  const std::vector<int64_t> shape = c.parameter(output_shape, 2, inner);
  bool fits = shape.size() == inner.size() && shape[0] == inner[0] && shape[1] == inner[1];
  for (size_t i = 2; fits && i < shape.size(); ++i) fits = shape[i] >= inner[i];
  c.check(fits, "output_shape=[", join(shape, ","), "] for an unpooled ", shape_text(inner));
  Tensor& y = zeros(c, 0, x.dtype(), shape);
  const std::vector<int64_t> from = row_major_strides(inner), to = row_major_strides(shape);
  const int64_t count = element_count(inner);
  for (int64_t i = 0; i < x.count(); ++i) {
    const int64_t offset = offsets.integer(i);
    c.check(offset >= 0 && offset < count, "offset ", offset, " in ", count, " elements");
    int64_t place = 0;
    for (size_t d = 0; d < shape.size(); ++d) place += offset / from[d] % inner[d] * to[d];
    y.set_number(place, x.number(i));
  }
}

void Col2Im::infer(Inference& c) const {
  const DType dtype = c.dtype(0);
  c.check(dtype != DType::string, "operand 0 is ", dtype, ", which cannot be summed");
  rank_is(c, 0, 3);
  c.check(c.given(image_shape, 1), "image_shape is missing");
  c.check(c.given(block_shape, 2), "block_shape is missing");
  const TensorType& x = c.tensor(0);
  auto axes = parameter_length(c, image_shape, 1);
  const auto block_axes = parameter_length(c, block_shape, 2);
  c.check(!axes || !block_axes || *axes == *block_axes, "image_shape has ", axes.value_or(0),
          " axes, block_shape ", block_axes.value_or(0));
  if (!axes) axes = block_axes;
  if (!axes) return c.set(0, Type::unranked(dtype));
  c.check(*axes >= 1 && *axes <= kKnownElements, "an image of ", *axes, " axes");
  const Window window{.strides = strides, .dilations = dilations, .pads = pads};
  const std::string problem = window_problem(window, static_cast<size_t>(*axes));
  c.check(problem.empty(), problem);
  Dims result = c.fresh_dims(0, static_cast<int>(*axes) + 2);
  if (x.has_rank()) result[0] = x.shape()[0];
  const Dims *image = c.parameter(image_shape, 1), *block = c.parameter(block_shape, 2);
  if (block != nullptr)
    for (const Dim& size : *block) c.require_less_equal(1, size);
  if (block != nullptr && x.has_rank()) {
    result[1] = floor_div(x.shape()[1], product(*block));
    c.require_equal(result[1] * product(*block), x.shape()[1]);
  }
  if (image != nullptr) {
    for (const Dim& size : *image) c.require_less_equal(0, size);
    std::copy(image->begin(), image->end(), result.begin() + 2);
  }
  if (image != nullptr && block != nullptr && x.has_rank())
    c.require_equal(product(window_output(c, window, *image, *block)), x.shape()[2]);
  c.set(0, dtype, std::move(result));
}

namespace {

/// Calls f(offset in the image, number of the tap) for the elements of block `at` that lie in the
/// image.
template <class F>
void each_tap(std::span<const WindowAxis> axes, const int64_t* at, int64_t base, int64_t number,
              const F& f) {
  if (axes.empty()) return f(base, number);
  const WindowAxis& axis = axes.front();
  const Taps taps = axis.taps(*at);
  for (int64_t tap = taps.first; tap < taps.last; ++tap)
    each_tap(axes.subspan(1), at + 1, base * axis.input + axis.start(*at) + tap * axis.dilation,
             number * axis.kernel + tap, f);
}

template <class T>
std::vector<T> summed(const PoolShape& shape, int64_t taps, const std::vector<T>& in) {
  const int64_t image = shape.inputs(), blocks = shape.outputs();
  std::vector<T> sums(static_cast<size_t>(shape.planes * image));
  each_output(shape, [&](int64_t plane, int64_t block, const int64_t* at) {
    each_tap(shape.axes, at, 0, 0, [&](int64_t to, int64_t tap) {
      sums[static_cast<size_t>(plane * image + to)] +=
          in[static_cast<size_t>((plane * taps + tap) * blocks + block)];
    });
  });
  return sums;
}

}  // namespace

void Col2Im::eval(Evaluation& c) const {
  const Tensor& x = c.input(0);
  const std::vector<int64_t> image = c.parameter(image_shape, 1);
  const std::vector<int64_t> block = c.parameter(block_shape, 2);
  const Window window{.strides = strides, .dilations = dilations, .pads = pads};
  c.check(x.rank() == 3, "the blocks are ", shape_text(x.shape()), ", wanted rank 3");
  for (const int64_t size : image) c.check(size >= 0, "image_shape is [", join(image, ","), "]");
  PoolShape shape{0, window_axes(c, window, image, block), {}};
  const int64_t taps = element_count(block);  // window_axes wants each to be at least 1
  c.check(!block.empty() && x.dim(1) % taps == 0 && x.dim(2) == shape.outputs(), "blocks ",
          shape_text(x.shape()), ": wanted [batch, a multiple of ", taps, ", ", shape.outputs(),
          "]");
  std::vector<int64_t> result{x.dim(0), x.dim(1) / taps};
  shape.planes = checked_mul(result[0], result[1]);
  result.insert(result.end(), image.begin(), image.end());
  Tensor& y = c.output(0, x.dtype(), result);
  if (y.count() == 0) return;
  if (is_complex(x.dtype())) {
    const std::vector<Complex> sums = summed(shape, taps, complex_elements(x));
    for (int64_t i = 0; i < y.count(); ++i) set_complex(y, i, sums[static_cast<size_t>(i)]);
  } else if (is_float(x.dtype())) {
    store(y, summed(shape, taps, elements<double>(x)));
  } else {  // the sum of bools: any of them
    store(y, summed(shape, taps, elements<uint64_t>(x)));
  }
}

void register_unpooling(OpRegistry& registry) {
  registry.add<MaxUnpool>();
  registry.add<Col2Im>();
}

}  // namespace hone
