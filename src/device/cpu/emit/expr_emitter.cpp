#include "device/cpu/emit/expr_emitter.hpp"

#include <bit>
#include <cmath>

#include "base/text.hpp"
#include "device/cpu/emit/immediates.hpp"

namespace hone::cpu::emitter {

Xbyak::Xmm ExprEmitter::evaluate(const Expr& expr) {
  held_.clear();
  free_vectors_.clear();
  free_masks_.clear();
  for (int reg = a_.vectors() - kept_; reg-- > 0;) free_vectors_.push_back(reg);
  for (int reg = 7; reg >= 2; --reg) free_masks_.push_back(reg);
  if (expr.dtype() != DType::f32) throw Refusal{cat("it computes ", expr.dtype())};
  count(expr);
  return vector(value(expr));
}

void ExprEmitter::count(const Expr& expr) {
  if (++held_[expr].uses > 1) return;
  if (expr.kind() == Expr::Kind::load) return;
  for (const Expr& operand : expr.operands()) count(operand);
}

int ExprEmitter::value(const Expr& expr) {
  if (const int reg = held_.at(expr).reg; reg >= 0) return reg;
  const int reg = compute(expr);
  held_.at(expr).reg = reg;
  return reg;
}

int ExprEmitter::compute(const Expr& expr) {
  if (expr.dtype() != DType::f32 && expr.dtype() != DType::boolean)
    throw Refusal{cat("it computes ", expr.dtype())};
  switch (expr.kind()) {
    case Expr::Kind::number: {
      if (expr.dtype() != DType::f32) throw Refusal{"it has a constant truth"};
      const int reg = take(false);
      a_.vmovups(vector(reg), number(expr));
      return reg;
    }
    case Expr::Kind::load: {
      if (expr.dtype() != DType::f32) throw Refusal{cat("it loads ", expr.dtype())};
      const int reg = take(false);
      load_(expr, vector(reg));
      return reg;
    }
    case Expr::Kind::call: return call(expr);
    case Expr::Kind::cast: break;
    default: throw Refusal{"it computes with places"};
  }
  if (expr.operands()[0].kind() == Expr::Kind::index && expr.dtype() == DType::f32)
    return size(expr.operands()[0].dim());
  // Computed as f32, it is rounded already.
  if (expr.operands()[0].dtype() != DType::f32 || expr.dtype() != DType::f32)
    throw Refusal{cat("it casts ", expr.operands()[0].dtype(), " to ", expr.dtype())};
  const int from = value(expr.operands()[0]);
  release(expr);
  const int reg = take(false);
  if (reg != from) a_.vmovaps(vector(reg), vector(from));
  return reg;
}

/// The same for all lanes. In a vector loop rax is the counter.
int ExprEmitter::size(const Dim& dim) {
  const int reg = take(false);
  a_.push(a_.rax);
  a_.integer(dim);
  const Xbyak::Xmm low(reg);
  a_.vxorps(low, low, low);
  a_.vcvtsi2ss(low, low, a_.rax);
  a_.pop(a_.rax);
  a_.vbroadcastss(vector(reg), low);
  return reg;
}

/// A number that may be read from memory where it is used.
bool ExprEmitter::is_unheld_number(const Expr& expr) const {
  return expr.kind() == Expr::Kind::number && expr.dtype() == DType::f32 && held_.at(expr).reg < 0;
}

Xbyak::Address ExprEmitter::number(const Expr& expr) {
  return a_.literal(std::bit_cast<uint32_t>(static_cast<float>(expr.number())));
}

int ExprEmitter::call(const Expr& expr) {
  switch (expr.function()) {
    case Function::add:
    case Function::sub:
    case Function::mul:
    case Function::div: return binary(expr);
    case Function::min:
    case Function::max: return extremum(expr);
    case Function::equal:
    case Function::less:
    case Function::less_equal: return compare(expr);
    case Function::bit_and:
    case Function::bit_or:
    case Function::bit_xor: return logic(expr);
    case Function::select: return select(expr);
    case Function::negate:
    case Function::absolute:
    case Function::floor:
    case Function::ceil:
    case Function::round:
    case Function::sqrt: return unary(expr);
    case Function::exp:
    case Function::log:
    case Function::tanh:
    case Function::erf: return transcendental(expr);
    default: throw Refusal{cat("no code for ", name(expr.function()), " yet")};
  }
}

namespace {

bool is_product(const Expr& expr) {
  return expr.kind() == Expr::Kind::call && expr.function() == Function::mul &&
         expr.dtype() == DType::f32;
}

}  // namespace

/// a * b + c without a rounding between, where nothing else wants the product.
std::optional<int> ExprEmitter::fused(const Expr& expr) {
  if (expr.function() != Function::add && expr.function() != Function::sub) return std::nullopt;
  for (size_t at = 0; at < 2; ++at) {
    const Expr &product = expr.operands()[at], &other = expr.operands()[1 - at];
    const Held& held = held_.at(product);
    if (!is_product(product) || held.uses != 1 || held.reg >= 0) continue;
    const auto a = vector(value(product.operands()[0])), b = vector(value(product.operands()[1]));
    const auto emit = [&](const Xbyak::Operand& c) {
      const auto result = vector(take(false));
      a_.vmovaps(result, a);
      if (expr.function() == Function::add) a_.vfmadd213ps(result, b, c);
      else if (at == 0) a_.vfmsub213ps(result, b, c);
      else a_.vfnmadd213ps(result, b, c);
      return result;
    };
    const auto result = is_unheld_number(other) ? emit(number(other)) : emit(vector(value(other)));
    release(product);
    release_one(other);
    return result.getIdx();
  }
  return std::nullopt;
}

int ExprEmitter::binary(const Expr& expr) {
  if (expr.dtype() != DType::f32) throw Refusal{cat("it computes ", expr.dtype())};
  if (const auto reg = fused(expr)) return *reg;
  const bool turns = expr.function() == Function::add || expr.function() == Function::mul;
  const bool first = turns && expr.operands()[0].kind() == Expr::Kind::number;
  const Expr &left = expr.operands()[first ? 1 : 0], &right = expr.operands()[first ? 0 : 1];
  const auto a = vector(value(left));
  const auto emit = [&](const Xbyak::Operand& b) {
    release(expr);
    const int reg = take(false);
    switch (expr.function()) {
      case Function::add: a_.vaddps(vector(reg), a, b); break;
      case Function::sub: a_.vsubps(vector(reg), a, b); break;
      case Function::mul: a_.vmulps(vector(reg), a, b); break;
      default: a_.vdivps(vector(reg), a, b);
    }
    return reg;
  };
  return is_unheld_number(right) ? emit(number(right)) : emit(vector(value(right)));
}

int ExprEmitter::unary(const Expr& expr) {
  if (expr.dtype() != DType::f32) throw Refusal{cat("it computes ", expr.dtype())};
  const auto a = vector(value(expr.operands()[0]));
  release(expr);
  const int reg = take(false);
  const auto rounded = [&](uint8_t how) {
    if (a_.wide()) a_.vrndscaleps(vector(reg), a, how);
    else a_.vroundps(vector(reg), a, how);
  };
  switch (expr.function()) {
    case Function::negate: a_.vxorps(vector(reg), a, a_.literal(kSign)); break;
    case Function::absolute: a_.vandps(vector(reg), a, a_.literal(~kSign)); break;
    case Function::floor: rounded(kDown); break;
    case Function::ceil: rounded(kUp); break;
    case Function::round: rounded(kToEven); break;
    default: a_.vsqrtps(vector(reg), a);
  }
  return reg;
}

int ExprEmitter::compare(const Expr& expr) {
  if (expr.operands()[0].dtype() != DType::f32)
    throw Refusal{cat("it compares ", expr.operands()[0].dtype())};
  const auto a = vector(value(expr.operands()[0])), b = vector(value(expr.operands()[1]));
  release(expr);
  const uint8_t how = expr.function() == Function::equal  ? kEqual
                      : expr.function() == Function::less ? kLess
                                                          : kLessEqual;
  const int reg = take(in_mask(expr));
  if (a_.wide()) a_.vcmpps(Xbyak::Opmask(reg), a, b, how);
  else a_.vcmpps(vector(reg), a, b, how);
  return reg;
}

int ExprEmitter::logic(const Expr& expr) {
  if (expr.dtype() != DType::boolean) throw Refusal{cat("it computes bits of ", expr.dtype())};
  const int a = value(expr.operands()[0]), b = value(expr.operands()[1]);
  release(expr);
  const int reg = take(in_mask(expr));
  const Xbyak::Opmask k(reg), ka(a), kb(b);
  switch (expr.function()) {
    case Function::bit_and:
      if (a_.wide()) a_.kandw(k, ka, kb);
      else a_.vandps(vector(reg), vector(a), vector(b));
      break;
    case Function::bit_or:
      if (a_.wide()) a_.korw(k, ka, kb);
      else a_.vorps(vector(reg), vector(a), vector(b));
      break;
    default:
      if (a_.wide()) a_.kxorw(k, ka, kb);
      else a_.vxorps(vector(reg), vector(a), vector(b));
  }
  return reg;
}

int ExprEmitter::select(const Expr& expr) {
  if (expr.dtype() != DType::f32 || expr.operands()[0].dtype() != DType::boolean)
    throw Refusal{cat("it selects ", expr.dtype(), " by ", expr.operands()[0].dtype())};
  const int condition = value(expr.operands()[0]);
  const auto a = vector(value(expr.operands()[1])), b = vector(value(expr.operands()[2]));
  release(expr);
  const int reg = take(false);
  if (a_.wide()) a_.vblendmps(vector(reg) | Xbyak::Opmask(condition), b, a);
  else a_.vblendvps(vector(reg), b, a, vector(condition));
  return reg;
}

namespace {

/// Neither NaN nor -0.
bool is_plain_number(const Expr& expr) {
  return expr.kind() == Expr::Kind::number && expr.number() == expr.number() &&
         !(expr.number() == 0 && std::signbit(expr.number()));
}

}  // namespace

/// The machine's minimum is b where a is NaN; ours is NaN then, too.
int ExprEmitter::extremum(const Expr& expr) {
  if (expr.dtype() != DType::f32) throw Refusal{cat("it computes ", expr.dtype())};
  const auto a = vector(value(expr.operands()[0])), b = vector(value(expr.operands()[1]));
  const bool is_min = expr.function() == Function::min;
  if (is_plain_number(expr.operands()[1])) {  // the machine's, seen from b, is NaN where a is
    release(expr);
    const int reg = take(false);
    if (is_min) a_.vminps(vector(reg), b, a);
    else a_.vmaxps(vector(reg), b, a);
    // Of two zeros ours is b, the machine's a.
    if (expr.operands()[1].number() == 0) a_.vaddps(vector(reg), vector(reg), a_.literal(0));
    return reg;
  }
  const int reg = take(false);  // before the operands go: a is read twice
  if (is_min) a_.vminps(vector(reg), a, b);
  else a_.vmaxps(vector(reg), a, b);
  const int unordered = take(a_.wide());
  if (a_.wide()) {
    a_.vcmpps(Xbyak::Opmask(unordered), a, a, kUnordered);
    a_.vmovaps(vector(reg) | Xbyak::Opmask(unordered), a);
    free_masks_.push_back(unordered);
  } else {
    a_.vcmpps(vector(unordered), a, a, kUnordered);
    a_.vblendvps(vector(reg), vector(reg), a, vector(unordered));
    free_vectors_.push_back(unordered);
  }
  release(expr);
  return reg;
}

int ExprEmitter::take(bool mask) {
  std::vector<int>& free = mask ? free_masks_ : free_vectors_;
  if (free.empty()) throw Refusal{"it needs more registers than there are"};
  const int reg = free.back();
  free.pop_back();
  return reg;
}

void ExprEmitter::release(const Expr& expr) {
  for (const Expr& operand : expr.operands()) release_one(operand);
}

void ExprEmitter::release_one(const Expr& expr) {
  Held& held = held_.at(expr);
  if (--held.uses > 0 || held.reg < 0) return;
  (in_mask(expr) ? free_masks_ : free_vectors_).push_back(held.reg);
}

}  // namespace hone::cpu::emitter
