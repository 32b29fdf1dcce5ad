#include "ops/common/quantization.hpp"

#include <algorithm>
#include <cmath>

#include "base/size.hpp"

namespace hone {

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
  if (c.has(zero_point) && scales.has_rank() && c.tensor(zero_point).has_rank()) {
    const TensorType& zero = c.tensor(zero_point);
    c.check(zero.rank() == scales.rank(), "zero points ", zero, " and scales ", scales,
            " differ in shape");
    for (size_t i = 0; i < scales.shape().size(); ++i)
      c.require_equal(zero.shape()[i], scales.shape()[i]);
  }
  if (!scales.has_rank() || !x.has_rank() || scales.rank() == 0) return;
  if (scales.rank() == 1 && scales.shape()[0].is(1)) return;
  const auto at = static_cast<size_t>(c.axis(axis, x.rank()));
  if (block_size == 0) {
    c.check(scales.rank() == 1, "scales are ", scales, ", wanted a scalar or a vector");
    c.require_equal(x.shape()[at], scales.shape()[0]);
    return;
  }
  c.check(scales.rank() == x.rank(), "blocked scales ", scales, " for ", x, ": ranks differ");
  for (size_t i = 0; i < x.shape().size(); ++i)
    c.require_equal(i == at ? ceil_div(x.shape()[i], block_size) : x.shape()[i], scales.shape()[i]);
}

void check_one_or(Inference& c, int i, const Dim* size) {
  if (!c.has(i) || !c.tensor(i).has_rank()) return;
  const TensorType& type = c.tensor(i);
  if (type.rank() == 0 || (type.rank() == 1 && type.shape()[0].is(1))) return;
  c.check(size != nullptr && type.rank() == 1, "operand ", i, " is ", type, ", wanted a scalar",
          size != nullptr ? " or a vector" : "");
  c.require_equal(type.shape()[0], *size);
}

double one_number(const Evaluation& c, int i, double otherwise) {
  if (!c.has(i)) return otherwise;
  c.check(c.input(i).count() == 1, "operand ", i, " has shape ", shape_text(c.input(i).shape()),
          ", wanted a scalar");
  return c.input(i).number(0);
}

std::vector<double> numbers_for(const Evaluation& c, int i, int64_t count) {
  std::vector<double> result(static_cast<size_t>(count), 0);
  if (!c.has(i)) return result;
  const Tensor& tensor = c.input(i);
  c.check(tensor.count() == 1 || tensor.count() == count, "operand ", i, " has shape ",
          shape_text(tensor.shape()), ", wanted 1 or ", count, " elements");
  for (int64_t k = 0; k < count; ++k)
    result[static_cast<size_t>(k)] = tensor.number(tensor.count() == 1 ? 0 : k);
  return result;
}

}  // namespace hone
