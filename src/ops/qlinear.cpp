#include "ops/qlinear.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "base/size.hpp"
#include "ir/op_class.hpp"
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

/// f(a, b, zero) of operands less their zero points, in units of the result's scale and from its
/// zero point on: ONNX Runtime adds that before rounding, so that ties fall to even results.
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
      [&](double x, double y) { return quantized(f(x - a_zero, y - b_zero, zero), 0, range); });
}

void check_pooled(Inference& c) {
  short_integers(c, 0);
  check_zero_point(c, 0, 2), check_zero_point(c, 0, 4);
  check_scale(c, 1), check_scale(c, 3);
}

}  // namespace

std::vector<double> quantized_exponentials(double scale, int64_t size) {
  constexpr double kReserve = 5;  // the source's: exp(5) below the overflow
  const double most = double{std::numeric_limits<float>::max()} / static_cast<double>(size);
  const double shift = std::max(0.0, std::log(most) - kReserve) / scale;
  std::vector<double> table(256);
  for (size_t i = 0; i < table.size(); ++i)
    table[i] = rounded_to(DType::f32, std::exp((shift - static_cast<double>(i)) * scale));
  return table;
}

void QLinearAdd::infer(Inference& c) const { infer_pointwise(c); }

void QLinearAdd::eval(Evaluation& c) const {
  const double scale = one_number(c, 6);
  const double a_ratio = rounded_to(DType::f32, one_number(c, 1) / scale);
  const double b_ratio = rounded_to(DType::f32, one_number(c, 4) / scale);
  eval_pointwise(c,
                 [=](double a, double b, double zero) { return a * a_ratio + b * b_ratio + zero; });
}

void QLinearMul::infer(Inference& c) const { infer_pointwise(c); }

void QLinearMul::eval(Evaluation& c) const {
  const double product = rounded_to(DType::f32, one_number(c, 1) * one_number(c, 4));
  const double ratio = rounded_to(DType::f32, product / one_number(c, 6));
  eval_pointwise(c, [=](double a, double b, double zero) {
    return rounded_to(DType::f32, rounded_to(DType::f32, a * b * ratio) + zero);
  });
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
  double whole = 1;  // counted with the padding, a window is whole even over the end
  for (const WindowAxis& axis : shape.axes) whole *= static_cast<double>(axis.kernel);
  const IntegerRange range = integer_range(x.dtype());
  Tensor& y = c.output(0, x.dtype(), shape.result);
  each_output(shape, [&](int64_t plane, int64_t to, const int64_t* at) {
    double sum = 0, count = 0;
    each_input(shape.axes, at, 0, [&](int64_t i) {
      sum = rounded_to(DType::f32, sum + values[static_cast<size_t>(plane * shape.inputs() + i)]);
      count += 1;
    });
    const double mean = count == 0 ? 0 : sum / (count_include_pad ? whole : count);
    const double ratio = rounded_to(DType::f32, rounded_to(DType::f32, mean) / y_scale);
    // Unlike the other ops, the zero point is added in f32 before rounding, as the source does.
    const double value = quantized(rounded_to(DType::f32, ratio + y_zero), 0, range);
    y.set_number(plane * shape.outputs() + to, value);
  });
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

void QLinearSoftmax::infer(Inference& c) const {
  check_pooled(c);
  c.check(bits(c.dtype(0)) <= 8, "operand 0 is ", c.dtype(0), ", wanted at most 8 bits");
  const TensorType& x = c.tensor(0);
  if (x.has_rank()) (void)c.axis(axis, x.rank());
  c.set(0, c.type(0));
}

void QLinearSoftmax::eval(Evaluation& c) const {
  const Tensor& x = c.input(0);
  const auto along = static_cast<size_t>(c.axis(axis, x.rank()));
  const std::span<const int64_t> dims = x.shape();
  const int64_t size = flatten ? element_count(dims.subspan(along)) : dims[along];
  const int64_t inner = flatten ? 1 : element_count(dims.subspan(along + 1));
  const double zero = one_number(c, 4);
  // As the source does: quotients are in whole units of 1 / scale.
  const double units = std::floor(rounded_to(DType::f32, 1 / one_number(c, 3)));
  const IntegerRange range = integer_range(x.dtype());
  Tensor& y = c.output(0, x.dtype(), x.shape());
  if (x.count() == 0) return;
  const std::vector<double> table = quantized_exponentials(one_number(c, 1), size);
  for (int64_t row = 0; row < x.count() / size; ++row) {
    const int64_t start = row / inner * inner * size + row % inner;
    double largest = range.least, sum = 0;
    for (int64_t i = 0; i < size; ++i) largest = std::max(largest, x.number(start + i * inner));
    const auto of = [&](int64_t at) { return table[static_cast<size_t>(largest - x.number(at))]; };
    for (int64_t i = 0; i < size; ++i) sum = rounded_to(DType::f32, sum + of(start + i * inner));
    for (int64_t at = start; at < start + size * inner; at += inner) {
      const double scaled = rounded_to(DType::f32, of(at) * units);
      y.set_number(at, quantized(rounded_to(DType::f32, scaled / sum), zero, range));
    }
  }
}

void register_qlinear(OpRegistry& registry) {
  registry.add<QLinearAdd>(), registry.add<QLinearMul>();
  registry.add<QLinearAveragePool>(), registry.add<QLinearGlobalAveragePool>();
  registry.add<QLinearSoftmax>();
}

}  // namespace hone
