// Sizes of tensors and arithmetic on them: done while importing, where sizes tell.

#include "import/pytorch/promote.hpp"
#include "ops/arithmetic.hpp"
#include "ops/cast.hpp"
#include "ops/compare.hpp"
#include "ops/logic.hpp"
#include "ops/math.hpp"
#include "ops/shape.hpp"

namespace hone::pytorch {
namespace {

const Item& first(const Call& call) { return call.argument(call.overload().parameters[0].name); }
const Item& second(const Call& call) { return call.argument(call.overload().parameters[1].name); }

/// The number, known or not; of a bool 0 or 1.
Item plain(const Call& call, const Item& item) {
  if (const auto* late = item.as<LateNumber>()) return number_of(*late, call.frame());
  if (const auto* flag = item.as<bool>()) return Dim(*flag ? 1 : 0);
  return item;
}

std::optional<double> real_of(const Item& item) {
  if (const auto* real = item.as<double>()) return *real;
  const auto* dim = item.as<Dim>();
  const auto whole = dim == nullptr ? std::nullopt : dim->constant();
  return whole ? std::optional(static_cast<double>(*whole)) : std::nullopt;
}

/// By nodes, where only running tells.
Value* late_value(Call& call, const Item& item, DType dtype) {
  return call.operand(item, dtype, "number");
}
DType late_type(Call& call, const Item& a, const Item& b) { return promoted(call, {a, b}); }

void give_late(Call& call, Value* value) { call.give_item(LateNumber{value, &call.frame()}); }

template <class T>
void give_computed(Call& call, const Item& a, const Item& b) {
  const DType dtype = late_type(call, a, b);
  give_late(call, call.intermediate(T{}, {late_value(call, a, dtype), late_value(call, b, dtype)},
                                    "number"));
}

/// What two numbers make: of whole ones by `whole`, of real ones by `real`, else by the op T.
template <class T>
void import_binary(Call& call, Dim (*whole)(const Dim&, const Dim&),
                   double (*real)(double, double)) {
  const Item a = plain(call, first(call)), b = plain(call, second(call));
  const auto *x = a.as<Dim>(), *y = b.as<Dim>();
  if (x != nullptr && y != nullptr) return call.give_item(whole(*x, *y));
  const auto u = real_of(a), v = real_of(b);
  if (u && v) return call.give_item(real(*u, *v));
  give_computed<T>(call, a, b);
}

void import_add(Call& call) {
  import_binary<Add>(
      call, [](const Dim& a, const Dim& b) { return a + b; },
      [](double a, double b) { return a + b; });
}
void import_sub(Call& call) {
  import_binary<Sub>(
      call, [](const Dim& a, const Dim& b) { return a - b; },
      [](double a, double b) { return a - b; });
}
void import_mul(Call& call) {
  import_binary<Mul>(
      call, [](const Dim& a, const Dim& b) { return a * b; },
      [](double a, double b) { return a * b; });
}
void import_max(Call& call) {
  import_binary<Max>(
      call, [](const Dim& a, const Dim& b) { return max(a, b); },
      [](double a, double b) { return std::max(a, b); });
}
void import_min(Call& call) {
  import_binary<Min>(
      call, [](const Dim& a, const Dim& b) { return min(a, b); },
      [](double a, double b) { return std::min(a, b); });
}

bool is_zero(const Item& item) {
  const auto value = real_of(item);
  return value && *value == 0;
}

void import_floor_div(Call& call) {
  const Item a = plain(call, first(call)), b = plain(call, second(call));
  call.check(!is_zero(b), "divides by 0");
  const auto *x = a.as<Dim>(), *y = b.as<Dim>();
  if (x != nullptr && y != nullptr) return call.give_item(floor_div(*x, *y));
  const auto u = real_of(a), v = real_of(b);
  if (u && v) return call.give_item(std::floor(*u / *v));
  const DType dtype = late_type(call, a, b);
  Value *p = late_value(call, a, dtype), *q = late_value(call, b, dtype);
  if (is_float(dtype))
    return give_late(
        call, call.intermediate(Floor{}, {call.intermediate(Div{}, {p, q}, "number")}, "number"));
  Value* rest = call.intermediate(Mod{}, {p, q}, "rest");
  give_late(call,
            call.intermediate(Div{}, {call.intermediate(Sub{}, {p, rest}, "whole"), q}, "number"));
}

void import_mod(Call& call) {
  const Item a = plain(call, first(call)), b = plain(call, second(call));
  call.check(!is_zero(b), "divides by 0");
  const auto *x = a.as<Dim>(), *y = b.as<Dim>();
  if (x != nullptr && y != nullptr) return call.give_item(mod(*x, *y));
  const auto u = real_of(a), v = real_of(b);
  if (u && v) return call.give_item(*u - *v * std::floor(*u / *v));
  give_computed<Mod>(call, a, b);
}

/// A real number also of whole ones; of sizes that are open only where it comes out even.
void import_true_div(Call& call) {
  const Item a = plain(call, first(call)), b = plain(call, second(call));
  call.check(!is_zero(b), "divides by 0");
  const auto u = real_of(a), v = real_of(b);
  if (u && v) return call.give_item(*u / *v);
  Value *p = late_value(call, a, DType::f32), *q = late_value(call, b, DType::f32);
  give_late(call, call.intermediate(Div{}, {p, q}, "number"));
}

void import_pow(Call& call) {
  const Item a = plain(call, first(call)), b = plain(call, second(call));
  const auto u = real_of(a), v = real_of(b);
  const auto* exponent = b.as<Dim>();
  if (u && v) {
    const double power = std::pow(*u, *v);
    const bool is_whole =
        a.as<Dim>() != nullptr && exponent != nullptr && *v >= 0 && std::fabs(power) < 9e15;
    return is_whole ? call.give_item(static_cast<int64_t>(power)) : call.give_item(power);
  }
  if (const auto* base = a.as<Dim>(); base != nullptr && exponent != nullptr && exponent->is(2))
    return call.give_item(*base * *base);
  give_computed<Pow>(call, a, b);
}

void import_neg(Call& call) {
  const Item a = plain(call, first(call));
  if (const auto* x = a.as<Dim>()) return call.give_item(Dim(0) - *x);
  if (const auto* x = a.as<double>()) return call.give_item(-*x);
  give_late(call, call.intermediate(Neg{}, {late_value(call, a, promoted(call, {a}))}, "number"));
}

void import_abs(Call& call) {
  const Item a = plain(call, first(call));
  if (const auto value = real_of(a)) {
    if (a.as<Dim>() != nullptr) return call.give_item(static_cast<int64_t>(std::fabs(*value)));
    return call.give_item(std::fabs(*value));
  }
  if (const auto* x = a.as<Dim>()) return call.give_item(max(*x, Dim(0) - *x));
  give_late(call, call.intermediate(Abs{}, {late_value(call, a, promoted(call, {a}))}, "number"));
}

/// A comparison, where the sizes decide it.
template <class T>
void import_comparison(Call& call,
                       std::optional<bool> (*whole)(const Dim&, const Dim&, const Ranges&),
                       bool (*real)(double, double)) {
  const Item a = plain(call, first(call)), b = plain(call, second(call));
  const auto *x = a.as<Dim>(), *y = b.as<Dim>();
  if (x != nullptr && y != nullptr)
    if (const auto known = whole(*x, *y, call.graph().ranges())) return call.give_item(*known);
  const auto u = real_of(a), v = real_of(b);
  if (u && v) return call.give_item(real(*u, *v));
  give_computed<T>(call, a, b);
}

void import_eq(Call& call) {
  const Item &a = first(call), &b = second(call);
  const auto *s = a.as<std::string>(), *t = b.as<std::string>();
  if (s != nullptr && t != nullptr) return call.give_item(*s == *t);
  if (a.is_none() || b.is_none()) return call.give_item(a.is_none() && b.is_none());
  import_comparison<Equal>(
      call,
      [](const Dim& x, const Dim& y, const Ranges& ranges) { return provably_equal(x, y, ranges); },
      [](double x, double y) { return x == y; });
}
void import_ge(Call& call) {
  import_comparison<GreaterOrEqual>(
      call,
      [](const Dim& x, const Dim& y, const Ranges& r) { return provably_less_equal(y, x, r); },
      [](double x, double y) { return x >= y; });
}
void import_le(Call& call) {
  import_comparison<LessOrEqual>(
      call,
      [](const Dim& x, const Dim& y, const Ranges& r) { return provably_less_equal(x, y, r); },
      [](double x, double y) { return x <= y; });
}
void import_gt(Call& call) {
  import_comparison<Greater>(
      call,
      [](const Dim& x, const Dim& y, const Ranges& r) { return provably_less_equal(y + 1, x, r); },
      [](double x, double y) { return x > y; });
}
void import_lt(Call& call) {
  import_comparison<Less>(
      call,
      [](const Dim& x, const Dim& y, const Ranges& r) { return provably_less_equal(x + 1, y, r); },
      [](double x, double y) { return x < y; });
}
void import_ne(Call& call) {
  const Item &a = first(call), &b = second(call);
  const auto *s = a.as<std::string>(), *t = b.as<std::string>();
  if (s != nullptr && t != nullptr) return call.give_item(*s != *t);
  if (a.is_none() || b.is_none()) return call.give_item(a.is_none() != b.is_none());
  const Item x = plain(call, a), y = plain(call, b);
  const auto *p = x.as<Dim>(), *q = y.as<Dim>();
  if (p != nullptr && q != nullptr)
    if (const auto same = provably_equal(*p, *q, call.graph().ranges()))
      return call.give_item(!*same);
  const auto u = real_of(x), v = real_of(y);
  if (u && v) return call.give_item(*u != *v);
  const DType dtype = late_type(call, x, y);
  Value* equal =
      call.intermediate(Equal{}, {late_value(call, x, dtype), late_value(call, y, dtype)}, "equal");
  give_late(call, call.intermediate(Not{}, {equal}, "number"));
}

void import_not(Call& call) {
  const Item& a = first(call);
  if (const auto* flag = a.as<bool>()) return call.give_item(!*flag);
  give_late(call, call.intermediate(Not{}, {late_value(call, a, DType::boolean)}, "number"));
}

template <class T, bool kDecides>
void import_logic(Call& call) {
  const Item &a = first(call), &b = second(call);
  const auto *x = a.as<bool>(), *y = b.as<bool>();
  if ((x != nullptr && *x == kDecides) || (y != nullptr && *y == kDecides))
    return call.give_item(kDecides);
  if (x != nullptr) return call.give_item(b);
  if (y != nullptr) return call.give_item(a);
  give_late(call,
            call.intermediate(
                T{}, {late_value(call, a, DType::boolean), late_value(call, b, DType::boolean)},
                "number"));
}

/// To a whole number: down, up, toward zero, to the nearest.
template <int kWay>
void import_rounding(Call& call) {
  const Item a = plain(call, first(call));
  if (a.as<Dim>() != nullptr) return call.give_item(a);
  if (const auto* x = a.as<double>()) {
    const double whole = kWay == 0   ? std::floor(*x)
                         : kWay == 1 ? std::ceil(*x)
                         : kWay == 2 ? std::trunc(*x)
                                     : std::nearbyint(*x);
    call.check(std::fabs(whole) < 9e15, "rounds ", *x);
    return call.give_item(static_cast<int64_t>(whole));
  }
  const DType dtype = promoted(call, {a});
  Value* value = late_value(call, a, dtype);
  if constexpr (kWay == 0) value = call.intermediate(Floor{}, {value}, "whole");
  if constexpr (kWay == 1) value = call.intermediate(Ceil{}, {value}, "whole");
  if constexpr (kWay == 3) value = call.intermediate(Round{}, {value}, "whole");
  value = call.cast(value, DType::i64, "whole");
  call.give_item(number_of(value, call.frame()));
}

void import_to_float(Call& call) {
  const Item a = plain(call, first(call));
  if (const auto value = real_of(a)) return call.give_item(*value);
  give_late(call, late_value(call, a, DType::f32));
}

void import_sqrt(Call& call) {
  const Item a = plain(call, first(call));
  if (const auto value = real_of(a)) return call.give_item(std::sqrt(*value));
  give_late(call, call.intermediate(Sqrt{}, {late_value(call, a, DType::f32)}, "number"));
}

void import_size(Call& call) {
  const Value* x = call.tensor("self");
  call.give_item(Call::shape(x)[static_cast<size_t>(call.axis("dim", x))]);
}
void import_sizes(Call& call) {
  std::vector<Item> sizes;
  for (const Dim& dim : Call::shape(call.tensor("self"))) sizes.emplace_back(dim);
  call.give_item(list_of(std::move(sizes)));
}
void import_count(Call& call) { call.give_item(product(Call::shape(call.tensor("self")))); }

/// As if the elements lay one after the other.
void import_stride(Call& call) {
  const Value* x = call.tensor("self");
  const Dims& shape = Call::shape(x);
  const auto axis = static_cast<size_t>(call.axis("dim", x));
  call.give_item(product(Dims(shape.begin() + static_cast<int64_t>(axis) + 1, shape.end())));
}

/// The one element of a tensor as a number.
void import_item(Call& call) {
  Value* x = call.tensor("self");
  const Item known = number_of(x, call.frame());
  if (known.as<LateNumber>() == nullptr) return call.give_item(known);
  give_late(call, Call::rank(x) == 0 ? x : call.reshaped(x, {}, "number"));
}

/// What is asserted is checked by the sizes that follow, or not at all.
void import_nothing(Call& call) { call.give_nothing(); }

void register_operators(Importers& importers) {
  importers.add("operator::add(a a, a b)", import_add);
  importers.add("operator::sub(a a, a b)", import_sub);
  importers.add("operator::mul(a a, a b)", import_mul);
  importers.add("operator::truediv(a a, a b)", import_true_div);
  importers.add("operator::floordiv(a a, a b)", import_floor_div);
  importers.add("operator::mod(a a, a b)", import_mod);
  importers.add("operator::pow(a a, a b)", import_pow);
  importers.add("operator::neg(a a)", import_neg);
  importers.add({"operator::abs(a a)", "builtins::abs(a a)"}, import_abs);
  importers.add({"operator::eq(a a, a b)", "torch::sym_eq(a a, a b)"}, import_eq);
  importers.add("operator::ne(a a, a b)", import_ne);
  importers.add("operator::lt(a a, a b)", import_lt);
  importers.add("operator::le(a a, a b)", import_le);
  importers.add("operator::gt(a a, a b)", import_gt);
  importers.add("operator::ge(a a, a b)", import_ge);
  importers.add({"operator::not_(a a)", "torch::sym_not(a a)"}, import_not);
  importers.add("operator::and_(a a, a b)", import_logic<And, false>);
  importers.add("operator::or_(a a, a b)", import_logic<Or, true>);
  importers.add({"torch::sym_max(a a, a b)", "builtins::max(a a, a b)"}, import_max);
  importers.add({"torch::sym_min(a a, a b)", "builtins::min(a a, a b)"}, import_min);
  importers.add("math::floor(a x)", import_rounding<0>);
  importers.add("math::ceil(a x)", import_rounding<1>);
  importers.add({"math::trunc(a x)", "torch::sym_int(a a)"}, import_rounding<2>);
  importers.add("builtins::round(a x)", import_rounding<3>);
  importers.add("torch::sym_float(a a)", import_to_float);
  importers.add({"math::sqrt(a x)", "torch::_sym_sqrt(a a)"}, import_sqrt);
}

}  // namespace

void register_number(Importers& importers) {
  register_operators(importers);
  importers.add({"sym_size.int(T self, i dim)", "size.int(T self, i dim)"}, import_size);
  importers.add({"sym_size(T self)", "size(T self)"}, import_sizes);
  importers.add({"sym_numel(T self)", "numel(T self)"}, import_count);
  importers.add({"sym_stride.int(T self, i dim)", "stride.int(T self, i dim)"}, import_stride);
  importers.add({"item(T self)", "_local_scalar_dense(T self)"}, import_item);
  importers.add({"_assert_scalar(a self, t assert_msg)", "_assert_async(T self)",
                 "_assert_async.msg(T self, t assert_msg)",
                 "_assert_tensor_metadata(T a, a size=None, a stride=None, a dtype=None, "
                 "a device=None, a layout=None)",
                 "sym_constrain_range_for_size(a size, i? min=None, i? max=None)",
                 "sym_constrain_range(a size, i? min=None, i? max=None)"},
                import_nothing);
}

}  // namespace hone::pytorch
