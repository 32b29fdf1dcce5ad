// Slow interpretation of stages: what generated code is compared to, and what proves that an op's
// stages say the same as its reference evaluation.

#include <cmath>

#include "base/size.hpp"
#include "ir/stages.hpp"
#include "ir/tensor.hpp"

namespace hone {
namespace {

/// One element: `real` of float dtypes, `integer` of the others.
struct Scalar {
  double real = 0;
  int64_t integer = 0;
};

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

class Interpreter {
 public:
  Interpreter(const Bindings& symbols, std::unordered_map<const Value*, Tensor>& known)
      : variables_(symbols), known_(known) {}

  void run(const Stage& stage) {
    std::vector<int64_t> shape;
    for (const Dim& extent : stage.extents) shape.push_back(value_of(extent));
    Tensor tensor(stage.dtype, shape);
    std::vector<int64_t> at(shape.size());
    for (int64_t i = 0; i < tensor.count(); ++i) {
      for (size_t axis = 0; axis < at.size(); ++axis) variables_[cat("i.", axis)] = at[axis];
      const Scalar element = evaluate(stage.expr);
      if (is_float(stage.dtype)) tensor.set_number(i, element.real);
      else tensor.set_integer(i, element.integer);
      for (size_t axis = at.size(); axis-- > 0;) {
        if (++at[axis] < shape[axis]) break;
        at[axis] = 0;
      }
    }
    if (stage.value != nullptr) known_[stage.value] = std::move(tensor);
    else own_[&stage] = std::move(tensor);
  }

 private:
  int64_t value_of(const Dim& dim) const {
    const auto value = dim.evaluate(variables_);
    check(value.has_value(), Code::internal, "the dimension ", dim, " cannot be computed");
    return *value;
  }

  const Tensor& contents(const Expr::Source& source) const {
    if (const auto* stage = std::get_if<std::shared_ptr<const Stage>>(&source))
      return own_.at(stage->get());
    const Value* value = std::get<const Value*>(source);
    if (value->is_constant()) return value->weight->tensor();
    const auto found = known_.find(value);
    check(found != known_.end(), Code::internal, "%", value->name, " has no contents");
    return found->second;
  }

  Scalar load(const Expr& expr) {
    const Tensor& tensor = contents(expr.source());
    int64_t offset = 0;
    for (size_t axis = 0; axis < expr.operands().size(); ++axis) {
      const int64_t index = evaluate(expr.operands()[axis]).integer;
      const int64_t size = tensor.shape()[axis];
      if (index < 0 || index >= size) {
        check(expr.outside().has_value(), Code::internal, "index ", index, " of axis ", axis,
              " lies outside ", size);
        return {*expr.outside(), static_cast<int64_t>(*expr.outside())};
      }
      offset = offset * size + index;
    }
    if (is_float(tensor.dtype())) return {tensor.number(offset), 0};
    return {0, tensor.integer(offset)};
  }

  Scalar call(const Expr& expr) {
    const auto& operands = expr.operands();
    if (expr.function() == Function::select)
      return evaluate(operands[evaluate(operands[0]).integer != 0 ? 1 : 2]);
    const Scalar a = evaluate(operands[0]);
    const Scalar b = operands.size() > 1 ? evaluate(operands[1]) : Scalar{};
    return combine(expr.function(), a, b, operands[0].dtype());
  }

  /// f(a, b) of operands of `dtype`.
  static Scalar combine(Function function, Scalar a, Scalar b, DType dtype) {
    const bool real = is_float(dtype), is_u64 = dtype == DType::u64;
    if (function == Function::equal) return {0, real ? a.real == b.real : a.integer == b.integer};
    if (function == Function::less)
      return {0, real ? a.real < b.real : is_below(a.integer, b.integer, is_u64)};
    if (function == Function::less_equal)
      return {0, real ? a.real <= b.real : !is_below(b.integer, a.integer, is_u64)};
    if (real) return {real_call(function, a.real, b.real), 0};
    return {0, wrapped(integer_call(function, a.integer, b.integer, dtype), dtype)};
  }

  Scalar cast(const Expr& expr) {
    const Expr& operand = expr.operands()[0];
    const Scalar value = evaluate(operand);
    Tensor to(expr.dtype(), {});
    if (expr.dtype() == DType::boolean)
      return {0, is_float(operand.dtype()) ? value.real != 0 : value.integer != 0};
    if (is_float(operand.dtype())) to.set_number(0, value.real);
    else to.set_integer(0, value.integer);
    return is_float(expr.dtype()) ? Scalar{to.number(0), 0} : Scalar{0, to.integer(0)};
  }

  /// What a reduction of nothing gives.
  static Scalar identity(Function function, DType dtype) {
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    const bool is_max = function == Function::max;
    switch (function) {
      case Function::mul: return {1, 1};
      case Function::bit_and: return {0, wrapped(-1, dtype)};
      case Function::min:
      case Function::max: {
        if (dtype == DType::boolean) return {0, is_max ? 0 : 1};
        if (dtype == DType::u64) return {0, is_max ? 0 : -1};
        const int width = is_float(dtype) ? 1 : bits(dtype);
        const int64_t most = is_signed(dtype) ? static_cast<int64_t>(~uint64_t{0} >> (65 - width))
                                              : wrapped(-1, dtype);
        const int64_t least = is_signed(dtype) ? -most - 1 : 0;
        return {is_max ? -kInfinity : kInfinity, is_max ? least : most};
      }
      default: return {0, 0};
    }
  }

  Scalar reduce(const Expr& expr, size_t axis, Scalar sum) {
    if (axis == expr.axes().size())
      return combine(expr.function(), sum, evaluate(expr.operands()[0]), expr.dtype());
    const int64_t extent = value_of(expr.axes()[axis].extent);
    const std::string name(*expr.axes()[axis].variable.as_symbol());
    for (int64_t i = 0; i < extent; ++i) {
      variables_[name] = i;
      sum = reduce(expr, axis + 1, sum);
    }
    return sum;
  }

  Scalar evaluate(const Expr& expr) {
    switch (expr.kind()) {
      case Expr::Kind::number: return {expr.number(), expr.integer()};
      case Expr::Kind::index: return {0, value_of(expr.dim())};
      case Expr::Kind::load: return load(expr);
      case Expr::Kind::call: return call(expr);
      case Expr::Kind::cast: return cast(expr);
      case Expr::Kind::reduce: break;
    }
    return reduce(expr, 0, identity(expr.function(), expr.dtype()));
  }

  Bindings variables_;
  std::unordered_map<const Value*, Tensor>& known_;
  std::unordered_map<const Stage*, Tensor> own_;
};

}  // namespace

void evaluate(const Stages& stages, const Bindings& symbols,
              std::unordered_map<const Value*, Tensor>& known) {
  check(static_cast<bool>(stages), Code::internal, "no stages: ", stages.declined);
  Interpreter interpreter(symbols, known);
  for (const auto& stage : stages.list) interpreter.run(*stage);
}

}  // namespace hone
