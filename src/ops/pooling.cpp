#include "ops/pooling.hpp"

#include <cmath>
#include <limits>

#include "base/size.hpp"
#include "ir/op_class.hpp"
#include "ops/common/operands.hpp"
#include "ops/common/pool.hpp"

namespace hone {
namespace {

// The offset of row-major offset `offset` of a plane if the plane were column-major.
int64_t column_major(const std::vector<WindowAxis>& axes, int64_t offset) {
  int64_t result = 0;
  std::vector<int64_t> at(axes.size());
  for (size_t i = axes.size(); i-- > 0;) {
    at[i] = offset % axes[i].input;
    offset /= axes[i].input;
  }
  for (size_t i = axes.size(); i-- > 0;) result = result * axes[i].input + at[i];
  return result;
}

// The greatest value and its offset in the plane (-1: the window is all padding). NaN is greatest.
template <class T>
struct Greatest {
  T value;
  int64_t offset = -1;
  void see(T candidate, int64_t at) {
    const bool nan = candidate != candidate && value == value;
    if (offset >= 0 && !(candidate > value) && !nan) return;
    value = candidate;
    offset = at;
  }
};

template <class T>
void max_pool(Evaluation& c, const PoolShape& shape, T least, int64_t storage_order) {
  const Tensor& x = c.input(0);
  const std::vector<T> in = elements<T>(x);
  std::vector<T> values;
  std::vector<int64_t> offsets;
  const bool wants_offsets = c.wants(1);
  // Padding may make many results of no elements: they fit, or that is told before the work.
  values.reserve(static_cast<size_t>(element_count(shape.result)));
  const int64_t inputs = shape.inputs();
  each_output(shape, [&](int64_t plane, int64_t, const int64_t* at) {
    const T* from = in.data() + plane * inputs;
    Greatest<T> greatest{least};
    each_input(shape.axes, at, 0, [&](int64_t i) { greatest.see(from[i], i); });
    values.push_back(greatest.value);
    if (!wants_offsets) return;
    if (greatest.offset < 0) return offsets.push_back(-1);
    const int64_t offset =
        storage_order == 1 ? column_major(shape.axes, greatest.offset) : greatest.offset;
    offsets.push_back(plane * inputs + offset);
  });
  store(c.output(0, x.dtype(), shape.result), values);
  if (wants_offsets) store(c.output(1, DType::i64, shape.result), offsets);
}

// The type of a global pooling: spatial axes of size 1.
void infer_global(Inference& c) {
  const DType dtype = float_operand(c, 0);
  const TensorType& input = c.tensor(0);
  if (!input.has_rank()) return c.set(0, Type::unranked(dtype));
  c.check(input.rank() >= 2, "input ", input, ": wanted batch and channels at least");
  Dims dims(static_cast<size_t>(input.rank()), Dim(1));
  dims[0] = input.shape()[0];
  dims[1] = input.shape()[1];
  c.set(0, dtype, std::move(dims));
}

// f(first element, number of elements) of each plane.
template <class F>
void eval_global(Evaluation& c, const F& f) {
  const Tensor& x = c.input(0);
  c.check(x.rank() >= 2, "input ", shape_text(x.shape()), ": wanted batch and channels at least");
  const int64_t plane = element_count(spatial(x.shape()));
  std::vector<int64_t> shape(static_cast<size_t>(x.rank()), 1);
  shape[0] = x.dim(0);
  shape[1] = x.dim(1);
  const std::vector<double> in = elements<double>(x);
  Tensor& out = c.output(0, x.dtype(), shape);
  for (int64_t i = 0; i < out.count(); ++i) out.set_number(i, f(in.data() + i * plane, plane));
}

double norm_root(double sum, int64_t p) {
  if (p == 1) return sum;
  return p == 2 ? std::sqrt(sum) : std::pow(sum, 1.0 / static_cast<double>(p));
}
double norm_power(double value, int64_t p) {
  if (p == 1) return std::abs(value);
  return p == 2 ? value * value : std::pow(std::abs(value), static_cast<double>(p));
}

}  // namespace

void MaxPool::infer(Inference& c) const {
  const DType dtype = number_operand(c, 0);
  c.check(storage_order == 0 || storage_order == 1, "storage_order=", storage_order,
          ": wanted 0 or 1");
  std::optional<Dims> dims = pool_dims(c, window, ceil_mode, 0);
  c.set(1, TensorType{DType::i64, dims});
  c.set(0, TensorType{dtype, std::move(dims)});
}

void MaxPool::eval(Evaluation& c) const {
  const PoolShape shape = pool_shape(c, window, ceil_mode, c.input(0));
  const DType dtype = c.input(0).dtype();
  if (is_float(dtype))
    return max_pool<double>(c, shape, -std::numeric_limits<double>::infinity(), storage_order);
  const int64_t least =
      is_signed(dtype) ? std::numeric_limits<int64_t>::min() >> (64 - bits(dtype)) : 0;
  max_pool<int64_t>(c, shape, least, storage_order);
}

void AveragePool::infer(Inference& c) const {
  const DType dtype = float_operand(c, 0);
  c.set(0, TensorType{dtype, pool_dims(c, window, ceil_mode, 0)});
}

void AveragePool::eval(Evaluation& c) const {
  const Tensor& x = c.input(0);
  const PoolShape shape = pool_shape(c, window, ceil_mode, x);
  store(c.output(0, x.dtype(), shape.result),
        average_pool(shape, elements<double>(x), count_include_pad));
}

void LpPool::infer(Inference& c) const {
  const DType dtype = float_operand(c, 0);
  c.check(p >= 1, "p=", p, ": wanted at least 1");
  c.set(0, TensorType{dtype, pool_dims(c, window, ceil_mode, 0)});
}

void LpPool::eval(Evaluation& c) const {
  const Tensor& x = c.input(0);
  const PoolShape shape = pool_shape(c, window, ceil_mode, x);
  const std::vector<double> in = elements<double>(x);
  std::vector<double> result;
  result.reserve(static_cast<size_t>(element_count(shape.result)));
  const int64_t inputs = shape.inputs();
  each_output(shape, [&](int64_t plane, int64_t, const int64_t* at) {
    const double* from = in.data() + plane * inputs;
    double sum = 0;
    each_input(shape.axes, at, 0, [&](int64_t i) { sum += norm_power(from[i], p); });
    result.push_back(norm_root(sum, p));
  });
  store(c.output(0, x.dtype(), shape.result), result);
}

void GlobalMaxPool::infer(Inference& c) const { infer_global(c); }

void GlobalMaxPool::eval(Evaluation& c) const {
  eval_global(c, [](const double* in, int64_t count) {
    Greatest<double> greatest{-std::numeric_limits<double>::infinity()};
    for (int64_t i = 0; i < count; ++i) greatest.see(in[i], i);
    return greatest.value;
  });
}

void GlobalAveragePool::infer(Inference& c) const { infer_global(c); }

void GlobalAveragePool::eval(Evaluation& c) const {
  eval_global(c, [](const double* in, int64_t count) {
    double sum = 0;
    for (int64_t i = 0; i < count; ++i) sum += in[i];
    return sum / static_cast<double>(count);  // NaN of nothing, as ReduceMean
  });
}

void GlobalLpPool::infer(Inference& c) const {
  c.check(p >= 1, "p=", p, ": wanted at least 1");
  infer_global(c);
}

void GlobalLpPool::eval(Evaluation& c) const {
  eval_global(c, [this](const double* in, int64_t count) {
    double sum = 0;
    for (int64_t i = 0; i < count; ++i) sum += norm_power(in[i], p);
    return norm_root(sum, p);
  });
}

void register_pooling(OpRegistry& registry) {
  registry.add<MaxPool>();
  registry.add<AveragePool>();
  registry.add<LpPool>();
  registry.add<GlobalMaxPool>();
  registry.add<GlobalAveragePool>();
  registry.add<GlobalLpPool>();
}

}  // namespace hone
