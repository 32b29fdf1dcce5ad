// Arithmetic, comparisons and logic on tensors and numbers.

#include "ops/arithmetic.hpp"

#include "import/pytorch/promote.hpp"
#include "ops/activation.hpp"
#include "ops/compare.hpp"
#include "ops/logic.hpp"
#include "ops/math.hpp"

namespace hone::pytorch {
namespace {

Value* operand(Call& call, std::string_view name, DType dtype) {
  return call.operand(call.argument(name), dtype, name);
}

/// other, or alpha * other.
Value* scaled(Call& call, std::string_view name, DType dtype) {
  Value* value = operand(call, name, dtype);
  const Item& alpha = call.argument("alpha");
  const bool is_one = (alpha.as<Dim>() != nullptr && alpha.as<Dim>()->is(1)) ||
                      (alpha.as<double>() != nullptr && *alpha.as<double>() == 1);
  if (is_one) return value;
  return call.intermediate(Mul{}, {value, operand(call, "alpha", dtype)}, "scaled");
}

void import_add(Call& call) {
  const DType dtype = promoted(call, {"self", "other"});
  Value *a = operand(call, "self", dtype), *b = scaled(call, "other", dtype);
  if (dtype == DType::boolean) call.emit(Or{}, {a, b});
  else call.emit(Add{}, {a, b});
}

void import_sub(Call& call) {
  const DType dtype = promoted(call, {"self", "other"});
  call.emit(Sub{}, {operand(call, "self", dtype), scaled(call, "other", dtype)});
}

void import_rsub(Call& call) {
  const DType dtype = promoted(call, {"self", "other"});
  call.emit(Sub{}, {operand(call, "other", dtype), scaled(call, "self", dtype)});
}

void import_mul(Call& call) {
  const DType dtype = promoted(call, {"self", "other"});
  Value *a = operand(call, "self", dtype), *b = operand(call, "other", dtype);
  if (dtype == DType::boolean) call.emit(And{}, {a, b});
  else call.emit(Mul{}, {a, b});
}

void import_div(Call& call) {
  const DType dtype = promoted_float(call, {"self", "other"});
  call.emit(Div{}, {operand(call, "self", dtype), operand(call, "other", dtype)});
}

/// Rounded down; of whole numbers exactly.
void emit_floor_divided(Call& call, DType dtype, Value* a, Value* b) {
  if (is_float(dtype)) {
    call.emit(Floor{}, {call.intermediate(Div{}, {a, b}, "quotient")});
    return;
  }
  // Div truncates; less its remainder (of the divisor's sign) the dividend divides exactly.
  Value* rest = call.intermediate(Mod{}, {a, b}, "rest");
  call.emit(Div{}, {call.intermediate(Sub{}, {a, rest}, "whole"), b});
}

Value* truncated(Call& call, Value* value) {
  Value* sign = call.intermediate(Sign{}, {value}, "sign");
  Value* size = call.intermediate(Abs{}, {value}, "size");
  return call.intermediate(Mul{}, {sign, call.intermediate(Floor{}, {size}, "floor")}, "whole");
}

void import_floor_divide(Call& call) {
  const DType dtype = promoted(call, {"self", "other"});
  emit_floor_divided(call, dtype, operand(call, "self", dtype), operand(call, "other", dtype));
}

void import_div_mode(Call& call) {
  if (!call.has("rounding_mode")) return import_div(call);
  const std::string mode = call.text("rounding_mode");
  call.check(mode == "floor" || mode == "trunc", "rounding_mode is ", mode);
  const DType dtype = promoted(call, {"self", "other"});
  Value *a = operand(call, "self", dtype), *b = operand(call, "other", dtype);
  if (mode == "floor") return emit_floor_divided(call, dtype, a, b);
  Value* quotient = call.intermediate(Div{}, {a, b}, "quotient");
  call.give(is_float(dtype) ? truncated(call, quotient) : quotient);
}

void import_trunc(Call& call) {
  Value* x = call.tensor("self");
  call.give(is_float(Call::dtype(x)) ? truncated(call, x) : x);
}

void import_frac(Call& call) {
  Value* x = call.tensor("self");
  call.emit(Sub{}, {x, truncated(call, x)});
}

template <bool kTruncates>
void import_mod(Call& call) {
  const DType dtype = promoted(call, {"self", "other"});
  Mod op;
  op.fmod = kTruncates;
  call.emit(op, {operand(call, "self", dtype), operand(call, "other", dtype)});
}

void import_pow(Call& call) {
  const DType dtype = promoted(call, {"self", "exponent"});
  call.emit(Pow{}, {operand(call, "self", dtype), operand(call, "exponent", dtype)});
}

template <class T>
void import_comparison(Call& call) {
  const DType dtype = promoted(call, {"self", "other"});
  call.emit(T{}, {operand(call, "self", dtype), operand(call, "other", dtype)});
}

void import_not_equal(Call& call) {
  const DType dtype = promoted(call, {"self", "other"});
  Value* equal = call.intermediate(
      Equal{}, {operand(call, "self", dtype), operand(call, "other", dtype)}, "equal");
  call.emit(Not{}, {equal});
}

template <class T>
void import_extreme(Call& call) {
  const DType dtype = promoted(call, {"self", "other"});
  Value *a = operand(call, "self", dtype), *b = operand(call, "other", dtype);
  if (dtype != DType::boolean) call.emit(T{}, {a, b});
  else if constexpr (std::is_same_v<T, Max>) call.emit(Or{}, {a, b});
  else call.emit(And{}, {a, b});
}

/// Whatever is not zero is true.
template <class T>
void import_logical(Call& call) {
  call.emit(T{}, {operand(call, "self", DType::boolean), operand(call, "other", DType::boolean)});
}

void import_logical_not(Call& call) { call.emit(Not{}, {operand(call, "self", DType::boolean)}); }

/// Bit by bit, or of booleans as logic.
template <class OfBits, class OfBooleans>
void import_bitwise(Call& call) {
  const DType dtype = promoted(call, {"self", "other"});
  Value *a = operand(call, "self", dtype), *b = operand(call, "other", dtype);
  if (dtype == DType::boolean) call.emit(OfBooleans{}, {a, b});
  else call.emit(OfBits{}, {a, b});
}

void import_bitwise_not(Call& call) {
  Value* x = call.tensor("self");
  if (Call::dtype(x) == DType::boolean) call.emit(Not{}, {x});
  else call.emit(BitwiseNot{}, {x});
}

template <BitShift::Direction D>
void import_shift(Call& call) {
  const DType dtype = promoted(call, {"self", "other"});
  call.emit(BitShift{.direction = D},
            {operand(call, "self", dtype), operand(call, "other", dtype)});
}

void import_where(Call& call) {
  const DType dtype = promoted(call, {"self", "other"});
  call.emit(Where{}, {operand(call, "condition", DType::boolean), operand(call, "self", dtype),
                      operand(call, "other", dtype)});
}

void import_masked_fill(Call& call) {
  Value* x = call.tensor("self");
  call.emit(Where{},
            {operand(call, "mask", DType::boolean), operand(call, "value", Call::dtype(x)), x});
}

/// min and max of numbers or tensors, either may be None.
void import_clamp(Call& call) {
  const DType dtype = promoted(call, {"self", "min", "max"});
  Value* x = operand(call, "self", dtype);
  if (!call.is_tensor("min") && !call.is_tensor("max")) {
    Value* low = call.has("min") ? operand(call, "min", dtype) : nullptr;
    Value* high = call.has("max") ? operand(call, "max", dtype) : nullptr;
    call.emit(Clip{}, {x, low, high});
    return;
  }
  if (call.has("min")) x = call.intermediate(Max{}, {x, operand(call, "min", dtype)}, "above");
  if (call.has("max")) x = call.intermediate(Min{}, {x, operand(call, "max", dtype)}, "below");
  call.give(x);
}

void import_clamp_min(Call& call) {
  const DType dtype = promoted(call, {"self", "min"});
  Value *x = operand(call, "self", dtype), *low = operand(call, "min", dtype);
  if (call.is_tensor("min")) call.emit(Max{}, {x, low});
  else call.emit(Clip{}, {x, low});
}

void import_clamp_max(Call& call) {
  const DType dtype = promoted(call, {"self", "max"});
  Value *x = operand(call, "self", dtype), *high = operand(call, "max", dtype);
  if (call.is_tensor("max")) call.emit(Min{}, {x, high});
  else call.emit(Clip{}, {x, nullptr, high});
}

/// self + value * tensor1 * tensor2, or / tensor2.
template <class T>
void import_fused(Call& call) {
  const DType dtype = promoted(call, {"self", "tensor1", "tensor2"});
  Value *a = operand(call, "tensor1", dtype), *b = operand(call, "tensor2", dtype);
  Value* product = call.intermediate(T{}, {a, b}, "both");
  if (call.real("value") != 1)
    product = call.intermediate(Mul{}, {product, operand(call, "value", dtype)}, "scaled");
  call.emit(Add{}, {operand(call, "self", dtype), product});
}

/// start + weight * (end - start).
void import_lerp(Call& call) {
  const DType dtype = promoted(call, {"self", "end"});
  Value *start = operand(call, "self", dtype), *end = operand(call, "end", dtype);
  Value* way = call.intermediate(Sub{}, {end, start}, "way");
  Value* part = call.intermediate(Mul{}, {way, operand(call, "weight", dtype)}, "part");
  call.emit(Add{}, {start, part});
}

void import_xlogy(Call& call) {
  const DType dtype = promoted_float(call, {"self", "other"});
  Value *x = operand(call, "self", dtype), *y = operand(call, "other", dtype);
  Value* product = call.intermediate(Mul{}, {x, call.intermediate(Log{}, {y}, "log")}, "product");
  Value* zero = call.number(dtype, 0, "zero");
  call.emit(Where{}, {call.intermediate(Equal{}, {x, zero}, "is_zero"), zero, product});
}

/// pi / 2 - atan(x / y) and the like in all quadrants.
void import_atan2(Call& call) {
  const DType dtype = promoted_float(call, {"self", "other"});
  Value *y = operand(call, "self", dtype), *x = operand(call, "other", dtype);
  const auto constant = [&](double value) { return call.number(dtype, value, "number"); };
  const auto op = [&](Op which, std::vector<Value*> inputs) {
    return call.intermediate(std::move(which), std::move(inputs), "part");
  };
  constexpr double kPi = 3.14159265358979323846;
  Value* zero = constant(0);
  Value* turn = op(Where{}, {op(Less{}, {y, zero}), constant(-kPi), constant(kPi)});
  Value* angle = op(Atan{}, {op(Div{}, {y, x})});
  Value* left = op(Where{}, {op(Less{}, {x, zero}), op(Add{}, {angle, turn}), angle});
  Value* up = op(Where{}, {op(Less{}, {y, zero}), constant(-kPi / 2), constant(kPi / 2)});
  Value* on_axis = op(Where{}, {op(Equal{}, {y, zero}), zero, up});
  call.emit(Where{}, {op(Equal{}, {x, zero}), on_axis, left});
}

void register_comparisons(Importers& importers) {
  importers.add({"eq.Tensor(T self, T other)", "eq.Scalar(T self, s other)"},
                import_comparison<Equal>);
  importers.add({"ne.Tensor(T self, T other)", "ne.Scalar(T self, s other)"}, import_not_equal);
  importers.add({"lt.Tensor(T self, T other)", "lt.Scalar(T self, s other)"},
                import_comparison<Less>);
  importers.add({"le.Tensor(T self, T other)", "le.Scalar(T self, s other)"},
                import_comparison<LessOrEqual>);
  importers.add({"gt.Tensor(T self, T other)", "gt.Scalar(T self, s other)"},
                import_comparison<Greater>);
  importers.add({"ge.Tensor(T self, T other)", "ge.Scalar(T self, s other)"},
                import_comparison<GreaterOrEqual>);
  importers.add({"maximum(T self, T other)", "max.other(T self, T other)", "fmax(T self, T other)"},
                import_extreme<Max>);
  importers.add({"minimum(T self, T other)", "min.other(T self, T other)", "fmin(T self, T other)"},
                import_extreme<Min>);
  importers.add("logical_and(T self, T other)", import_logical<And>);
  importers.add("logical_or(T self, T other)", import_logical<Or>);
  importers.add("logical_xor(T self, T other)", import_logical<Xor>);
  importers.add("logical_not(T self)", import_logical_not);
  importers.add({"bitwise_and.Tensor(T self, T other)", "bitwise_and.Scalar(T self, s other)",
                 "__and__.Tensor(T self, T other)", "__and__.Scalar(T self, s other)"},
                import_bitwise<BitwiseAnd, And>);
  importers.add({"bitwise_or.Tensor(T self, T other)", "bitwise_or.Scalar(T self, s other)",
                 "__or__.Tensor(T self, T other)", "__or__.Scalar(T self, s other)"},
                import_bitwise<BitwiseOr, Or>);
  importers.add({"bitwise_xor.Tensor(T self, T other)", "bitwise_xor.Scalar(T self, s other)",
                 "__xor__.Tensor(T self, T other)", "__xor__.Scalar(T self, s other)"},
                import_bitwise<BitwiseXor, Xor>);
  importers.add("bitwise_not(T self)", import_bitwise_not);
  importers.add({"bitwise_left_shift.Tensor(T self, T other)",
                 "bitwise_left_shift.Tensor_Scalar(T self, s other)",
                 "__lshift__.Tensor(T self, T other)", "__lshift__.Scalar(T self, s other)"},
                import_shift<BitShift::Direction::left>);
  importers.add({"bitwise_right_shift.Tensor(T self, T other)",
                 "bitwise_right_shift.Tensor_Scalar(T self, s other)",
                 "__rshift__.Tensor(T self, T other)", "__rshift__.Scalar(T self, s other)"},
                import_shift<BitShift::Direction::right>);
}

}  // namespace

void register_arithmetic(Importers& importers) {
  importers.add(
      {"add.Tensor(T self, T other, s alpha=1)", "add.Scalar(T self, s other, s alpha=1)"},
      import_add);
  importers.add({"sub.Tensor(T self, T other, s alpha=1)", "sub.Scalar(T self, s other, s alpha=1)",
                 "subtract.Tensor(T self, T other, s alpha=1)"},
                import_sub);
  importers.add(
      {"rsub.Tensor(T self, T other, s alpha=1)", "rsub.Scalar(T self, s other, s alpha=1)"},
      import_rsub);
  importers.add({"mul.Tensor(T self, T other)", "mul.Scalar(T self, s other)",
                 "multiply.Tensor(T self, T other)"},
                import_mul);
  importers.add({"div.Tensor(T self, T other)", "div.Scalar(T self, s other)",
                 "true_divide.Tensor(T self, T other)", "true_divide.Scalar(T self, s other)"},
                import_div);
  importers.add({"div.Tensor_mode(T self, T other, t? rounding_mode)",
                 "div.Scalar_mode(T self, s other, t? rounding_mode)"},
                import_div_mode);
  importers.add({"floor_divide(T self, T other)", "floor_divide.Scalar(T self, s other)"},
                import_floor_divide);
  importers.add({"trunc(T self)", "fix(T self)"}, import_trunc);
  importers.add("frac(T self)", import_frac);
  importers.add({"remainder.Tensor(T self, T other)", "remainder.Scalar(T self, s other)",
                 "remainder.Scalar_Tensor(s self, T other)"},
                import_mod<false>);
  importers.add({"fmod.Tensor(T self, T other)", "fmod.Scalar(T self, s other)"}, import_mod<true>);
  importers.add({"pow.Tensor_Tensor(T self, T exponent)", "pow.Tensor_Scalar(T self, s exponent)",
                 "pow.Scalar(s self, T exponent)"},
                import_pow);
  importers.add({"where.self(T condition, T self, T other)",
                 "where.ScalarOther(T condition, T self, s other)",
                 "where.ScalarSelf(T condition, s self, T other)",
                 "where.Scalar(T condition, s self, s other)"},
                import_where);
  importers.add({"masked_fill.Scalar(T self, T mask, s value)",
                 "masked_fill.Tensor(T self, T mask, T value)"},
                import_masked_fill);
  importers.add(
      {"clamp(T self, s? min=None, s? max=None)", "clamp.Tensor(T self, T? min=None, T? max=None)",
       "clip(T self, s? min=None, s? max=None)"},
      import_clamp);
  importers.add({"clamp_min(T self, s min)", "clamp_min.Tensor(T self, T min)"}, import_clamp_min);
  importers.add({"clamp_max(T self, s max)", "clamp_max.Tensor(T self, T max)"}, import_clamp_max);
  importers.add("addcmul(T self, T tensor1, T tensor2, s value=1)", import_fused<Mul>);
  importers.add("addcdiv(T self, T tensor1, T tensor2, s value=1)", import_fused<Div>);
  importers.add({"lerp.Scalar(T self, T end, s weight)", "lerp.Tensor(T self, T end, T weight)"},
                import_lerp);
  importers.add({"xlogy.Tensor(T self, T other)", "xlogy.Scalar_Other(T self, s other)"},
                import_xlogy);
  importers.add("atan2(T self, T other)", import_atan2);
  register_comparisons(importers);
}

}  // namespace hone::pytorch
