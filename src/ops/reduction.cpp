#include "ops/reduction.hpp"

#include <cmath>
#include <limits>

#include "base/size.hpp"
#include "ir/op_class.hpp"
#include "ops/common/operands.hpp"

namespace hone {
namespace {

// Which axes go; nullopt: not known, or not constant.
std::optional<std::vector<bool>> reduced_axes(const Inference& c, const std::optional<Dims>& field,
                                              bool none_when_empty, int rank) {
  if (!c.given(field, 1)) return std::vector<bool>(static_cast<size_t>(rank), !none_when_empty);
  const Dims* axes = c.parameter(field, 1);
  if (axes == nullptr) return std::nullopt;
  const bool all = axes->empty() && !none_when_empty;
  std::vector<bool> reduced(static_cast<size_t>(rank), all);
  for (const Dim& axis : *axes) {
    const auto number = axis.constant();
    if (!number) return std::nullopt;
    const auto place = static_cast<size_t>(c.axis(*number, rank));
    c.check(all || !reduced[place], "axis ", *number, " is given twice");
    reduced[place] = true;
  }
  return reduced;
}

void infer_reduce(Inference& c, const std::optional<Dims>& field, bool keepdims,
                  bool none_when_empty) {
  const TensorType& input = c.tensor(0);
  if (c.has(1)) {
    c.check(c.dtype(1) == DType::i64, "axes are ", c.dtype(1), ", wanted i64");
    rank_is(c, 1, 1);
  }
  if (!input.has_rank()) return c.set(0, Type::unranked(input.dtype));
  const auto reduced = reduced_axes(c, field, none_when_empty, input.rank());
  if (!reduced && keepdims) return c.set(0, input.dtype, c.fresh_dims(0, input.rank()));
  if (!reduced) return c.set(0, Type::unranked(input.dtype));
  Dims result;
  for (size_t i = 0; i < reduced->size(); ++i) {
    if (!(*reduced)[i]) result.push_back(input.shape()[i]);
    else if (keepdims) result.push_back(1);
  }
  c.set(0, input.dtype, std::move(result));
}

// Where each element of the input goes.
struct Folding {
  std::vector<int64_t> input, stride;  // stride in the result, 0 for reduced axes
  std::vector<int64_t> result;
  int64_t reduced = 1;  // elements that make one result
};

Folding folding(const Evaluation& c, const std::optional<Dims>& field, bool keepdims,
                bool none_when_empty) {
  Folding f;
  f.input = c.input(0).shape();
  const int rank = c.input(0).rank();
  c.check(!c.has(1) || c.input(1).rank() == 1, "the axes are no vector");
  const std::vector<int64_t> axes = c.parameter(field, 1);
  std::vector<bool> gone(f.input.size(), axes.empty() && !none_when_empty);
  for (const int64_t axis : axes) {
    const auto place = static_cast<size_t>(c.axis(axis, rank));
    c.check(!gone[place], "axis ", axis, " is given twice");
    gone[place] = true;
  }
  f.stride.assign(f.input.size(), 0);
  int64_t stride = 1;
  for (size_t i = f.input.size(); i-- > 0;) {
    if (!gone[i]) {
      f.stride[i] = stride;
      stride = checked_mul(stride, f.input[i]);
      f.result.insert(f.result.begin(), f.input[i]);
    } else {
      f.reduced = checked_mul(f.reduced, f.input[i]);
      if (keepdims) f.result.insert(f.result.begin(), 1);
    }
  }
  return f;
}

// Calls f(element, result) for every element's place and its result's.
template <class F>
void each_element(const Folding& folding, int64_t count, const F& f) {
  std::vector<int64_t> at(folding.input.size(), 0);
  int64_t result = 0;
  for (int64_t i = 0; i < count; ++i) {
    f(static_cast<size_t>(i), static_cast<size_t>(result));
    for (size_t axis = at.size(); axis-- > 0;) {
      result += folding.stride[axis];
      if (++at[axis] < folding.input[axis]) break;
      result -= folding.stride[axis] * folding.input[axis];
      at[axis] = 0;
    }
  }
}

template <class T>
T identity(Fold fold, DType dtype) {
  if (fold == Fold::prod) return T{1};
  if (fold != Fold::max && fold != Fold::min && fold != Fold::log_sum_exp) return T{};
  const bool least = fold != Fold::min;
  if constexpr (std::is_floating_point_v<T>) {
    return least ? -std::numeric_limits<T>::infinity() : std::numeric_limits<T>::infinity();
  } else {
    if (dtype == DType::boolean) return least ? T{0} : T{1};
    using Limits = std::numeric_limits<T>;
    return static_cast<T>((least ? Limits::min() : Limits::max()) >> (64 - bits(dtype)));
  }
}

// Integers wrap: their arithmetic is unsigned.
template <class T>
using Arithmetic = std::conditional_t<std::is_floating_point_v<T>, T, uint64_t>;

template <class T>
T step(Fold fold, T sum, T value) {
  using A = Arithmetic<T>;
  const A a = static_cast<A>(sum), b = static_cast<A>(value);
  switch (fold) {
    case Fold::prod: return static_cast<T>(a * b);
    case Fold::max:
    case Fold::log_sum_exp: return value > sum || value != value ? value : sum;
    case Fold::min: return value < sum || value != value ? value : sum;
    case Fold::l1: return static_cast<T>(value < T{} ? a - b : a + b);
    case Fold::l2:
    case Fold::sum_square: return static_cast<T>(a + b * b);
    default: return static_cast<T>(a + b);
  }
}

template <class T>
T finish(Fold fold, T sum, int64_t count) {
  if constexpr (std::is_floating_point_v<T>) {
    if (fold == Fold::mean) return sum / static_cast<T>(count);
    if (fold == Fold::l2) return std::sqrt(sum);
    if (fold == Fold::log_sum) return std::log(sum);
  } else if (fold == Fold::mean) {
    return count == 0 ? T{} : static_cast<T>(sum / static_cast<T>(count));
  }
  return sum;
}

template <class T>
void eval_fold(Evaluation& c, Fold fold, const Folding& f) {
  const Tensor& x = c.input(0);
  const std::vector<T> in = elements<T>(x);
  Tensor& out = c.output(0, x.dtype(), f.result);
  std::vector<T> sums(static_cast<size_t>(out.count()), identity<T>(fold, x.dtype()));
  each_element(f, x.count(),
               [&](size_t from, size_t to) { sums[to] = step(fold, sums[to], in[from]); });
  if constexpr (std::is_floating_point_v<T>)
    if (fold == Fold::log_sum_exp) {
      std::vector<T> rest(sums.size(), T{});  // of exponentials less the greatest's
      for (T& greatest : sums)
        if (greatest == -std::numeric_limits<T>::infinity()) greatest = 0;
      each_element(f, x.count(),
                   [&](size_t from, size_t to) { rest[to] += std::exp(in[from] - sums[to]); });
      for (size_t i = 0; i < sums.size(); ++i)
        if (!std::isinf(sums[i])) sums[i] += std::log(rest[i]);
    }
  for (T& sum : sums) sum = finish(fold, sum, f.reduced);
  store(out, sums);
}

bool needs_floats(Fold fold) {
  return fold == Fold::l2 || fold == Fold::log_sum || fold == Fold::log_sum_exp;
}

}  // namespace

template <Fold F>
void Reduce<F>::infer(Inference& c) const {
  if (!((F == Fold::max || F == Fold::min) && c.dtype(0) == DType::boolean)) number_operand(c, 0);
  infer_reduce(c, axes, keepdims, noop_with_empty_axes);
}

template <Fold F>
void Reduce<F>::dims(Inference& c) const
    requires(F == Fold::sum || F == Fold::max || F == Fold::min || F == Fold::prod) {
  const Dims* contents = c.known(0);
  const TensorType& input = c.tensor(0);
  if (contents == nullptr || !input.has_rank() || input.rank() != 1) return;
  const auto reduced = reduced_axes(c, axes, noop_with_empty_axes, 1);
  if (!reduced) return;
  if (!(*reduced)[0]) return c.set_known(0, *contents);
  if (contents->empty()) return;
  Dim result = contents->front();
  for (size_t i = 1; i < contents->size(); ++i) {
    const Dim& next = (*contents)[i];
    if constexpr (F == Fold::sum) result = result + next;
    else if constexpr (F == Fold::prod) result = result * next;
    else if constexpr (F == Fold::max) result = max(result, next);
    else result = min(result, next);
  }
  c.set_known(0, {result});
}

template <Fold F>
void Reduce<F>::eval(Evaluation& c) const {
  const Folding f = folding(c, axes, keepdims, noop_with_empty_axes);
  const DType dtype = c.input(0).dtype();
  if (is_float(dtype) || needs_floats(F)) eval_fold<double>(c, F, f);
  else if (is_signed(dtype)) eval_fold<int64_t>(c, F, f);
  else eval_fold<uint64_t>(c, F, f);
}

void register_reduction(OpRegistry& registry) {
  registry.add<ReduceSum>();
  registry.add<ReduceMean>();
  registry.add<ReduceMax>();
  registry.add<ReduceMin>();
  registry.add<ReduceProd>();
  registry.add<ReduceL1>();
  registry.add<ReduceL2>();
  registry.add<ReduceLogSum>();
  registry.add<ReduceLogSumExp>();
  registry.add<ReduceSumSquare>();
}

template struct Reduce<Fold::sum>;
template struct Reduce<Fold::mean>;
template struct Reduce<Fold::max>;
template struct Reduce<Fold::min>;
template struct Reduce<Fold::prod>;
template struct Reduce<Fold::l1>;
template struct Reduce<Fold::l2>;
template struct Reduce<Fold::log_sum>;
template struct Reduce<Fold::log_sum_exp>;
template struct Reduce<Fold::sum_square>;

}  // namespace hone
