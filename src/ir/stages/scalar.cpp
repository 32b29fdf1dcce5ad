#include "ir/stages/scalar.hpp"

#include <cmath>
#include <limits>

#include "base/error.hpp"
#include "ir/tensor.hpp"

namespace hone {
namespace {

int64_t wrapped(int64_t value, DType dtype) {
  if (dtype == DType::boolean) return value != 0 ? 1 : 0;
  const int width = bits(dtype);
  if (width >= 64) return value;
  const auto kept = static_cast<uint64_t>(value) & ((uint64_t{1} << width) - 1);
  if (is_signed(dtype) && ((kept >> (width - 1)) & 1) != 0)
    return static_cast<int64_t>(kept | ~((uint64_t{1} << width) - 1));
  return static_cast<int64_t>(kept);
}

double real_call(Function function, double a, double b) {
  switch (function) {
    case Function::add: return a + b;
    case Function::sub: return a - b;
    case Function::mul: return a * b;
    case Function::div: return a / b;
    case Function::truncated_mod: return std::fmod(a, b);
    case Function::floor_mod: {
      const double rest = std::fmod(a, b);
      if (std::isnan(rest)) return rest;
      if (rest == 0) return std::copysign(rest, b);
      return (rest < 0) != (b < 0) ? rest + b : rest;
    }
    case Function::power: return std::pow(a, b);
    case Function::min: return a != a || a < b ? a : b;
    case Function::max: return a != a || a > b ? a : b;
    case Function::negate: return -a;
    case Function::absolute: return std::fabs(a);
    case Function::floor: return std::floor(a);
    case Function::ceil: return std::ceil(a);
    case Function::round: return std::nearbyint(a);
    case Function::exp: return std::exp(a);
    case Function::expm1: return std::expm1(a);
    case Function::log: return std::log(a);
    case Function::log1p: return std::log1p(a);
    case Function::sqrt: return std::sqrt(a);
    case Function::sin: return std::sin(a);
    case Function::cos: return std::cos(a);
    case Function::tan: return std::tan(a);
    case Function::asin: return std::asin(a);
    case Function::acos: return std::acos(a);
    case Function::atan: return std::atan(a);
    case Function::sinh: return std::sinh(a);
    case Function::cosh: return std::cosh(a);
    case Function::tanh: return std::tanh(a);
    case Function::asinh: return std::asinh(a);
    case Function::acosh: return std::acosh(a);
    case Function::atanh: return std::atanh(a);
    case Function::erf: return std::erf(a);
    default: fail(Code::internal, name(function), " of floats");
  }
}

bool is_below(int64_t a, int64_t b, bool is_u64) {
  return is_u64 ? static_cast<uint64_t>(a) < static_cast<uint64_t>(b) : a < b;
}

int64_t integer_quotient(int64_t a, int64_t b, bool is_u64) {
  if (b == 0) return 0;
  if (is_u64) return static_cast<int64_t>(static_cast<uint64_t>(a) / static_cast<uint64_t>(b));
  return b == -1 ? static_cast<int64_t>(0 - static_cast<uint64_t>(a)) : a / b;
}

int64_t integer_power(int64_t base, int64_t exponent, bool is_signed) {
  if (is_signed && exponent < 0) {
    if (base == 1) return 1;
    return base == -1 ? ((exponent & 1) != 0 ? -1 : 1) : 0;
  }
  uint64_t result = 1, square = static_cast<uint64_t>(base);
  for (auto rest = static_cast<uint64_t>(exponent); rest != 0; rest >>= 1, square *= square)
    if ((rest & 1) != 0) result *= square;
  return static_cast<int64_t>(result);
}

int64_t integer_call(Function function, int64_t a, int64_t b, DType dtype) {
  const bool is_u64 = dtype == DType::u64;
  const auto ua = static_cast<uint64_t>(a), ub = static_cast<uint64_t>(b);
  switch (function) {
    case Function::add: return static_cast<int64_t>(ua + ub);
    case Function::sub: return static_cast<int64_t>(ua - ub);
    case Function::mul: return static_cast<int64_t>(ua * ub);
    case Function::div: return integer_quotient(a, b, is_u64);
    case Function::truncated_mod:
    case Function::floor_mod: {
      if (b == 0 || (is_signed(dtype) && b == -1)) return 0;
      if (is_u64) return static_cast<int64_t>(ua % ub);
      const int64_t rest = a % b;
      const bool moves = function == Function::floor_mod && rest != 0 && (rest < 0) != (b < 0);
      return moves ? rest + b : rest;
    }
    case Function::power: return integer_power(a, b, is_signed(dtype));
    case Function::min: return is_below(b, a, is_u64) ? b : a;
    case Function::max: return is_below(a, b, is_u64) ? b : a;
    case Function::bit_and: return a & b;
    case Function::bit_or: return a | b;
    case Function::bit_xor: return a ^ b;
    case Function::bit_not: return ~a;
    case Function::shift_left: return ub >= static_cast<uint64_t>(bits(dtype)) ? 0 : a << b;
    case Function::shift_right:
      if (ub >= static_cast<uint64_t>(bits(dtype))) return 0;
      return is_u64 ? static_cast<int64_t>(ua >> ub) : a >> b;
    case Function::negate: return static_cast<int64_t>(0 - ua);
    case Function::absolute: return is_signed(dtype) && a < 0 ? static_cast<int64_t>(0 - ua) : a;
    default: fail(Code::internal, name(function), " of integers");
  }
}

}  // namespace

Scalar combine(Function function, Scalar a, Scalar b, DType dtype) {
  const bool real = is_float(dtype), is_u64 = dtype == DType::u64;
  if (function == Function::equal) return {0, real ? a.real == b.real : a.integer == b.integer};
  if (function == Function::less)
    return {0, real ? a.real < b.real : is_below(a.integer, b.integer, is_u64)};
  if (function == Function::less_equal)
    return {0, real ? a.real <= b.real : !is_below(b.integer, a.integer, is_u64)};
  if (real) return {real_call(function, a.real, b.real), 0};
  return {0, wrapped(integer_call(function, a.integer, b.integer, dtype), dtype)};
}

Scalar cast(Scalar value, DType from, DType to) {
  if (to == DType::boolean) return {0, is_float(from) ? value.real != 0 : value.integer != 0};
  Tensor element(to, {});
  if (is_float(from)) element.set_number(0, value.real);
  else element.set_integer(0, value.integer);
  return is_float(to) ? Scalar{element.number(0), 0} : Scalar{0, element.integer(0)};
}

Scalar identity(Function function, DType dtype) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const bool is_max = function == Function::max;
  switch (function) {
    case Function::mul: return {1, 1};
    case Function::bit_and: return {0, wrapped(-1, dtype)};
    case Function::min:
    case Function::max: {
      if (dtype == DType::boolean) return {0, is_max ? 0 : 1};
      if (dtype == DType::u64) return {0, is_max ? 0 : -1};
      const int width = is_float(dtype) ? 64 : bits(dtype);  // of floats: any
      const int64_t most = is_signed(dtype) ? static_cast<int64_t>(~uint64_t{0} >> (65 - width))
                                            : wrapped(-1, dtype);
      const int64_t least = is_signed(dtype) ? -most - 1 : 0;
      return {is_max ? -kInfinity : kInfinity, is_max ? least : most};
    }
    default: return {0, 0};
  }
}

}  // namespace hone
