#include "device/cuda/emit/quantized_text.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/dtype.hpp"
#include "ir/stages/scalar.hpp"

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

namespace {

/// An integer of 8 bits as f32.
bool is_byte(const Expr& expr) {
  if (expr.kind() != Expr::Kind::cast || expr.dtype() != DType::f32) return false;
  const DType from = expr.operands()[0].dtype();
  return (from == DType::i8 || from == DType::u8) &&
         expr.operands()[0].kind() != Expr::Kind::number;
}

bool is_fixed(const Expr& expr) {
  bool fixed = true;
  visit(expr, [&](const Expr& inner) {
    fixed &= inner.kind() == Expr::Kind::number || inner.kind() == Expr::Kind::cast ||
             inner.kind() == Expr::Kind::call;
  });
  return fixed;
}

/// Sums, differences and products with constants of integers of 8 bits, which `bytes` gets. false:
/// there is something else.
bool find_bytes(const Expr& expr, std::vector<Expr>& bytes) {
  if (is_fixed(expr)) return true;
  if (is_byte(expr)) {
    if (std::ranges::find(bytes, expr) == bytes.end()) bytes.push_back(expr);
    return true;
  }
  if (expr.kind() == Expr::Kind::cast && is_float(expr.dtype()) && bits(expr.dtype()) >= 32)
    return is_float(expr.operands()[0].dtype()) && find_bytes(expr.operands()[0], bytes);
  const bool adds = is_call(expr, Function::add) || is_call(expr, Function::sub),
             scales = is_call(expr, Function::mul);
  if (!adds && !scales) return false;
  const auto& both = expr.operands();
  if (scales && !is_fixed(both[0]) && !is_fixed(both[1])) return false;
  return find_bytes(both[0], bytes) && find_bytes(both[1], bytes);
}

/// The expression as it is defined, for these values of bytes[0], bytes[1].
Scalar evaluated(const Expr& expr, const std::vector<Expr>& bytes, const double (&values)[2]) {
  for (size_t i = 0; i < bytes.size(); ++i)
    if (expr == bytes[i]) return {values[i], 0};
  if (expr.kind() == Expr::Kind::number)
    return is_float(expr.dtype()) ? Scalar{expr.number(), 0} : Scalar{0, expr.integer()};
  const Scalar first = evaluated(expr.operands()[0], bytes, values);
  const DType from = expr.operands()[0].dtype();
  if (expr.kind() == Expr::Kind::cast) return cast(first, from, expr.dtype());
  return combine(expr.function(), first, evaluated(expr.operands()[1], bytes, values), from);
}

/// What a sum of two bytes is, to a few units of f64.
struct Plane {
  double of_x, of_y, rest;
};

/// Values of both whose sum is near to a half, where f32 may round otherwise.
struct Near {
  float x, y, wanted;
};

class Proof {
 public:
  Proof(const Expr& sum, std::vector<Expr> bytes, double least, double most)
      : sum_(sum), bytes_(std::move(bytes)), least_(least), most_(most) {}

  std::optional<ProvenSum> run() {
    constexpr double kMost = 4096;  // whose f32 are apart by less than kNear / 4
    const double rest = at(0, 0);
    plane_ = {at(1, 0) - rest, at(0, 1) - rest, rest};
    for (const size_t i : {0, 1}) shifts_[i] = shift_of(integer(i));
    if (!(std::abs(plane_.rest) + 255 * (std::abs(plane_.of_x) + std::abs(plane_.of_y)) < kMost))
      return std::nullopt;
    find_near();
    const double moved = rest + plane_.of_x * shifts_[0] + plane_.of_y * shifts_[1];
    // Nearest numbers first; then some that are a little off.
    constexpr float kStep = 1e-6f;
    constexpr int kTurns = 40;
    for (int turn = 0; turn <= kTurns; ++turn)
      for (const int x : {0, 1, -1}) {
        ProvenSum tried{bytes_[0], bytes_[1], static_cast<float>(plane_.of_x),
                        static_cast<float>(plane_.of_y), static_cast<float>(moved)};
        if (x != 0) tried.of_x = std::nextafter(tried.of_x, static_cast<float>(x) * 1e30f);
        tried.rest += kStep * static_cast<float>((turn + 1) / 2 * (turn % 2 == 0 ? 1 : -1));
        if (holds(tried)) return tried;
      }
    return std::nullopt;
  }

 private:
  double at(double x, double y) const { return evaluated(sum_, bytes_, {x, y}).real; }
  const Expr& integer(size_t i) const { return bytes_[i].operands()[0]; }
  float rounded(double sum) const {
    return static_cast<float>(std::clamp(std::nearbyint(sum), least_, most_));
  }

  void find_near() {
    constexpr double kNear = 2e-3;
    const bool signs[] = {is_signed(integer(0).dtype()), is_signed(integer(1).dtype())};
    for (int i = 0; i < 256; ++i)
      for (int j = 0; j < 256; ++j) {
        const double x = i - (signs[0] ? 128 : 0), y = j - (signs[1] ? 128 : 0);
        const double sum = plane_.rest + plane_.of_x * x + plane_.of_y * y;
        if (std::abs(sum - std::floor(sum) - 0.5) < kNear && sum > least_ - 1 && sum < most_ + 1)
          near_.push_back({static_cast<float>(x - shifts_[0]), static_cast<float>(y - shifts_[1]),
                           rounded(at(x, y))});
      }
  }

  bool holds(const ProvenSum& tried) const {
    return std::ranges::all_of(near_, [&](const Near& each) {
      return rounded(std::fma(each.x, tried.of_x, std::fma(each.y, tried.of_y, tried.rest))) ==
             each.wanted;
    });
  }

  const Expr& sum_;
  const std::vector<Expr> bytes_;
  const double least_, most_;
  Plane plane_{};
  double shifts_[2] = {};
  std::vector<Near> near_;
};

}  // namespace

double shift_of(const Expr& cast) {
  const auto whole = whole_in(cast);
  const auto clamped = whole ? clamped_in(*whole) : std::nullopt;
  const auto rounded = clamped ? rounded_in(*clamped) : std::nullopt;
  return rounded ? rounded->shift : 0;
}

std::optional<ProvenSum> proven_sum(const Expr& sum, double least, double most) {
  std::vector<Expr> bytes;
  if (sum.dtype() != DType::f64 || !find_bytes(sum, bytes) || bytes.size() != 2)
    return std::nullopt;
  struct Known {
    Expr sum;
    double least, most;
    std::optional<ProvenSum> made;
  };
  // Texts of one region are written many times over.
  constexpr size_t kMost = 8;
  thread_local std::vector<Known> last;
  for (const Known& known : last)
    if (known.sum == sum && known.least == least && known.most == most) return known.made;
  if (last.size() == kMost) last.erase(last.begin());
  last.push_back({sum, least, most, Proof(sum, std::move(bytes), least, most).run()});
  return last.back().made;
}

}  // namespace hone::cuda::emitter
