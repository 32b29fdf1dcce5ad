#include "ops/quantize.hpp"

#include <algorithm>

#include "ir/op_class.hpp"
#include "ops/common/quantization.hpp"
#include "ops/common/rows.hpp"

namespace hone {
namespace {

bool is_narrow_float(DType type) { return is_float(type) && bits(type) <= 8; }

/// f(i) for each element, with its scale and zero point: out = f(x, scale, zero point).
template <class F>
void map_scaled(const Evaluation& c, const ScaleLayout& layout, F f, Tensor& out) {
  const Tensor &x = c.input(0), &scales = c.input(1);
  const Tensor* zeros = c.has(2) ? &c.input(2) : nullptr;
  if (zeros != nullptr)
    c.check(zeros->count() == scales.count(), "zero points ", shape_text(zeros->shape()),
            " and scales ", shape_text(scales.shape()), " differ in shape");
  if (x.count() == 0) return;
  std::array<double, kRow> values, scale, zero{}, results;
  layout.rows([&](int64_t at, int64_t count, int64_t scale_at, int64_t step) {
    for (int64_t done = 0; done < count; done += kRow) {
      const int64_t now = std::min(kRow, count - done);
      load_row(x, at + done, 1, now, values.data());
      load_row(scales, scale_at + done * step, step, now, scale.data());
      if (zeros != nullptr) load_row(*zeros, scale_at + done * step, step, now, zero.data());
      for (size_t i = 0; i < static_cast<size_t>(now); ++i)
        results[i] = f(values[i], scale[i], zero[i]);
      store_row(out, at + done, now, results.data());
    }
  });
}

}  // namespace

void QuantizeLinear::infer(Inference& c) const {
  const DType x = c.dtype(0), scale = c.dtype(1);
  c.check(is_float(x) || is_integer(x), "operand 0 is ", x, ", wanted numbers");
  c.check(is_float(scale) || is_integer(scale), "scales are ", scale, ", wanted numbers");
  c.check(is_integer(output_dtype) ? bits(output_dtype) <= 32 : is_narrow_float(output_dtype),
          "output_dtype is ", output_dtype, ", wanted integers of at most 32 bits, f8, f6 or f4");
  c.check(is_float(precision) && bits(precision) >= 16, "precision is ", precision,
          ", wanted f64, f32, f16 or bf16");
  c.check(!c.has(2) || c.dtype(2) == output_dtype, "zero points are not ", output_dtype);
  check_scales(c, 1, 2, axis, block_size);
  c.set(0, TensorType{output_dtype, c.tensor(0).dims});
}

void QuantizeLinear::eval(Evaluation& c) const {
  const ScaleLayout layout(c, 1, axis, block_size);
  if (is_integer(output_dtype)) {
    const IntegerRange range = integer_range(output_dtype);
    map_scaled(
        c, layout,
        [&](double x, double scale, double zero) {
          return quantized(rounded_to(precision, x / scale), zero, range);
        },
        c.output(0, output_dtype, c.input(0).shape()));
    return;
  }
  Tensor wide(precision, c.input(0).shape());
  map_scaled(
      c, layout, [](double x, double scale, double zero) { return x / scale + zero; }, wide);
  Tensor& out = c.output(0, output_dtype, wide.shape());
  convert(precision, wide.bytes().data(), wide.count(), output_dtype, out.mutable_bytes().data(),
          saturate);
}

void DequantizeLinear::infer(Inference& c) const {
  const DType x = c.dtype(0), scale = c.dtype(1);
  c.check(is_integer(x) || is_narrow_float(x), "operand 0 is ", x,
          ", wanted integers, f8, f6 or f4");
  c.check(is_float(scale), "scales are ", scale, ", wanted floating point numbers");
  c.check(is_float(output_dtype), "output_dtype is ", output_dtype, ", wanted a float type");
  c.check(!c.has(2) || c.dtype(2) == x, "zero points are not ", x, " as operand 0 is");
  check_scales(c, 1, 2, axis, block_size);
  c.set(0, TensorType{output_dtype, c.tensor(0).dims});
}

void DequantizeLinear::eval(Evaluation& c) const {
  map_scaled(
      c, ScaleLayout(c, 1, axis, block_size),
      [](double x, double scale, double zero) { return (x - zero) * scale; },
      c.output(0, output_dtype, c.input(0).shape()));
}

void DynamicQuantizeLinear::infer(Inference& c) const {
  c.check(c.dtype(0) == DType::f32, "operand 0 is ", c.dtype(0), ", wanted f32");
  c.set(0, TensorType{DType::u8, c.tensor(0).dims});
  c.set(1, DType::f32, {});
  c.set(2, DType::u8, {});
}

void DynamicQuantizeLinear::eval(Evaluation& c) const {
  const Tensor& x = c.input(0);
  double least = 0, most = 0;
  for (int64_t i = 0; i < x.count(); ++i) {
    least = std::min(least, x.number(i));
    most = std::max(most, x.number(i));
  }
  const IntegerRange range = integer_range(DType::u8);
  const double span = rounded_to(DType::f32, most - least);
  const double scale = span == 0 ? 1 : rounded_to(DType::f32, span / range.most);
  const double zero = quantized(rounded_to(DType::f32, 0 - least / scale), 0, range);
  map_elements<double>(c.output(0, DType::u8, x.shape()), x, [&](double value) {
    return quantized(rounded_to(DType::f32, value / scale), zero, range);
  });
  c.output(1, DType::f32, {}).set_number(0, scale);
  c.output(2, DType::u8, {}).set_number(0, zero);
}

void register_quantize(OpRegistry& registry) {
  registry.add<QuantizeLinear>(), registry.add<DequantizeLinear>();
  registry.add<DynamicQuantizeLinear>();
}

}  // namespace hone
