#include "ops/common/quantization.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/size.hpp"
#include "ops/common/operands.hpp"

namespace hone {
namespace {

/// A scalar or a vector of one element.
bool is_single(const TensorType& type) {
  return type.rank() == 0 || (type.rank() == 1 && type.shape()[0].is(1));
}

}  // namespace

IntegerRange integer_range(DType type) {
  const int width = bits(type);
  if (!is_signed(type)) return {0, std::ldexp(1, width) - 1};
  return {-std::ldexp(1, width - 1), std::ldexp(1, width - 1) - 1};
}

double quantized(double value, double zero_point, const IntegerRange& range) {
  const double shifted = std::nearbyint(value) + zero_point;
  return shifted >= range.least ? std::min(shifted, range.most) : range.least;
}

double rounded_to(DType type, double value) {
  const auto single = static_cast<float>(value);
  switch (type) {
    case DType::f32: return single;
    case DType::f16: return from_f16(to_f16(single));
    case DType::bf16: return from_bf16(to_bf16(single));
    default: return value;
  }
}

ScaleLayout::ScaleLayout(const Evaluation& c, int scale, int64_t axis, int64_t block_size) {
  const Tensor &x = c.input(0), &scales = c.input(scale);
  if (scales.count() == 1 && scales.rank() <= 1) {
    size = x.count();
    return;
  }
  const int at = c.axis(axis, x.rank());
  const auto axis_at = static_cast<size_t>(at);
  const std::span<const int64_t> dims = x.shape();
  outer = element_count(dims.first(axis_at));
  size = dims[axis_at];
  inner = element_count(dims.subspan(axis_at + 1));
  block = std::max<int64_t>(block_size, 1);
  per_element = block_size > 0;
  std::vector<int64_t> wanted{size};
  if (per_element) {
    wanted = x.shape();
    wanted[axis_at] = ceil_div(size, block);
  }
  c.check(scales.shape() == wanted, "scales have shape ", shape_text(scales.shape()), ", wanted ",
          shape_text(wanted), " for ", shape_text(x.shape()), " and axis ", axis);
}

void check_scales(Inference& c, int scale, int zero_point, int64_t axis, int64_t block_size) {
  const TensorType &x = c.tensor(0), &scales = c.tensor(scale);
  c.check(block_size >= 0, "block_size is ", block_size, ", wanted 0 or more");
  if (c.has(zero_point) && scales.has_rank() && c.tensor(zero_point).has_rank() &&
      !(is_single(scales) && is_single(c.tensor(zero_point)))) {
    const TensorType& zero = c.tensor(zero_point);
    c.check(zero.rank() == scales.rank(), "zero points ", zero, " and scales ", scales,
            " differ in shape");
    for (size_t i = 0; i < scales.shape().size(); ++i)
      c.require_equal(zero.shape()[i], scales.shape()[i]);
  }
  if (!scales.has_rank() || !x.has_rank() || is_single(scales)) return;
  const auto at = static_cast<size_t>(c.axis(axis, x.rank()));
  if (block_size == 0) {
    c.check(scales.rank() == 1, "scales are ", scales, ", wanted a scalar or a vector");
    c.broadcasts_to(scales.shape()[0], x.shape()[at]);  // one scale for all where it is 1
    return;
  }
  c.check(scales.rank() == x.rank(), "blocked scales ", scales, " for ", x, ": ranks differ");
  for (size_t i = 0; i < x.shape().size(); ++i)
    c.require_equal(i == at ? ceil_div(x.shape()[i], block_size) : x.shape()[i], scales.shape()[i]);
}

double one_number(const Evaluation& c, int i, double otherwise) {
  if (!c.has(i)) return otherwise;
  c.check(c.input(i).count() == 1, "operand ", i, " has shape ", shape_text(c.input(i).shape()),
          ", wanted a scalar");
  return c.input(i).number(0);
}

Sizes parameter_shape(const Tensor& parameter, Along along, int rank) {
  if (parameter.count() == 1 && parameter.rank() <= 1) return {};
  Sizes shape = parameter.shape();
  if (parameter.rank() != 1) return shape;
  if (along == Along::rows) shape.push_back(1);
  if (along == Along::first_axis) shape.resize(static_cast<size_t>(rank), 1);
  return shape;
}

std::vector<int64_t> shifted(const Evaluation& c, int x, int zero_point, Along along) {
  const Tensor& tensor = c.input(x);
  std::vector<int64_t> values = elements<int64_t>(tensor);
  if (!c.has(zero_point)) return values;
  const Tensor& zeros = c.input(zero_point);
  const std::array shapes{tensor.shape(), parameter_shape(zeros, along, tensor.rank())};
  c.check(broadcast_shape(shapes) == tensor.shape(), "zero points ", shape_text(zeros.shape()),
          " do not broadcast to ", shape_text(tensor.shape()));
  broadcast_walk(tensor.shape(), shapes).elements([&](int64_t at, const int64_t* from) {
    values[static_cast<size_t>(at)] -= zeros.integer(from[1]);
  });
  return values;
}

DType short_integers(const Inference& c, int i) {
  const DType type = c.dtype(i);
  c.check(is_integer(type) && bits(type) <= 16, "operand ", i, " is ", type,
          ", wanted integers of at most 16 bits");
  return type;
}

void check_zero_point(const Inference& c, int x, int i) {
  if (!c.has(i)) return;
  c.check(c.dtype(i) == c.dtype(x), "zero point ", i, " is ", c.dtype(i), ", operand ", x, " is ",
          c.dtype(x));
}

void check_scale(const Inference& c, int i) {
  c.check(is_float(c.dtype(i)), "scale ", i, " is ", c.dtype(i), ", wanted floats");
}

}  // namespace hone
