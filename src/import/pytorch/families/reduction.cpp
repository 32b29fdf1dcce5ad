// Folding a tensor along axes; running sums; order.

#include "ops/reduction.hpp"

#include "import/pytorch/promote.hpp"
#include "ops/arithmetic.hpp"
#include "ops/compare.hpp"
#include "ops/layout.hpp"
#include "ops/logic.hpp"
#include "ops/math.hpp"
#include "ops/select.hpp"
#include "ops/shape.hpp"
#include "ops/slice.hpp"
#include "ops/softmax.hpp"

namespace hone::pytorch {
namespace {

/// The axes along which the call folds: none given, or an empty list: all.
std::vector<int64_t> folded_axes(Call& call, const Value* x) {
  std::vector<int64_t> axes;
  const int64_t rank = Call::rank(x);
  if (call.takes("dim") && call.has("dim"))
    for (const int64_t axis : call.integers("dim", call.argument("dim").list() ? 0 : 1))
      axes.push_back(call.axis(axis, rank));
  if (axes.empty())
    for (int64_t i = 0; i < rank; ++i) axes.push_back(i);
  return axes;
}

bool keeps(Call& call) { return call.takes("keepdim") && call.flag("keepdim"); }

/// One fold; of a tensor without axes its element.
template <class T>
Value* folded(Call& call, Value* x, const std::vector<int64_t>& axes, bool keeps) {
  if (Call::rank(x) == 0) return call.reshaped(x, {}, "folded");
  return call.intermediate(T{.axes = Dims(axes.begin(), axes.end()), .keepdims = keeps}, {x},
                           "folded");
}

template <class T>
void emit_folded(Call& call, Value* x) {
  const auto axes = folded_axes(call, x);
  if (Call::rank(x) == 0) return call.give(x);
  call.emit(T{.axes = Dims(axes.begin(), axes.end()), .keepdims = keeps(call)}, {x});
}

/// Whole numbers add up in i64.
Value* summands(Call& call) {
  Value* x = call.tensor("self");
  const auto asked = call.dtype("dtype");
  const DType dtype = asked ? *asked : is_float(Call::dtype(x)) ? Call::dtype(x) : DType::i64;
  return call.cast(x, dtype, "summands");
}

template <class T>
void import_sum(Call& call) {
  emit_folded<T>(call, summands(call));
}

void import_mean(Call& call) {
  Value* x = call.tensor("self");
  emit_folded<ReduceMean>(call, call.cast(x, call.dtype("dtype").value_or(Call::dtype(x)), "as"));
}

template <class T>
void import_extreme(Call& call) {
  emit_folded<T>(call, call.tensor("self"));
}

template <class T>
void import_truth(Call& call) {
  emit_folded<T>(call, call.cast(call.tensor("self"), DType::boolean, "truth"));
}

/// The largest (smallest) along one axis, and where it lies.
template <class Fold, class Place>
void import_extreme_and_place(Call& call) {
  Value* x = call.tensor("self");
  if (Call::rank(x) == 0) {
    call.give(x);
    return call.give(call.number(DType::i64, 0, "place"));
  }
  const int64_t axis = call.axis("dim", x);
  const bool keepdim = call.flag("keepdim");
  call.give(call.intermediate(Fold{.axes = Dims{Dim(axis)}, .keepdims = keepdim}, {x}, "value"));
  call.give(call.intermediate(Place{.axis = axis, .keepdims = keepdim}, {x}, "place"));
}

void import_amin_max(Call& call) {
  Value* x = call.tensor("self");
  const auto axes = folded_axes(call, x);
  call.give(folded<ReduceMin>(call, x, axes, keeps(call)));
  call.give(folded<ReduceMax>(call, x, axes, keeps(call)));
}

template <class T>
void import_place(Call& call) {
  Value* x = call.tensor("self");
  if (Call::dtype(x) == DType::boolean) x = call.cast(x, DType::i32);
  if (!call.has("dim") || Call::rank(x) == 0) {
    const Dims one(static_cast<size_t>(call.flag("keepdim") ? Call::rank(x) : 0), Dim(1));
    x = call.reshaped(x, {-1}, "flat");
    Value* place = call.intermediate(T{.axis = 0, .keepdims = false}, {x}, "place");
    return call.give(call.reshaped(place, one, "place"));
  }
  call.emit(T{.axis = call.axis("dim", x), .keepdims = call.flag("keepdim")}, {x});
}

/// What the sum of squares is divided by is n - correction.
double correction(Call& call) {
  if (call.takes("correction")) return call.optional_real("correction").value_or(1);
  return call.flag("unbiased") ? 1 : 0;
}

struct Spread {
  Value *variance, *mean;
};
Spread spread(Call& call) {
  Value* x = as_floats(call, "self");
  const auto axes = folded_axes(call, x);
  const bool keepdim = keeps(call);
  const DType dtype = Call::dtype(x);
  Value* mean = folded<ReduceMean>(call, x, axes, true);
  Value* apart = call.intermediate(Sub{}, {x, mean}, "apart");
  Value* squares = call.intermediate(Mul{}, {apart, apart}, "squares");
  const double less = correction(call);
  Value* variance = nullptr;
  if (less == 0) {
    variance = folded<ReduceMean>(call, squares, axes, keepdim);
  } else {
    Dim count = 1;
    for (const int64_t axis : axes) count = count * Call::shape(x)[static_cast<size_t>(axis)];
    Value* total = folded<ReduceSum>(call, squares, axes, keepdim);
    Value* divisor = nullptr;
    if (const auto known = count.constant())
      divisor = call.number(dtype, std::max(0.0, static_cast<double>(*known) - less), "count");
    else
      divisor = call.intermediate(
          Sub{}, {call.cast(call.late(count), dtype), call.number(dtype, less, "correction")},
          "count");
    variance = call.intermediate(Div{}, {total, divisor}, "variance");
  }
  if (!keepdim && Call::rank(x) > 0)
    mean = call.intermediate(Squeeze{.axes = Dims(axes.begin(), axes.end())}, {mean}, "mean");
  return {variance, mean};
}

void import_variance(Call& call) { call.give(spread(call).variance); }
void import_deviation(Call& call) { call.emit(Sqrt{}, {spread(call).variance}); }
void import_variance_and_mean(Call& call) {
  const Spread found = spread(call);
  call.give(found.variance);
  call.give(found.mean);
}
void import_deviation_and_mean(Call& call) {
  const Spread found = spread(call);
  call.give(call.intermediate(Sqrt{}, {found.variance}, "deviation"));
  call.give(found.mean);
}

/// (sum of |x|^p)^(1/p).
void emit_norm(Call& call, double p) {
  Value* x = as_floats(call, "self");
  if (call.takes("dtype")) x = call.cast(x, call.dtype("dtype").value_or(Call::dtype(x)), "as");
  if (p == 2) return emit_folded<ReduceL2>(call, x);
  if (p == 1) return emit_folded<ReduceL1>(call, x);
  Value* size = call.intermediate(Abs{}, {x}, "size");
  if (std::isinf(p) && p > 0) return emit_folded<ReduceMax>(call, size);
  if (std::isinf(p)) return emit_folded<ReduceMin>(call, size);
  const DType dtype = Call::dtype(x);
  if (p == 0) {
    Value* zero = call.intermediate(Equal{}, {x, call.number(dtype, 0, "zero")}, "is_zero");
    return emit_folded<ReduceSum>(
        call, call.cast(call.intermediate(Not{}, {zero}, "counts"), dtype, "counts"));
  }
  Value* power = call.intermediate(Pow{}, {size, call.number(dtype, p, "p")}, "power");
  Value* sum = folded<ReduceSum>(call, power, folded_axes(call, x), keeps(call));
  call.emit(Pow{}, {sum, call.number(dtype, 1 / p, "root")});
}

void import_norm(Call& call) { emit_norm(call, call.optional_real("p").value_or(2)); }
void import_vector_norm(Call& call) { emit_norm(call, call.real("ord")); }
void import_linalg_norm(Call& call) {
  if (call.has("ord") && (!call.has("dim") || call.items("dim").size() != 1))
    call.unsupported("norms of matrices");
  emit_norm(call, call.optional_real("ord").value_or(2));
}

void import_log_sum_exp(Call& call) { emit_folded<ReduceLogSumExp>(call, as_floats(call, "self")); }

void import_count_nonzero(Call& call) {
  Value* truth = call.cast(call.tensor("self"), DType::boolean, "counts");
  emit_folded<ReduceSum>(call, call.cast(truth, DType::i64, "counts"));
}

template <class T>
void import_running(Call& call) {
  Value* x = summands(call);
  if (Call::rank(x) == 0) return call.give(x);
  call.emit(T{.axis = Dims{Dim(call.axis("dim", x))}}, {x});
}

template <class T>
void import_softmax(Call& call) {
  Value* x = as_floats(call, "self");
  if (call.takes("dtype")) x = call.cast(x, call.dtype("dtype").value_or(Call::dtype(x)), "as");
  else if (call.flag("half_to_float")) x = call.cast(x, DType::f32, "as");
  if (Call::rank(x) == 0) x = call.reshaped(x, {1}, "row");
  call.emit(T{.axis = call.axis("dim", x)}, {x});
}

void give_sorted(Call& call, Value* x, Dim count, int64_t axis, bool largest, bool sorted) {
  const TopK op{.k = Dims{Dim(count)}, .axis = axis, .largest = largest, .sorted = sorted};
  for (Value* value : call.intermediates(op, {x}, 2, "top")) call.give(value);
}

void import_top_k(Call& call) {
  Value* x = call.tensor("self");
  give_sorted(call, x, call.dim("k"), call.axis("dim", x), call.flag("largest"),
              call.flag("sorted"));
}

/// Booleans sort as numbers.
Value* sortable(Call& call) {
  Value* x = call.tensor("self");
  if (Call::rank(x) == 0) x = call.reshaped(x, {1}, "row");
  return Call::dtype(x) == DType::boolean ? call.cast(x, DType::i32, "numbers") : x;
}

void import_sort(Call& call) {
  Value* x = sortable(call);
  const int64_t axis = call.axis("dim", x);
  give_sorted(call, x, Call::shape(x)[static_cast<size_t>(axis)], axis, call.flag("descending"),
              true);
}

void import_arg_sort(Call& call) {
  Value* x = sortable(call);
  const int64_t axis = call.axis("dim", x);
  const TopK op{.k = Dims{Dim(Call::shape(x)[static_cast<size_t>(axis)])},
                .axis = axis,
                .largest = call.flag("descending")};
  call.give(call.intermediates(op, {x}, 2, "top")[1]);
}

/// The k-th smallest along an axis: the last of as many.
void give_kth(Call& call, Value* x, const Dim& k, int64_t axis, bool keepdim) {
  const TopK op{.k = Dims{Dim(k)}, .axis = axis, .largest = false};
  for (Value* value : call.intermediates(op, {x}, 2, "smallest")) {
    Value* last = call.intermediate(Slice{.starts = Dims{Dim(-1)},
                                          .ends = Dims{Dim(std::numeric_limits<int64_t>::max())},
                                          .axes = Dims{Dim(axis)}},
                                    {value}, "last");
    call.give(keepdim ? last : call.intermediate(Squeeze{.axes = Dims{Dim(axis)}}, {last}, "kth"));
  }
}

void import_kth_value(Call& call) {
  Value* x = call.tensor("self");
  give_kth(call, x, call.dim("k"), call.axis("dim", x), call.flag("keepdim"));
}

/// The lower one of the two in the middle.
void import_median(Call& call) {
  Value* x = call.tensor("self");
  const int64_t axis = call.axis("dim", x);
  const Dim count = Call::shape(x)[static_cast<size_t>(axis)];
  give_kth(call, x, floor_div(count + 1, 2), axis, call.flag("keepdim"));
}

void import_diff(Call& call) {
  Value* x = call.tensor("self");
  const int64_t axis = call.axis("dim", x);
  std::vector<Value*> parts{call.optional_tensor("prepend"), x, call.optional_tensor("append")};
  std::erase(parts, nullptr);
  if (parts.size() > 1) x = call.intermediate(Concat{.axis = axis}, parts, "whole");
  const auto part = [&](Dim start, Dim end) {
    return call.intermediate(
        Slice{.starts = Dims{Dim(start)}, .ends = Dims{Dim(end)}, .axes = Dims{Dim(axis)}}, {x},
        "part");
  };
  for (int64_t n = call.integer("n"); n > 0; --n) {
    Value* next = part(1, std::numeric_limits<int64_t>::max());
    Value* before = part(0, -1);
    if (Call::dtype(x) == DType::boolean) x = call.intermediate(Xor{}, {next, before}, "change");
    else x = call.intermediate(Sub{}, {next, before}, "change");
  }
  call.give(x);
}

void register_spread(Importers& importers) {
  importers.add({"std(T self, b unbiased=True)",
                 "std.dim(T self, i[1]? dim, b unbiased=True, b keepdim=False)",
                 "std.correction(T self, i[1]? dim=None, s? correction=None, b keepdim=False)"},
                import_deviation);
  importers.add({"var(T self, b unbiased=True)",
                 "var.dim(T self, i[1]? dim, b unbiased=True, b keepdim=False)",
                 "var.correction(T self, i[1]? dim=None, s? correction=None, b keepdim=False)"},
                import_variance);
  importers.add(
      {"var_mean(T self, b unbiased=True)",
       "var_mean.dim(T self, i[1]? dim, b unbiased=True, b keepdim=False)",
       "var_mean.correction(T self, i[1]? dim=None, s? correction=None, b keepdim=False)"},
      import_variance_and_mean);
  importers.add(
      {"std_mean(T self, b unbiased=True)",
       "std_mean.dim(T self, i[1]? dim, b unbiased=True, b keepdim=False)",
       "std_mean.correction(T self, i[1]? dim=None, s? correction=None, b keepdim=False)"},
      import_deviation_and_mean);
  importers.add(
      {"norm.Scalar(T self, s p=2)", "norm.ScalarOpt_dim(T self, s? p, i[1] dim, b keepdim=False)",
       "norm.ScalarOpt_dim_dtype(T self, s? p, i[1] dim, b keepdim, i dtype)",
       "norm.ScalarOpt_dtype(T self, s? p, i dtype)"},
      import_norm);
  importers.add(
      "linalg_vector_norm(T self, s ord=2, i[1]? dim=None, b keepdim=False, i? dtype=None)",
      import_vector_norm);
  importers.add("linalg_norm(T self, s? ord=None, i[1]? dim=None, b keepdim=False, i? dtype=None)",
                import_linalg_norm);
}

void register_order(Importers& importers) {
  importers.add("topk(T self, i k, i dim=-1, b largest=True, b sorted=True)", import_top_k);
  importers.add({"sort(T self, i dim=-1, b descending=False)",
                 "sort.stable(T self, b? stable, i dim=-1, b descending=False)"},
                import_sort);
  importers.add({"argsort(T self, i dim=-1, b descending=False)",
                 "argsort.stable(T self, b stable, i dim=-1, b descending=False)"},
                import_arg_sort);
  importers.add("kthvalue(T self, i k, i dim=-1, b keepdim=False)", import_kth_value);
  importers.add("median.dim(T self, i dim, b keepdim=False)", import_median);
}

}  // namespace

void register_reduction(Importers& importers) {
  importers.add({"sum(T self, i? dtype=None)",
                 "sum.dim_IntList(T self, i[1]? dim, b keepdim=False, i? dtype=None)"},
                import_sum<ReduceSum>);
  importers.add({"prod(T self, i? dtype=None)",
                 "prod.dim_int(T self, i dim, b keepdim=False, i? dtype=None)"},
                import_sum<ReduceProd>);
  importers.add({"mean(T self, i? dtype=None)",
                 "mean.dim(T self, i[1]? dim, b keepdim=False, i? dtype=None)"},
                import_mean);
  importers.add({"amax(T self, i[1] dim=[], b keepdim=False)", "max(T self)"},
                import_extreme<ReduceMax>);
  importers.add({"amin(T self, i[1] dim=[], b keepdim=False)", "min(T self)"},
                import_extreme<ReduceMin>);
  importers.add("max.dim(T self, i dim, b keepdim=False)",
                import_extreme_and_place<ReduceMax, ArgMax>);
  importers.add("min.dim(T self, i dim, b keepdim=False)",
                import_extreme_and_place<ReduceMin, ArgMin>);
  importers.add("aminmax(T self, i? dim=None, b keepdim=False)", import_amin_max);
  importers.add({"any(T self)", "any.dim(T self, i dim, b keepdim=False)",
                 "any.dims(T self, i[]? dim=None, b keepdim=False)"},
                import_truth<ReduceMax>);
  importers.add({"all(T self)", "all.dim(T self, i dim, b keepdim=False)",
                 "all.dims(T self, i[]? dim=None, b keepdim=False)"},
                import_truth<ReduceMin>);
  importers.add("argmax(T self, i? dim=None, b keepdim=False)", import_place<ArgMax>);
  importers.add("argmin(T self, i? dim=None, b keepdim=False)", import_place<ArgMin>);
  importers.add({"logsumexp(T self, i[1] dim, b keepdim=False)",
                 "special_logsumexp(T self, i[1] dim, b keepdim=False)"},
                import_log_sum_exp);
  importers.add(
      {"count_nonzero(T self, i? dim=None)", "count_nonzero.dim_IntList(T self, i[] dim)"},
      import_count_nonzero);
  importers.add("cumsum(T self, i dim, i? dtype=None)", import_running<CumSum>);
  importers.add("cumprod(T self, i dim, i? dtype=None)", import_running<CumProd>);
  importers.add(
      {"softmax.int(T self, i dim, i? dtype=None)", "special_softmax(T self, i dim, i? dtype=None)",
       "_softmax(T self, i dim, b half_to_float)", "_safe_softmax(T self, i dim, i? dtype=None)"},
      import_softmax<Softmax>);
  importers.add({"log_softmax.int(T self, i dim, i? dtype=None)",
                 "special_log_softmax(T self, i dim, i? dtype=None)",
                 "_log_softmax(T self, i dim, b half_to_float)"},
                import_softmax<LogSoftmax>);
  importers.add("diff(T self, i n=1, i dim=-1, T? prepend=None, T? append=None)", import_diff);
  register_spread(importers);
  register_order(importers);
}

}  // namespace hone::pytorch
