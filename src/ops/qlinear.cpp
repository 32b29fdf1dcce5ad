#include "ops/qlinear.hpp"

#include <algorithm>
#include <array>

#include "base/size.hpp"
#include "ops/common/operands.hpp"
#include "ops/common/pool.hpp"
#include "ops/common/quantization.hpp"
#include "ops/common/rows.hpp"

namespace hone {
namespace {

void infer_pointwise(Inference& c) {
  const DType type = short_integers(c, 0);
  same_dtype(c, 0, 3);
  for (const int zero_point : {2, 5, 7}) check_zero_point(c, 0, zero_point);
  for (const int scale : {1, 4, 6}) check_scale(c, scale);
  std::optional<Dims> dims = c.broadcast({&c.tensor(0), &c.tensor(3)});
  c.set(0, TensorType{type, std::move(dims)});
}

/// f(a, b) of operands less their zero points, in units of the result's scale.
template <class F>
void eval_pointwise(Evaluation& c, F f) {
  const Tensor &a = c.input(0), &b = c.input(3);
  const std::array shapes{a.shape(), b.shape()};
  const std::optional<Sizes> shape = broadcast_shape(shapes);
  c.check(shape.has_value(), "shapes ", shape_text(a.shape()), " and ", shape_text(b.shape()),
          " do not broadcast");
  const double a_zero = one_number(c, 2), b_zero = one_number(c, 5), zero = one_number(c, 7);
  const IntegerRange range = integer_range(a.dtype());
  map_elements<double, 2>(
      c.output(0, a.dtype(), *shape), {&a, &b}, broadcast_walk(*shape, shapes),
      [&](double x, double y) { return quantized(f(x - a_zero, y - b_zero), zero, range); });
}

void check_pooled(Inference& c) {
  short_integers(c, 0);
  check_zero_point(c, 0, 2), check_zero_point(c, 0, 4);
  check_scale(c, 1), check_scale(c, 3);
}

}  // namespace

void QLinearAdd::infer(Inference& c) const { infer_pointwise(c); }

void QLinearAdd::eval(Evaluation& c) const {
  const double scale = one_number(c, 6);
  const double a_ratio = rounded_to(DType::f32, one_number(c, 1) / scale);
  const double b_ratio = rounded_to(DType::f32, one_number(c, 4) / scale);
  eval_pointwise(c, [=](double a, double b) { return a * a_ratio + b * b_ratio; });
}

void QLinearMul::infer(Inference& c) const { infer_pointwise(c); }

void QLinearMul::eval(Evaluation& c) const {
  const double product = rounded_to(DType::f32, one_number(c, 1) * one_number(c, 4));
  const double ratio = rounded_to(DType::f32, product / one_number(c, 6));
  eval_pointwise(c, [=](double a, double b) { return rounded_to(DType::f32, a * b * ratio); });
}

void QLinearAveragePool::infer(Inference& c) const {
  check_pooled(c);
  c.set(0, TensorType{c.dtype(0), pool_dims(c, window, ceil_mode, 0)});
}

void QLinearAveragePool::eval(Evaluation& c) const {
  const Tensor& x = c.input(0);
  const PoolShape shape = pool_shape(c, window, ceil_mode, x);
  const double x_scale = one_number(c, 1), x_zero = one_number(c, 2);
  const double y_scale = one_number(c, 3), y_zero = one_number(c, 4);
  std::vector<double> values = elements<double>(x);
  for (double& value : values) value = rounded_to(DType::f32, (value - x_zero) * x_scale);
  values = average_pool(shape, values, count_include_pad);
  const IntegerRange range = integer_range(x.dtype());
  for (double& value : values) {
    const double ratio = rounded_to(DType::f32, rounded_to(DType::f32, value) / y_scale);
    // Unlike the other ops, the zero point is added in f32 before rounding, as the source does.
    value = quantized(rounded_to(DType::f32, ratio + y_zero), 0, range);
  }
  store(c.output(0, x.dtype(), shape.result), values);
}

void QLinearGlobalAveragePool::infer(Inference& c) const {
  check_pooled(c);
  const TensorType& x = c.tensor(0);
  if (!x.has_rank()) return c.set(0, Type::unranked(x.dtype));
  c.check(x.rank() >= 3, "operand 0 is ", x, ", wanted batch, channels and spatial axes");
  Dims dims(x.shape().size(), Dim(1));
  std::copy_n(x.shape().begin(), 2, dims.begin());
  c.set(0, x.dtype, std::move(dims));
}

void QLinearGlobalAveragePool::eval(Evaluation& c) const {
  const Tensor& x = c.input(0);
  c.check(x.rank() >= 3, "operand 0 has shape ", shape_text(x.shape()),
          ", wanted batch, channels and spatial axes");
  Sizes shape(x.shape().size(), 1);
  std::copy_n(x.shape().begin(), 2, shape.begin());
  const int64_t size = element_count(std::span(x.shape()).subspan(2));
  const double x_zero = one_number(c, 2), y_zero = one_number(c, 4);
  const double total = rounded_to(DType::f32, one_number(c, 3) * static_cast<double>(size));
  const double scale = rounded_to(DType::f32, one_number(c, 1) / total);
  const IntegerRange range = integer_range(x.dtype());
  Tensor& y = c.output(0, x.dtype(), shape);
  for (int64_t plane = 0; plane < y.count(); ++plane) {
    double sum = 0;
    for (int64_t i = plane * size; i < (plane + 1) * size; ++i) sum += x.number(i) - x_zero;
    const double mean = rounded_to(DType::f32, rounded_to(DType::f32, sum) * scale);
    y.set_number(plane, quantized(mean, y_zero, range));
  }
}

void register_qlinear(OpRegistry& registry) {
  registry.add<QLinearAdd>(), registry.add<QLinearMul>();
  registry.add<QLinearAveragePool>(), registry.add<QLinearGlobalAveragePool>();
}

}  // namespace hone
