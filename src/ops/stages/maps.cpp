#include "ops/stages/maps.hpp"

#include <algorithm>

#include "ops/common/quantization.hpp"

namespace hone {

Dims loops(int rank) {
  Dims all;
  for (int i = 0; i < rank; ++i) all.push_back(loop(i));
  return all;
}

Contraction convolution_of(Expression& e, const Window& window, int64_t group, int x, int w) {
  const Dims &input = e.shape(x), &weight = e.shape(w);
  Contraction map;
  map.axes.push_back(e.axis(weight[1]));
  const Dim& channel = map.axes[0].variable;
  map.a = {loop(0), channel};
  map.b = {loop(1), channel};
  if (group != 1)
    map.a[1] = floor_div(loop(1), divisor(floor_div(weight[0], group))) * weight[1] + channel;
  for (size_t i = 2; i < input.size(); ++i) {
    const size_t axis = i - 2;
    map.axes.push_back(e.axis(weight[i]));
    const Dim& tap = map.axes.back().variable;
    const Dim begin = window_axis(window, axis, input[i], weight[i]).pad_begin;
    map.a.push_back(loop(static_cast<int>(i)) * window.stride(axis) - begin +
                    tap * window.dilation(axis));
    map.b.push_back(tap);
  }
  return map;
}

Contraction product_of(Expression& e, int a, int b) {
  const int left = e.rank(a), right = e.rank(b);
  const int rank = static_cast<int>(e.result_shape().size());
  const int batches = rank - (left > 1 ? 1 : 0) - (right > 1 ? 1 : 0);
  const Axis k = e.axis(e.shape(a).back());
  // Batch axes of an operand, broadcast to the result's.
  const auto batch = [&](int operand, int own) {
    Dims indices;
    for (int i = 0; i < own; ++i)
      indices.push_back(e.shape(operand)[static_cast<size_t>(i)].is(1) ? Dim(0)
                                                                       : loop(batches - own + i));
    return indices;
  };
  Contraction map{{k}, batch(a, std::max(left - 2, 0)), batch(b, std::max(right - 2, 0))};
  if (left > 1) map.a.push_back(loop(batches));
  map.a.push_back(k.variable);
  map.b.push_back(k.variable);
  if (right > 1) map.b.push_back(loop(rank - 1));
  return map;
}

std::optional<Expr> parameter_at(const Expression& e, int input, const Dims& place,
                                 ParameterAxis axis) {
  if (!e.has(input)) return Expr::integer(0);
  const Dims& own = e.shape(input);
  if (own.size() == 1 && !own[0].is(1)) {
    if (axis == ParameterAxis::first) return e.at(input, Dims{place.front()});
    const size_t from_last = axis == ParameterAxis::rows ? 2 : 1;
    if (place.size() < from_last) return std::nullopt;
    return e.at(input, Dims{place[place.size() - from_last]});
  }
  if (own.size() > place.size() && own.size() > 1) return std::nullopt;
  Dims indices;
  for (size_t i = 0; i < own.size(); ++i)
    indices.push_back(own[i].is(1) ? Dim(0) : place[place.size() - own.size() + i]);
  return e.at(input, indices);
}

Expr only_element(const Expression& e, int input, double otherwise) {
  if (!e.has(input)) return {otherwise, DType::f32};
  return e.at(input, Dims(e.shape(input).size(), Dim(0)));
}

Expr number_or_zero(const Expr& value) {
  return select(call(Function::equal, value, value), value, like(value, 0));
}

Expr quantized(const Expr& value, const Expr& zero, DType dtype) {
  const IntegerRange range = integer_range(dtype);
  const Expr shifted = call(Function::round, value) + Expr::cast(value.dtype(), zero);
  const Expr least = like(shifted, range.least);
  const Expr fits = call(Function::less_equal, least, shifted);  // not so for NaN
  return Expr::cast(dtype, select(fits, min(shifted, like(shifted, range.most)), least));
}

Expr linear_weight(const Expr& distance) {
  return max(like(distance, 0), like(distance, 1) - call(Function::absolute, distance));
}

Expr cubic_weight(const Expr& distance, double a) {
  const Expr x = call(Function::absolute, distance);
  const auto number = [&](double value) { return like(x, value); };
  const Expr near = (number(a + 2) * x - number(a + 3)) * x * x + number(1);
  const Expr far = ((number(a) * x - number(5 * a)) * x + number(8 * a)) * x - number(4 * a);
  const Expr tail = select(call(Function::less, x, number(2)), far, number(0));
  return select(call(Function::less_equal, x, number(1)), near, tail);
}

}  // namespace hone
