#include "ops/quantized.hpp"

#include <array>

#include "ir/op_class.hpp"
#include "ops/common/convolve.hpp"
#include "ops/common/multiply.hpp"
#include "ops/common/operands.hpp"
#include "ops/common/quantization.hpp"

namespace hone {
namespace {

/// a * b / y in the scales' own type.
double product_scale(DType type, double a, double b, double y) {
  return rounded_to(type, rounded_to(type, a * b) / y);
}

double rescaled(int64_t sum, double scale) {
  return rounded_to(DType::f32, rounded_to(DType::f32, static_cast<double>(sum)) * scale);
}

/// Row-major [columns, rows] from [rows, columns].
std::vector<int64_t> transposed(const std::vector<int64_t>& matrix, size_t rows, size_t columns) {
  std::vector<int64_t> result(matrix.size());
  for (size_t i = 0; i < rows; ++i)
    for (size_t j = 0; j < columns; ++j) result[j * rows + i] = matrix[i * columns + j];
  return result;
}

Dim side(const Inference& c, int operand, bool transposed_operand, size_t axis) {
  return c.tensor(operand).shape()[transposed_operand ? 1 - axis : axis];
}

/// The element of a per-filter parameter.
double of_filter(const Tensor& parameter, int64_t filter) {
  return parameter.number(parameter.count() == 1 ? 0 : filter);
}

}  // namespace

void MatMulInteger::infer(Inference& c) const {
  short_integers(c, 0), short_integers(c, 1);
  check_zero_point(c, 0, 2), check_zero_point(c, 1, 3);
  c.set(0, TensorType{DType::i32, product_dims(c, 0, 1)});
}

void MatMulInteger::eval(Evaluation& c) const {
  const ProductShape shape = product_shape(c, c.input(0), c.input(1));
  store(c.output(0, DType::i32, shape.result),
        multiply(shape, shifted(c, 0, 2, Along::rows), shifted(c, 1, 3, Along::columns)));
}

void QLinearMatMul::infer(Inference& c) const {
  short_integers(c, 0), short_integers(c, 3), short_integers(c, 7);
  check_zero_point(c, 0, 2), check_zero_point(c, 3, 5);
  check_scale(c, 1), check_scale(c, 4), check_scale(c, 6);
  c.set(0, TensorType{c.dtype(7), product_dims(c, 0, 3)});
}

void QLinearMatMul::eval(Evaluation& c) const {
  const ProductShape shape = product_shape(c, c.input(0), c.input(3));
  const std::vector<int64_t> sums =
      multiply(shape, shifted(c, 0, 2, Along::rows), shifted(c, 3, 5, Along::columns));
  const Tensor &a = c.input(1), &b = c.input(4), &y = c.input(6), &zero = c.input(7);
  const int rank = static_cast<int>(shape.result.size());
  const std::array shapes{
      shape.result, parameter_shape(a, Along::rows, rank), parameter_shape(b, Along::columns, rank),
      parameter_shape(y, Along::rows, rank), parameter_shape(zero, Along::rows, rank)};
  c.check(broadcast_shape(shapes) == shape.result, "scales ", shape_text(a.shape()), ", ",
          shape_text(b.shape()), ", ", shape_text(y.shape()), " do not broadcast to ",
          shape_text(shape.result));
  Tensor& out = c.output(0, zero.dtype(), shape.result);
  const IntegerRange range = integer_range(out.dtype());
  broadcast_walk(shape.result, shapes).elements([&](int64_t at, const int64_t* from) {
    const double scale =
        product_scale(a.dtype(), a.number(from[1]), b.number(from[2]), y.number(from[3]));
    const double value = rescaled(sums[static_cast<size_t>(at)], scale);
    out.set_number(at, quantized(value, zero.number(from[4]), range));
  });
}

void QGemm::infer(Inference& c) const {
  const DType type = short_integers(c, 0);
  short_integers(c, 3);
  check_zero_point(c, 0, 2), check_zero_point(c, 3, 5);
  check_scale(c, 1), check_scale(c, 4);
  c.check(!c.has(6) || c.dtype(6) == DType::i32, "C is not i32");
  DType result = DType::f32;
  if (c.has(7)) {
    check_scale(c, 7);
    result = c.has(8) ? short_integers(c, 8) : type;
  }
  rank_is(c, 0, 2), rank_is(c, 3, 2);
  if (!c.tensor(0).has_rank() || !c.tensor(3).has_rank()) return c.set(0, Type::unranked(result));
  c.require_equal(side(c, 0, transA, 1), side(c, 3, transB, 0));
  c.set(0, result, {side(c, 0, transA, 0), side(c, 3, transB, 1)});
}

void QGemm::eval(Evaluation& c) const {
  const Tensor &a = c.input(0), &b = c.input(3);
  c.check(a.rank() == 2 && b.rank() == 2, "operands ", shape_text(a.shape()), " and ",
          shape_text(b.shape()), ", wanted matrices");
  ProductShape shape{
      a.dim(transA ? 1 : 0), a.dim(transA ? 0 : 1), b.dim(transB ? 0 : 1), {0}, {0}, {}};
  shape.result = {shape.m, shape.n};
  c.check(b.dim(transB ? 1 : 0) == shape.k, "operands ", shape_text(a.shape()), " and ",
          shape_text(b.shape()), ": inner sizes differ");
  std::vector<int64_t> left = shifted(c, 0, 2, transA ? Along::columns : Along::rows);
  std::vector<int64_t> right = shifted(c, 3, 5, transB ? Along::first_axis : Along::columns);
  const auto k = static_cast<size_t>(shape.k);
  if (transA) left = transposed(left, k, static_cast<size_t>(shape.m));
  if (transB) right = transposed(right, static_cast<size_t>(shape.n), k);
  const std::vector<int64_t> sums = multiply(shape, left, right);

  const Tensor none = Tensor::scalar(DType::i32, 0);
  const Tensor &scale = c.input(4), &bias = c.has(6) ? c.input(6) : none;
  const std::array shapes{shape.result, parameter_shape(scale, Along::columns, 2), bias.shape()};
  c.check(broadcast_shape(shapes) == shape.result, "scales ", shape_text(scale.shape()), " and C ",
          shape_text(bias.shape()), " do not broadcast to ", shape_text(shape.result));
  const bool quantize = c.has(7);
  const double a_scale = one_number(c, 1), y_scale = one_number(c, 7, 1), zero = one_number(c, 8);
  const DType type = !quantize ? DType::f32 : c.has(8) ? c.input(8).dtype() : a.dtype();
  const IntegerRange range = integer_range(quantize ? type : DType::u8);
  Tensor& out = c.output(0, type, shape.result);
  broadcast_walk(shape.result, shapes).elements([&](int64_t at, const int64_t* from) {
    const double scaled = rounded_to(DType::f32, double{alpha} * a_scale);
    const double factor = product_scale(DType::f32, scaled, scale.number(from[1]), y_scale);
    const double value = rescaled(sums[static_cast<size_t>(at)] + bias.integer(from[2]), factor);
    out.set_number(at, quantize ? quantized(value, zero, range) : value);
  });
}

void ConvInteger::infer(Inference& c) const {
  short_integers(c, 0), short_integers(c, 1);
  if (c.has(2) && c.tensor(2).has_rank())  // of a whole tensor
    for (const Dim& dim : c.tensor(2).shape()) c.require_equal(dim, 1);
  check_zero_point(c, 0, 2), check_zero_point(c, 1, 3);
  c.set(0, TensorType{DType::i32, convolution_dims(c, window, group, 0, 1)});
}

void ConvInteger::eval(Evaluation& c) const {
  c.check(!c.has(2) || c.input(2).count() == 1, "the input's zero point is no scalar");
  const ConvolutionShape shape = convolution_shape(c, window, group, c.input(0), c.input(1));
  std::vector<int64_t> sums;
  convolve(shape, shifted(c, 0, 2, Along::first_axis), shifted(c, 1, 3, Along::first_axis), sums);
  store(c.output(0, DType::i32, shape.result()), sums);
}

void QLinearConv::infer(Inference& c) const {
  short_integers(c, 0), short_integers(c, 3), short_integers(c, 7);
  check_zero_point(c, 0, 2), check_zero_point(c, 3, 5);
  check_scale(c, 1), check_scale(c, 4), check_scale(c, 6);
  c.check(!c.has(8) || c.dtype(8) == DType::i32, "the bias is not i32");
  std::optional<Dims> dims = convolution_dims(c, window, group, 0, 3);
  if (dims) vector_of(c, 8, (*dims)[1]);
  c.set(0, TensorType{c.dtype(7), std::move(dims)});
}

void QLinearConv::eval(Evaluation& c) const {
  const ConvolutionShape shape = convolution_shape(c, window, group, c.input(0), c.input(3));
  std::vector<int64_t> sums;
  convolve(shape, shifted(c, 0, 2, Along::first_axis), shifted(c, 3, 5, Along::first_axis), sums);
  const double x_scale = one_number(c, 1), y_scale = one_number(c, 6), zero = one_number(c, 7);
  const Tensor& w_scale = c.input(4);
  for (const int i : {4, 8})
    c.check(!c.has(i) || c.input(i).count() == shape.filters || (i == 4 && w_scale.count() == 1),
            "operand ", i, " has ", c.has(i) ? c.input(i).count() : 0, " elements for ",
            shape.filters, " filters");
  Tensor& out = c.output(0, c.input(7).dtype(), shape.result());
  const IntegerRange range = integer_range(out.dtype());
  const int64_t plane = shape.outputs();
  for (int64_t at = 0; at < out.count(); at += plane) {
    const int64_t filter = at / plane % shape.filters;
    const double scale = product_scale(DType::f32, x_scale, of_filter(w_scale, filter), y_scale);
    const int64_t bias = c.has(8) ? c.input(8).integer(filter) : 0;
    for (int64_t i = at; i < at + plane; ++i)
      out.set_number(i,
                     quantized(rescaled(sums[static_cast<size_t>(i)] + bias, scale), zero, range));
  }
}

void register_quantized(OpRegistry& registry) {
  registry.add<MatMulInteger>(), registry.add<QLinearMatMul>(), registry.add<QGemm>();
  registry.add<ConvInteger>(), registry.add<QLinearConv>();
}

}  // namespace hone
