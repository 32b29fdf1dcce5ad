#include "device/cuda/emit/quantized_text.hpp"

#include <cmath>

#include "base/dtype.hpp"

namespace hone::cuda::emitter {
namespace {

bool is_real_number(const Expr& expr) {
  return expr.kind() == Expr::Kind::number && is_float(expr.dtype());
}

/// A number that takes no operand; nullopt: it does.
std::optional<double> constant(const Expr& expr) {
  if (is_real_number(expr)) return expr.number();
  if (expr.kind() == Expr::Kind::number) return static_cast<double>(expr.integer());
  if (expr.kind() == Expr::Kind::cast && is_float(expr.dtype())) {
    const auto inner = constant(expr.operands()[0]);
    if (!inner) return std::nullopt;
    return expr.dtype() == DType::f64   ? *inner
           : expr.dtype() == DType::f32 ? static_cast<double>(static_cast<float>(*inner))
                                        : std::optional<double>();
  }
  return std::nullopt;
}

bool is_whole(const Expr& expr) {
  if (const auto number = constant(expr)) return *number == std::floor(*number);
  if (is_call(expr, Function::round)) return true;
  if (expr.kind() == Expr::Kind::cast && is_float(expr.dtype()))
    return is_integer(expr.operands()[0].dtype()) || is_whole(expr.operands()[0]);
  if (is_call(expr, Function::add) || is_call(expr, Function::sub))
    return is_whole(expr.operands()[0]) && is_whole(expr.operands()[1]);
  return false;
}

/// The largest magnitude of an expression in f32 that is exact as it is computed, or a quotient of
/// constants; nullopt: not known.
std::optional<double> magnitude(const Expr& expr) {
  if (const auto number = constant(expr)) return std::abs(*number);
  if (expr.kind() == Expr::Kind::cast && expr.dtype() == DType::f32) {
    const DType from = expr.operands()[0].dtype();
    if (is_integer(from) && bits(from) == 8) return is_signed(from) ? 128 : 255;
    if (from == DType::f32) return magnitude(expr.operands()[0]);
    return std::nullopt;
  }
  if (expr.kind() != Expr::Kind::call || expr.operands().size() != 2) return std::nullopt;
  const auto a = magnitude(expr.operands()[0]), b = magnitude(expr.operands()[1]);
  if (!a || !b) return std::nullopt;
  if (is_call(expr, Function::add) || is_call(expr, Function::sub)) return *a + *b;
  const bool divides = is_call(expr, Function::div) && constant(expr.operands()[0]) &&
                       constant(expr.operands()[1]) && *b > 0;
  return divides ? std::optional(*a / *b * 1.0001) : std::nullopt;
}

constexpr double kRounding = 0x1p-24;  // of f32, relative

struct Nearly {
  Expr expr;
  double most, error;
};

/// The expression in f64 computed in f32.
std::optional<Nearly> nearly(const Expr& expr) {
  if (const auto number = constant(expr)) {
    const auto rounded = static_cast<double>(static_cast<float>(*number));
    return Nearly{Expr(rounded, DType::f32), std::abs(*number), std::abs(*number - rounded)};
  }
  if (expr.kind() == Expr::Kind::cast && expr.operands()[0].dtype() == DType::f32) {
    const auto most = magnitude(expr.operands()[0]);
    return most ? std::optional(Nearly{expr.operands()[0], *most, 0}) : std::nullopt;
  }
  if (expr.kind() != Expr::Kind::call || expr.operands().size() != 2) return std::nullopt;
  if (is_call(expr, Function::add) && constant(expr.operands()[1]) == 0)
    return nearly(expr.operands()[0]);
  const bool sums = expr.function() == Function::add || expr.function() == Function::sub;
  if (!sums && expr.function() != Function::mul) return std::nullopt;
  const auto a = nearly(expr.operands()[0]), b = nearly(expr.operands()[1]);
  if (!a || !b) return std::nullopt;
  const double most = sums ? a->most + b->most : a->most * b->most;
  const double before =
      sums ? a->error + b->error : a->most * b->error + b->most * a->error + a->error * b->error;
  return Nearly{Expr::call(expr.function(), {a->expr, b->expr}), most,
                before + 1.01 * kRounding * (most + before)};
}

}  // namespace

std::optional<Clamped> clamped_in(const Expr& expr) {
  if (!is_call(expr, Function::select) || !is_float(expr.dtype()) || bits(expr.dtype()) < 32)
    return std::nullopt;
  const auto& operands = expr.operands();
  if (!is_call(operands[0], Function::less_equal) || !is_call(operands[1], Function::min))
    return std::nullopt;
  const Expr& least = operands[0].operands()[0];
  const Expr& x = operands[0].operands()[1];
  const Expr& most = operands[1].operands()[1];
  if (!is_real_number(least) || !is_real_number(most) || !(operands[1].operands()[0] == x) ||
      !(operands[2] == least) || !(least.number() <= most.number()))
    return std::nullopt;
  return Clamped{x, least.number(), most.number()};
}

std::optional<Rounded> rounded_in(const Clamped& clamped) {
  constexpr double kMost = 0x1p+20;
  double shift = 0;
  const Expr* round = &clamped.x;
  if (is_call(*round, Function::add)) {
    const auto number = constant(round->operands()[1]);
    if (!number || *number != std::floor(*number) || std::abs(*number) > kMost) return std::nullopt;
    shift = *number;
    round = &round->operands()[0];
  }
  if (!is_call(*round, Function::round) || std::abs(clamped.least) > kMost ||
      std::abs(clamped.most) > kMost || clamped.least != std::floor(clamped.least) ||
      clamped.most != std::floor(clamped.most))
    return std::nullopt;
  return Rounded{round->operands()[0], shift, clamped.least - shift, clamped.most - shift};
}

std::optional<Expr> whole_in(const Expr& cast) {
  if (cast.kind() != Expr::Kind::cast || !is_integer(cast.dtype()) || bits(cast.dtype()) > 32 ||
      bits(cast.dtype()) < 8)
    return std::nullopt;
  const auto clamped = clamped_in(cast.operands()[0]);
  const bool has_sign = is_signed(cast.dtype());
  const double most = std::ldexp(1.0, bits(cast.dtype()) - (has_sign ? 1 : 0)) - 1,
               least = has_sign ? -most - 1 : 0;
  constexpr double kMost = 0x1p+24;
  if (!clamped || clamped->least < std::max(least, -kMost) ||
      clamped->most > std::min(most, kMost) || !is_whole(clamped->x))
    return std::nullopt;
  return cast.operands()[0];
}

std::optional<NearlyRounded> nearly_rounded(const Expr& x) {
  constexpr double kMost = 0x1p+20, kWorth = 0.05;
  const auto made = x.dtype() == DType::f64 ? nearly(x) : std::nullopt;
  if (!made || !(made->most < kMost) || !(made->error < kWorth)) return std::nullopt;
  return NearlyRounded{made->expr, 0.4999 - made->error};
}

}  // namespace hone::cuda::emitter
