#include "device/cuda/emit/expr_text.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>

#include "base/error.hpp"
#include "base/text.hpp"
#include "device/cuda/emit/quantized_text.hpp"

namespace hone::cuda::emitter {

const char* stored_type(DType dtype) {
  switch (dtype) {
    case DType::f64: return "double";
    case DType::f32: return "float";
    case DType::f16:
    case DType::bf16:
    case DType::u16: return "unsigned short";
    case DType::i64: return "long long";
    case DType::i32: return "int";
    case DType::i16: return "short";
    case DType::i8: return "signed char";
    case DType::u64: return "unsigned long long";
    case DType::u32: return "unsigned";
    case DType::u8: return "unsigned char";
    case DType::i4:
    case DType::i2: return "signed char";
    case DType::u4:
    case DType::u2:
    case DType::f8e4m3fn:
    case DType::f8e4m3fnuz:
    case DType::f8e5m2:
    case DType::f8e5m2fnuz:
    case DType::f8e8m0:
    case DType::f4e2m1: return "unsigned char";
    case DType::boolean: return "bool";
    default: return nullptr;
  }
}

const char* computed_type(DType dtype) {
  const bool narrow = is_float(dtype) && bits(dtype) < 32;
  return narrow && stored_type(dtype) != nullptr ? "float" : stored_type(dtype);
}

bool is_small(DType dtype) {
  return stored_type(dtype) != nullptr &&
         (is_packed(dtype) || (is_float(dtype) && bits(dtype) < 16));
}

bool is_packed(DType dtype) { return bits(dtype) < 8; }

std::string number_text(double real, int64_t integer, DType dtype) {
  switch (dtype) {
    case DType::f64:
      return cat("__longlong_as_double(", static_cast<int64_t>(std::bit_cast<uint64_t>(real)),
                 "ll)");
    case DType::f32:
    case DType::f16:
    case DType::bf16:
    case DType::f8e4m3fn:
    case DType::f8e4m3fnuz:
    case DType::f8e5m2:
    case DType::f8e5m2fnuz:
    case DType::f8e8m0:
    case DType::f4e2m1: {
      const auto bits = std::bit_cast<uint32_t>(static_cast<float>(real));
      return cat("__int_as_float((int)", static_cast<uint64_t>(bits), "u)");
    }
    case DType::boolean: return integer != 0 ? "true" : "false";
    case DType::u64: return cat(static_cast<uint64_t>(integer), "ull");
    case DType::i64:
      if (integer == std::numeric_limits<int64_t>::min()) return "(-9223372036854775807ll - 1)";
      return cat("(", integer, "ll)");
    default: return cat("((", stored_type(dtype), ")", integer, "ll)");
  }
}

std::string number_text(const Expr& number) {
  const bool real = is_float(number.dtype());
  return number_text(real ? number.number() : 0, real ? 0 : number.integer(), number.dtype());
}

std::string stored(const std::string& value, DType dtype) {
  if (dtype == DType::f16) return cat("to_f16(", value, ")");
  if (dtype == DType::bf16) return cat("to_bf16(", value, ")");
  if (is_small(dtype)) return cat("small_", dtype, "::to(", value, ")");
  return value;
}

std::string loaded(const std::string& element, DType dtype) {
  if (dtype == DType::f16) return cat("from_f16(", element, ")");
  if (dtype == DType::bf16) return cat("from_bf16(", element, ")");
  if (is_small(dtype)) return cat("small_", dtype, "::from(", element, ")");
  return element;
}

namespace {

bool is_wide(DType dtype) { return dtype == DType::i64 || dtype == DType::u64; }

/// Integers wrap: computed without signs, then brought back.
std::string wrapped(const std::string& a, const char* sign, const std::string& b, DType dtype) {
  const char* wide = is_wide(dtype) ? "unsigned long long" : "unsigned";
  return cat("(", stored_type(dtype), ")((", wide, ")", a, " ", sign, " (", wide, ")", b, ")");
}

std::string real_call(Function function, const std::string& a, const std::string& b, DType dtype) {
  // What is rounded to halves behind it needs no more digits.
  if (dtype == DType::f16 || dtype == DType::bf16) {
    if (function == Function::erf) return cat("erf_of_half(", a, ")");
    if (function == Function::exp) return cat("__expf(", a, ")");
  }
  const std::string_view f = dtype == DType::f64 ? "" : "f";
  switch (function) {
    case Function::add: return cat(a, " + ", b);
    case Function::sub: return cat(a, " - ", b);
    case Function::mul: return cat(a, " * ", b);
    case Function::div: return cat(a, " / ", b);
    case Function::truncated_mod: return cat("fmod", f, "(", a, ", ", b, ")");
    case Function::floor_mod: return cat("floor_mod(", a, ", ", b, ")");
    case Function::power: return cat("pow", f, "(", a, ", ", b, ")");
    case Function::min: return cat("least_real(", a, ", ", b, ")");
    case Function::max: return cat("most_real(", a, ", ", b, ")");
    case Function::negate: return cat("-", a);
    case Function::absolute: return cat("fabs", f, "(", a, ")");
    case Function::round: return cat("rint", f, "(", a, ")");
    default: return cat(name(function), f, "(", a, ")");  // as C calls them
  }
}

std::string integer_call(Function function, const std::string& a, const std::string& b,
                         DType dtype) {
  const char* type = stored_type(dtype);
  switch (function) {
    case Function::add: return wrapped(a, "+", b, dtype);
    case Function::sub: return wrapped(a, "-", b, dtype);
    case Function::mul: return wrapped(a, "*", b, dtype);
    case Function::negate: return wrapped("0", "-", a, dtype);
    case Function::div: return cat("(", type, ")quotient(", a, ", ", b, ")");
    case Function::truncated_mod: return cat("(", type, ")rest(", a, ", ", b, ")");
    case Function::floor_mod: return cat("(", type, ")floor_rest(", a, ", ", b, ")");
    case Function::power: return cat("(", type, ")integer_power(", a, ", ", b, ")");
    case Function::min: return cat("(", type, ")(", b, " < ", a, " ? ", b, " : ", a, ")");
    case Function::max: return cat("(", type, ")(", a, " < ", b, " ? ", b, " : ", a, ")");
    case Function::bit_and: return cat("(", type, ")(", a, " & ", b, ")");
    case Function::bit_or: return cat("(", type, ")(", a, " | ", b, ")");
    case Function::bit_xor: return cat("(", type, ")(", a, " ^ ", b, ")");
    case Function::bit_not: return cat("(", type, ")(~", a, ")");
    case Function::absolute:
      return is_signed(dtype) ? cat("(", a, " < 0 ? ", wrapped("0", "-", a, dtype), " : ", a, ")")
                              : a;
    case Function::shift_left:
      return cat("(", type, ")((unsigned long long)", b, " >= ", bits(dtype),
                 "u ? 0ull : (unsigned long long)", a, " << (int)", b, ")");
    case Function::shift_right:
      return cat("(", type, ")((unsigned long long)", b, " >= ", bits(dtype), "u ? 0 : ", a,
                 " >> (int)", b, ")");
    default: fail(Code::internal, name(function), " of integers");
  }
}

}  // namespace

std::string combined(Function function, const std::string& a, const std::string& b, DType dtype) {
  if (function == Function::equal) return cat(a, " == ", b);
  if (function == Function::less) return cat(a, " < ", b);
  if (function == Function::less_equal) return cat(a, " <= ", b);
  return is_float(dtype) ? real_call(function, a, b, dtype) : integer_call(function, a, b, dtype);
}

void ExprText::line(const std::string& text) {
  out_.append(static_cast<size_t>(2 * indent_), ' ').append(text).append("\n");
}

void ExprText::open(const std::string& text) {
  line(text);
  ++indent_;
  known_.emplace_back();
  in_range_.emplace_back();
}

void ExprText::close(const std::string& text) {
  known_.pop_back();
  in_range_.pop_back();
  --indent_;
  line(text);
}

std::string ExprText::assigned(const Expr& expr, const std::string& text) {
  std::string name = cat("t", temporaries_++);
  line(cat("const ", computed_type(expr.dtype()), " ", name, " = ", text, ";"));
  return name;
}

std::string ExprText::value(const Expr& expr) {
  if (expr.kind() == Expr::Kind::number) return number_text(expr);
  for (auto scope = known_.rbegin(); scope != known_.rend(); ++scope)
    if (const auto found = scope->find(expr); found != scope->end()) return found->second;
  std::string name = compute(expr);
  known_.back().emplace(expr, name);
  return name;
}

std::string ExprText::compute(const Expr& expr) {
  switch (expr.kind()) {
    case Expr::Kind::index: return assigned(expr, cat("(long long)", dims_(expr.dim())));
    case Expr::Kind::load: return load(expr);
    case Expr::Kind::cast: return cast(expr);
    case Expr::Kind::call: return expr.function() == Function::select ? select(expr) : call(expr);
    default: fail(Code::internal, "a reduction within an expression of a nest");
  }
}

namespace {

bool is_number(const Expr& expr, double number) {
  return expr.kind() == Expr::Kind::number && is_float(expr.dtype()) &&
         std::abs(expr.number() - number) < 1e-3;
}
/// The other operand of a call of two, where one is this number; null: none is.
const Expr* beside(const Expr& expr, Function function, double number) {
  if (!is_call(expr, function)) return nullptr;
  const auto& both = expr.operands();
  return is_number(both[0], number) ? &both[1] : is_number(both[1], number) ? &both[0] : nullptr;
}
/// x of x / 2 * (1 + erf(x * sqrt(1/2))) in halves, whose numbers are as near as halves are.
const Expr* of_bell(const Expr& expr) {
  const bool half = expr.dtype() == DType::f16 || expr.dtype() == DType::bf16;
  if (!half || !is_call(expr, Function::mul)) return nullptr;
  const auto& both = expr.operands();
  for (const size_t i : {0, 1}) {
    const Expr* x = beside(both[i], Function::mul, 0.5);
    const Expr* erf = beside(both[1 - i], Function::add, 1);
    if (x == nullptr || erf == nullptr || !is_call(*erf, Function::erf)) continue;
    const Expr* same = beside(erf->operands()[0], Function::mul, std::numbers::sqrt2 / 2);
    if (same != nullptr && *same == *x) return x;
  }
  return nullptr;
}

}  // namespace

std::string ExprText::call(const Expr& expr) {
  if (const Expr* x = of_bell(expr)) return assigned(expr, cat("gelu_of_half(", value(*x), ")"));
  const auto& operands = expr.operands();
  const std::string a = value(operands[0]);
  const std::string b = operands.size() > 1 ? value(operands[1]) : std::string();
  return assigned(expr, combined(expr.function(), a, b, operands[0].dtype()));
}

std::string ExprText::value(const ProvenSum& sum) {
  const auto number = [](float x) { return number_text(x, 0, DType::f32); };
  const auto unmoved = [&](const Expr& byte) {
    const auto whole = whole_in(byte.operands()[0]);
    const auto name = whole ? quantized(*whole) : std::nullopt;
    if (name) return assigned(byte, cat("whole(", *name, ")"));
    const double shift = shift_of(byte.operands()[0]);
    return shift == 0 ? value(byte)
                      : cat("(", value(byte), " - ", number(static_cast<float>(shift)), ")");
  };
  const std::string x = unmoved(sum.x), y = unmoved(sum.y);
  return cat("__fmaf_rn(", x, ", ", number(sum.of_x), ", __fmaf_rn(", y, ", ", number(sum.of_y),
             ", ", number(sum.rest), "))");
}

/// Of whole numbers within a range, less their shift: a float within the range, not rounded yet.
/// f32 is enough where it tells what f64 would round to.
std::optional<std::string> ExprText::quantized(const Expr& clamped) {
  const auto found = clamped_in(clamped);
  const auto rounded = found ? rounded_in(*found) : std::nullopt;
  if (!rounded) return std::nullopt;
  for (auto scope = in_range_.rbegin(); scope != in_range_.rend(); ++scope)
    if (const auto known = scope->find(clamped); known != scope->end()) return known->second;
  const auto number = [](double x) { return number_text(x, 0, DType::f32); };
  std::string x;
  if (clamped.dtype() == DType::f32) {
    x = value(rounded->x);
  } else if (const auto sum = proven_sum(rounded->x, rounded->least, rounded->most)) {
    x = value(*sum);
  } else if (const auto fast = nearly_rounded(rounded->x)) {
    const std::string exact = rounding_ == Rounding::exact ? value(rounded->x) : std::string(),
                      nearly = exact.empty() ? value(fast->nearly) : std::string();
    x = cat("t", temporaries_++);
    line(cat("float ", x, " = ",
             exact.empty() ? cat("whole(", nearly, ")") : cat("(float)rint(", exact, ")"), ";"));
    const std::string is_near = cat("fabsf(", nearly, " - ", x, ") > ", number(fast->apart));
    if (rounding_ == Rounding::told) line(cat("near |= ", is_near, ";"));
    if (rounding_ == Rounding::at_once) {
      open(cat("if (", is_near, ") {"));
      line(cat(x, " = (float)rint(", value(rounded->x), ");"));
      close();
    }
  } else {
    return std::nullopt;
  }
  std::string name = cat("t", temporaries_++);
  line(cat("const float ", name, " = clamped(", x, ", ", number(rounded->least), ", ",
           number(rounded->most), ");"));
  in_range_.back().emplace(clamped, name);
  return name;
}

std::string ExprText::select(const Expr& expr) {
  if (const auto found = clamped_in(expr)) {
    const auto number = [&](double x) { return number_text(x, 0, expr.dtype()); };
    if (const auto name = quantized(expr))
      return assigned(expr, cat("whole(", *name, ") + ", number(rounded_in(*found)->shift)));
    return assigned(expr, cat("clamped(", value(found->x), ", ", number(found->least), ", ",
                              number(found->most), ")"));
  }
  const auto& operands = expr.operands();
  const std::string condition = value(operands[0]);
  std::string name = cat("t", temporaries_++);
  line(cat(computed_type(expr.dtype()), " ", name, ";"));
  open(cat("if (", condition, ") {"));
  line(cat(name, " = ", value(operands[1]), ";"));
  close();
  open("else {");
  line(cat(name, " = ", value(operands[2]), ";"));
  close();
  return name;
}

namespace {

/// f32(i64(a) + i64(b)) of integers that have 32 bits.
std::optional<std::pair<Expr, Expr>> two_narrow_terms(const Expr& expr) {
  if (expr.dtype() != DType::f32) return std::nullopt;
  const Expr& sum = expr.operands()[0];
  if (sum.kind() != Expr::Kind::call || sum.function() != Function::add ||
      sum.dtype() != DType::i64)
    return std::nullopt;
  std::vector<Expr> terms;
  for (const Expr& wide : sum.operands())
    if (wide.kind() == Expr::Kind::cast && wide.operands()[0].dtype() == DType::i32)
      terms.push_back(wide.operands()[0]);
  if (terms.size() != 2) return std::nullopt;
  return std::pair(terms[0], terms[1]);
}

}  // namespace

std::string ExprText::cast(const Expr& expr) {
  const Expr& operand = expr.operands()[0];
  const DType from = operand.dtype(), to = expr.dtype();
  if (whole_in(expr)) {
    if (const auto name = quantized(operand)) {
      const auto shift = static_cast<int64_t>(rounded_in(*clamped_in(operand))->shift);
      return assigned(expr, cat("(", stored_type(to), ")(whole_bits(", *name, ") + ", shift, ")"));
    }
    return assigned(expr, cat("(", stored_type(to), ")(int)", value(operand)));
  }
  if (const auto number = whole_in(operand); number && bits(to) >= 32 && is_float(to))
    return assigned(expr, cat("(", computed_type(to), ")(", value(*number), ")"));
  if (to == DType::f32 && (from == DType::i8 || from == DType::u8) &&
      operand.kind() != Expr::Kind::number)
    return assigned(expr, cat("float_of(", value(operand), ")"));
  if (const auto both = two_narrow_terms(expr))
    return assigned(expr, cat("sum_as_f32(", value(both->first), ", ", value(both->second), ")"));
  const std::string given = value(operand);
  if (to == DType::boolean) return assigned(expr, cat(given, " != 0"));
  if (is_small(to)) {
    const char* wide = is_float(to) ? "(double)" : is_float(from) ? "to_integer(" : "(long long)";
    const char* end = !is_float(to) && is_float(from) ? ")" : "";
    const std::string code = stored(cat(wide, given, end), to);
    return assigned(expr, is_float(to) ? loaded(code, to) : code);
  }
  if (is_float(to)) {
    const bool half = to == DType::f16 || to == DType::bf16;
    // Once rounded, not twice: integers of 64 bits and f64 are wider than float.
    if (half && (from == DType::f64 || is_integer(from)))
      return assigned(expr, loaded(stored(cat("(double)", given), to), to));
    if (half && keeps_digits_) return given;
    if (half) return assigned(expr, loaded(stored(cat("(float)", given), to), to));
    return assigned(expr, cat("(", computed_type(to), ")", given));
  }
  if (is_float(from))
    return assigned(expr, cat("(", stored_type(to), ")",
                              to == DType::u64 ? "to_unsigned(" : "to_integer(", given, ")"));
  return assigned(expr, cat("(", stored_type(to), ")", given));
}

/// As I. What is computed from contents may be anything: it is kept inside.
std::string ExprText::index(const Expr& expr, const Dim& size, bool clamp) {
  if (expr.kind() == Expr::Kind::index) return dims_(expr.dim());
  const std::string given = value(expr);
  if (!clamp) return cat("(I)", given);
  return cat("inside(", given, ", ", dims_(size), ")");
}

std::string ExprText::offset(const Place& place, const Dims& at) {
  Dim sum, stride = 1;
  for (size_t axis = at.size(); axis-- > 0;) {
    sum = sum + at[axis] * (place.strides.empty() ? stride : place.strides[axis]);
    stride = stride * place.shape[axis];
  }
  return dims_(sum);
}

ExprText::Element ExprText::element(const Expr& expr) {
  const Place& place = places_.find(std::get<BufferName>(expr.source()).text)->second;
  const auto& indices = expr.operands();
  std::string inside, at;
  Dim known, stride = 1;  // of indices that are places, in one sum: terms cancel
  for (size_t axis = indices.size(); axis-- > 0;) {
    const Dim step = place.strides.empty() ? stride : place.strides[axis];
    const bool is_place = indices[axis].kind() == Expr::Kind::index;
    std::string text;
    if (is_place) known = known + indices[axis].dim() * step;
    if (!is_place || expr.outside())
      text = index(indices[axis], place.shape[axis], !expr.outside());
    if (!is_place) at += cat(text, " * ", dims_(step), " + ");
    if (expr.outside())
      inside += cat(inside.empty() ? "" : " && ", text, " >= 0 && ", text, " < ",
                    dims_(place.shape[axis]));
    stride = stride * place.shape[axis];
  }
  return {cat(at, dims_(known)), std::move(inside)};
}

std::string ExprText::load(const Expr& expr) {
  const Place& place = places_.find(std::get<BufferName>(expr.source()).text)->second;
  if (place.in_word) return place.name;
  if (place.is_register) return assigned(expr, place.name);
  const auto [offset, inside] = element(expr);
  std::string element = cat(place.name, "[", offset, "]");
  if (is_packed(place.dtype))
    element = cat("part_of<", bits(place.dtype), ">(", place.name, ", ", offset, ")");
  if (place.is_bits && place.dtype == DType::f32) element = cat("__uint_as_float(", element, ")");
  else if (place.is_bits) element = cat("__longlong_as_double((long long)", element, ")");
  else element = loaded(element, place.dtype);
  if (inside.empty()) return assigned(expr, element);
  const double other = *expr.outside();
  return assigned(expr, cat(inside, " ? ", element, " : ",
                            number_text(other, static_cast<int64_t>(other), place.dtype)));
}

std::string table_text(Place& place, const Tensor& contents) {
  place.is_bits = place.dtype == DType::f32 || place.dtype == DType::f64;
  const bool raw = is_float(place.dtype) || is_small(place.dtype);
  const int width = std::max(8, bits(place.dtype));
  const char* type = !raw          ? stored_type(place.dtype)
                     : width == 64 ? "unsigned long long"
                     : width == 32 ? "unsigned"
                     : width == 16 ? "unsigned short"
                                   : "unsigned char";
  std::string text = cat("__device__ const ", type, " ", place.name, "[] = {");
  const int64_t count = is_packed(place.dtype) ? std::ssize(contents.bytes()) : contents.count();
  for (int64_t i = 0; i < count; ++i) {
    uint64_t code = 0;
    if (raw)
      std::memcpy(&code, contents.bytes().data() + i * (width / 8), static_cast<size_t>(width / 8));
    text += raw ? cat(code, width == 64 ? "ull, " : "u, ")
                : cat(number_text(0, contents.integer(i), place.dtype), ", ");
  }
  return text + (count == 0 ? "0};\n" : "};\n");
}

}  // namespace hone::cuda::emitter
