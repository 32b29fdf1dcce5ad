#include "ops/softmax.hpp"

#include <algorithm>
#include <cmath>

#include "ir/op_class.hpp"
#include "ops/common/lanes.hpp"
#include "ops/common/operands.hpp"

namespace hone {
namespace {

void infer_same(Inference& c, int64_t axis) {
  float_operand(c, 0);
  const TensorType& input = c.tensor(0);
  if (input.has_rank()) c.axis(axis, std::max(input.rank(), 1));
  c.set(0, input);
}

// Rewrites every lane by f(values of the lane).
template <class F>
void eval_lanes(Evaluation& c, int64_t axis, bool flatten, const F& f) {
  const Tensor& x = c.input(0);
  const int rank = x.rank();
  const auto first = static_cast<size_t>(c.axis(axis, std::max(rank, 1)));
  const Lanes lanes(x.shape(), first, flatten ? static_cast<size_t>(rank) : first + 1);
  std::vector<double> values = elements<double>(x);
  Tensor& out = c.output(0, x.dtype(), x.shape());
  if (values.empty()) return;
  std::vector<double> lane(static_cast<size_t>(lanes.size));
  lanes.each([&](int64_t, int64_t at) {
    for (size_t i = 0; i < lane.size(); ++i)
      lane[i] = values[static_cast<size_t>(at) + i * static_cast<size_t>(lanes.step)];
    f(lane);
    for (size_t i = 0; i < lane.size(); ++i)
      values[static_cast<size_t>(at) + i * static_cast<size_t>(lanes.step)] = lane[i];
  });
  store(out, values);
}

void infer_arg(Inference& c, int64_t axis, bool keepdims) {
  number_operand(c, 0);
  const TensorType& input = c.tensor(0);
  if (!input.has_rank()) return c.set(0, Type::unranked(DType::i64));
  const int place = c.axis(axis, std::max(input.rank(), 1));
  Dims dims = input.shape();
  if (!dims.empty()) {
    c.check(!dims[static_cast<size_t>(place)].is(0), "nothing to choose from along axis ", place,
            " of ", input);
    if (keepdims) dims[static_cast<size_t>(place)] = 1;
    else dims.erase(dims.begin() + place);
  }
  c.set(0, DType::i64, std::move(dims));
}

// Whether a is to be chosen over b: NaN over everything else, as NumPy has it.
template <class T, class Better>
bool chosen_over(T a, T b, const Better& better) {
  if constexpr (std::is_floating_point_v<T>)
    if (std::isnan(a) || std::isnan(b)) return !std::isnan(b);
  return better(a, b);
}

template <class T>
bool equally_good(T a, T b) {
  return a == b || (a != a && b != b);
}

// better(a, b): a is to be chosen over b, neither being NaN.
template <class T, class Better>
void eval_arg(Evaluation& c, int64_t axis, bool keepdims, bool last, const Better& better) {
  const Tensor& x = c.input(0);
  const auto place = static_cast<size_t>(c.axis(axis, std::max(x.rank(), 1)));
  const Lanes lanes(x.shape(), place, place + 1);
  std::vector<int64_t> shape = x.shape();
  if (!shape.empty()) {
    if (keepdims) shape[place] = 1;
    else shape.erase(shape.begin() + static_cast<std::ptrdiff_t>(place));
  }
  const std::vector<T> in = elements<T>(x);
  Tensor& out = c.output(0, DType::i64, shape);
  c.check(x.rank() == 0 || lanes.size > 0, "nothing to choose from along axis ", place, " of ",
          shape_text(x.shape()));
  lanes.each([&](int64_t number, int64_t at) {
    int64_t chosen = 0;
    const T* values = in.data() + at;
    for (int64_t i = 1; i < lanes.size; ++i) {
      const T value = values[i * lanes.step], best = values[chosen * lanes.step];
      if (chosen_over(value, best, better) || (last && equally_good(value, best))) chosen = i;
    }
    out.set_integer(number, chosen);
  });
}

template <class Better>
void eval_arg(Evaluation& c, int64_t axis, bool keepdims, bool last, const Better& better) {
  const DType dtype = c.input(0).dtype();
  if (is_float(dtype)) eval_arg<double>(c, axis, keepdims, last, better);
  else if (is_signed(dtype)) eval_arg<int64_t>(c, axis, keepdims, last, better);
  else eval_arg<uint64_t>(c, axis, keepdims, last, better);
}

// Replaces every element by join of those before it along the axis (and itself), from `start` on.
template <class T, class Op, class Join>
void eval_running(Evaluation& c, const Op& op, T start, const Join& join) {
  const Tensor& x = c.input(0);
  const std::vector<int64_t> axes = c.parameter(op.axis, 1);
  c.check(axes.size() == 1, "axis has ", axes.size(), " elements, wanted 1");
  const auto place = static_cast<size_t>(c.axis(axes[0], std::max(x.rank(), 1)));
  const Lanes lanes(x.shape(), place, place + 1);
  std::vector<T> values = elements<T>(x);
  Tensor& out = c.output(0, x.dtype(), x.shape());
  if (values.empty()) return;
  lanes.each([&](int64_t, int64_t at) {
    T running = start;
    for (int64_t i = 0; i < lanes.size; ++i) {
      const int64_t step = op.reverse ? lanes.size - 1 - i : i;
      T& value = values[static_cast<size_t>(at + step * lanes.step)];
      const T before = running;
      running = join(running, value);
      value = op.exclusive ? before : running;
    }
  });
  store(out, values);
}

void infer_running(Inference& c, const std::optional<Dims>& axis) {
  number_operand(c, 0);
  c.check(c.given(axis, 1), "axis is missing");
  const TensorType& input = c.tensor(0);
  const Dims* axes = c.parameter(axis, 1);
  if (axes != nullptr) c.check(axes->size() == 1, "axis has ", axes->size(), " elements, wanted 1");
  if (axes != nullptr && input.has_rank() && axes->front().constant())
    c.axis(*axes->front().constant(), std::max(input.rank(), 1));
  c.set(0, input);
}

}  // namespace

void Softmax::infer(Inference& c) const { infer_same(c, axis); }

void Softmax::eval(Evaluation& c) const {
  eval_lanes(c, axis, flatten, [&](std::vector<double>& lane) {
    const double greatest = *std::max_element(lane.begin(), lane.end());
    double sum = 0;
    for (double& value : lane) sum += value = std::exp(value - greatest);
    for (double& value : lane) {
      value /= sum;
      if (zero_nan && std::isnan(value)) value = 0;
    }
  });
}

void LogSoftmax::infer(Inference& c) const { infer_same(c, axis); }

void LogSoftmax::eval(Evaluation& c) const {
  eval_lanes(c, axis, flatten, [](std::vector<double>& lane) {
    const double greatest = *std::max_element(lane.begin(), lane.end());
    double sum = 0;
    for (const double value : lane) sum += std::exp(value - greatest);
    const double log_sum = std::log(sum);
    for (double& value : lane) value = value - greatest - log_sum;
  });
}

void Hardmax::infer(Inference& c) const { infer_same(c, axis); }

void Hardmax::eval(Evaluation& c) const {
  eval_lanes(c, axis, flatten, [](std::vector<double>& lane) {
    const auto first_is_less = [](double a, double b) {
      return chosen_over(b, a, [](double p, double q) { return p > q; });
    };
    const auto greatest = std::max_element(lane.begin(), lane.end(), first_is_less) - lane.begin();
    std::fill(lane.begin(), lane.end(), 0.0);
    lane[static_cast<size_t>(greatest)] = 1;
  });
}

void ArgMax::infer(Inference& c) const { infer_arg(c, axis, keepdims); }

void ArgMax::eval(Evaluation& c) const {
  eval_arg(c, axis, keepdims, select_last_index, [](auto a, auto b) { return a > b; });
}

void ArgMin::infer(Inference& c) const { infer_arg(c, axis, keepdims); }

void ArgMin::eval(Evaluation& c) const {
  eval_arg(c, axis, keepdims, select_last_index, [](auto a, auto b) { return a < b; });
}

void CumSum::infer(Inference& c) const { infer_running(c, axis); }

void CumSum::eval(Evaluation& c) const {
  const auto join = [](auto a, auto b) { return a + b; };
  if (is_float(c.input(0).dtype())) eval_running(c, *this, 0.0, join);
  else eval_running(c, *this, uint64_t{0}, join);
}

void CumProd::infer(Inference& c) const { infer_running(c, axis); }

void CumProd::eval(Evaluation& c) const {
  const auto join = [](auto a, auto b) { return a * b; };
  if (is_float(c.input(0).dtype())) eval_running(c, *this, 1.0, join);
  else eval_running(c, *this, uint64_t{1}, join);
}

void register_softmax(OpRegistry& registry) {
  registry.add<Softmax>();
  registry.add<LogSoftmax>();
  registry.add<Hardmax>();
  registry.add<ArgMax>();
  registry.add<ArgMin>();
  registry.add<CumSum>();
  registry.add<CumProd>();
}

}  // namespace hone
