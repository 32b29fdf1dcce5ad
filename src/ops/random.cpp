#include "ops/random.hpp"

#include <algorithm>
#include <cmath>

#include "ir/op_class.hpp"
#include "ops/common/operands.hpp"
#include "ops/common/random.hpp"

namespace hone {
namespace {

bool is_wide_float(DType dtype) { return is_float(dtype) && bits(dtype) >= 16; }

void infer_shape(Inference& c, DType dtype, const std::vector<int64_t>& shape) {
  c.check(is_wide_float(dtype), "no random numbers of ", dtype, ", wanted f64, f32, f16 or bf16");
  Dims dims;
  for (const int64_t size : shape) {
    c.check(size >= 0, "the shape has ", size);
    dims.emplace_back(size);
  }
  c.set(0, dtype, std::move(dims));
}

void infer_like(Inference& c, DType dtype) {
  c.check(is_wide_float(dtype), "no random numbers of ", dtype, ", wanted f64, f32, f16 or bf16");
  c.set(0, TensorType{dtype, c.tensor(0).dims});
}

template <class Draw>
void fill(Tensor& y, const Draw& draw) {
  for (int64_t i = 0; i < y.count(); ++i) y.set_number(i, draw());
}

void give(Tensor& y, const NormalNumbers& wanted) {
  RandomNumbers numbers(wanted.seed);
  fill(y, [&] { return double{wanted.mean} + double{wanted.scale} * numbers.normal(); });
}

void give(Tensor& y, const UniformNumbers& wanted) {
  RandomNumbers numbers(wanted.seed);
  const double width = double{wanted.high} - double{wanted.low};
  fill(y, [&] { return double{wanted.low} + width * numbers.uniform(); });
}

}  // namespace

void RandomNormal::infer(Inference& c) const { infer_shape(c, numbers.dtype, shape); }

void RandomNormal::eval(Evaluation& c) const { give(c.output(0, numbers.dtype, shape), numbers); }

void RandomNormalLike::infer(Inference& c) const { infer_like(c, numbers.dtype); }

void RandomNormalLike::eval(Evaluation& c) const {
  give(c.output(0, numbers.dtype, c.input(0).shape()), numbers);
}

void RandomUniform::infer(Inference& c) const { infer_shape(c, numbers.dtype, shape); }

void RandomUniform::eval(Evaluation& c) const { give(c.output(0, numbers.dtype, shape), numbers); }

void RandomUniformLike::infer(Inference& c) const { infer_like(c, numbers.dtype); }

void RandomUniformLike::eval(Evaluation& c) const {
  give(c.output(0, numbers.dtype, c.input(0).shape()), numbers);
}

void Bernoulli::infer(Inference& c) const {
  float_operand(c, 0);
  c.check(is_float(dtype) || is_integer(dtype) || dtype == DType::boolean, "no 0 and 1 of ", dtype);
  c.set(0, TensorType{dtype, c.tensor(0).dims});
}

void Bernoulli::eval(Evaluation& c) const {
  const Tensor& x = c.input(0);
  RandomNumbers numbers(seed);
  Tensor& y = c.output(0, dtype, x.shape());
  for (int64_t i = 0; i < x.count(); ++i) y.set_number(i, numbers.uniform() < x.number(i) ? 1 : 0);
}

void Multinomial::infer(Inference& c) const {
  float_operand(c, 0);
  rank_is(c, 0, 2);
  c.check(dtype == DType::i32 || dtype == DType::i64, "class numbers are i32 or i64, not ", dtype);
  c.check(sample_size >= 0, "sample_size is ", sample_size);
  const TensorType& x = c.tensor(0);
  if (x.has_rank() && sample_size > 0)
    c.check(!x.shape()[1].is(0), "there are no classes to draw from in ", x);
  c.set(0, dtype, {x.has_rank() ? x.shape()[0] : c.fresh(0, 0), sample_size});
}

void Multinomial::eval(Evaluation& c) const {
  const Tensor& x = c.input(0);
  c.check(x.rank() == 2, "the operand has rank ", x.rank(), ", wanted 2");
  const int64_t rows = x.dim(0), classes = x.dim(1);
  Tensor& y = c.output(0, dtype, {rows, sample_size});
  if (y.count() == 0) return;
  c.check(classes > 0, "there are no classes to draw from in ", shape_text(x.shape()));
  RandomNumbers numbers(seed);
  std::vector<double> below(static_cast<size_t>(classes));  // summed weights up to each class
  for (int64_t row = 0; row < rows; ++row) {
    double greatest = x.number(row * classes), sum = 0;
    for (int64_t k = 1; k < classes; ++k)
      greatest = std::max(greatest, x.number(row * classes + k));
    for (int64_t k = 0; k < classes; ++k)
      below[static_cast<size_t>(k)] = sum += portable_exp(x.number(row * classes + k) - greatest);
    c.check(std::isfinite(sum), "row ", row, " holds no logarithms of probabilities");
    for (int64_t i = 0; i < sample_size; ++i) {
      const double drawn = numbers.uniform() * sum;
      const auto found = std::upper_bound(below.begin(), below.end() - 1, drawn);
      y.set_integer(row * sample_size + i, found - below.begin());
    }
  }
}

void Dropout::infer(Inference& c) const {
  float_operand(c, 0);
  for (int i = 1; i < c.inputs(); ++i) {
    if (!c.has(i)) continue;
    const TensorType& type = c.tensor(i);
    c.check(i == 1 ? is_float(type.dtype) : type.dtype == DType::boolean, "operand ", i, " is ",
            type, ", wanted ", i == 1 ? "a float" : "a bool");
    for (const Dim& size : type.has_rank() ? type.shape() : Dims{}) c.require_equal(size, 1);
  }
  c.set(0, c.type(0));
  c.set(1, TensorType{DType::boolean, c.tensor(0).dims});
}

void Dropout::eval(Evaluation& c) const {
  const Tensor& x = c.input(0);
  for (int i = 1; i < c.inputs(); ++i)
    c.check(!c.has(i) || c.input(i).count() == 1, "operand ", i, " is no scalar");
  const bool training = c.has(2) && c.input(2).integer(0) != 0;
  const double ratio = !training ? 0 : c.has(1) ? c.input(1).number(0) : 0.5;
  c.check(ratio >= 0 && ratio < 1, "the ratio is ", ratio, ", wanted 0 to less than 1");
  RandomNumbers numbers(seed);
  Tensor& y = c.output(0, x.dtype(), x.shape());
  std::vector<bool> kept(static_cast<size_t>(x.count()), true);
  for (int64_t i = 0; i < x.count(); ++i) {
    if (ratio > 0) kept[static_cast<size_t>(i)] = numbers.uniform() >= ratio;
    y.set_number(i, kept[static_cast<size_t>(i)] ? x.number(i) / (1 - ratio) : 0);
  }
  if (!c.wants(1)) return;
  Tensor& mask = c.output(1, DType::boolean, x.shape());
  for (int64_t i = 0; i < x.count(); ++i) mask.set_integer(i, kept[static_cast<size_t>(i)]);
}

void register_random(OpRegistry& registry) {
  registry.add<RandomNormal>(), registry.add<RandomNormalLike>();
  registry.add<RandomUniform>(), registry.add<RandomUniformLike>();
  registry.add<Bernoulli>(), registry.add<Multinomial>(), registry.add<Dropout>();
}

}  // namespace hone
