// Functions of f32 by polynomials. All are fits of our own, by weighted least squares; errors are
// in docs/emitter.md, and the tests hold them to 4 units in the last place.

#include <bit>
#include <cmath>

#include "device/cpu/emit/expr_emitter.hpp"
#include "device/cpu/emit/immediates.hpp"

namespace hone::cpu::emitter {
namespace {

constexpr uint32_t of(float number) { return std::bit_cast<uint32_t>(number); }

// ln 2 in two parts: the product of the first one and an exponent is exact.
constexpr float kLn2High = 0.693145751953125F, kLn2Low = 1.428606765e-6F;

// exp(x), |x| <= ln(2) / 2.
constexpr float kExp[] = {1.0F,          1.0F,           0.49999991F,   0.166664198F,
                          0.0416682251F, 0.00837482233F, 0.00138368295F};
// (tanh(x) / x - 1) / x^2 of x^2 < 0.65^2.
constexpr float kTanh[] = {-0.333333283662796F, 0.1333261877298355F, -0.0538279190659523F,
                           0.020889151841402054F, -0.005942248273640871F};
constexpr float kTanhSmall = 0.625F;
// erf(x) / x - 1 of x^2 < 1.
constexpr float kErf[] = {0.128379167F,           -0.3761262595653534F,  0.1128358542919159F,
                          -0.026853812858462334F, 0.005188327748328447F, -0.0008010193123482168F,
                          7.853857823647559e-05F};
// log(1 - erf(x)), 1 <= x <= 3.95, beyond which erf is 1.
constexpr float kErfTail[] = {0.000188040328794159F,  -1.1295784711837769F,
                              -0.6332198977470398F,   -0.10841857641935349F,
                              0.025208257138729095F,  -0.004204561933875084F,
                              0.0004413363931234926F, -2.1686850232072175e-05F};
constexpr float kErfOne = 3.95F;
// (log(1 + x) - x + x^2 / 2) / x^3, 1 + x from sqrt(1/2) to sqrt(2).
constexpr float kLog[] = {0.3333333134651184F,   -0.24999980628490448F, 0.2000068873167038F,
                          -0.16669151186943054F, 0.1425115466117859F,   -0.12396705895662308F,
                          0.1163467988371849F,   -0.11659899353981018F, 0.07332444936037064F};

}  // namespace

void ExprEmitter::polynomial(const Xbyak::Xmm& p, const Xbyak::Xmm& x,
                             std::span<const float> coefficients) {
  a_.vmovups(p, a_.literal(of(coefficients.back())));
  for (size_t i = coefficients.size() - 1; i-- > 0;)
    a_.vfmadd213ps(p, x, a_.literal(of(coefficients[i])));
}

void ExprEmitter::choose(const Xbyak::Xmm& to, const Xbyak::Xmm& from, const Xbyak::Xmm& left,
                         uint32_t right, uint8_t how) {
  const int mask = take(a_.wide());
  if (a_.wide()) {
    a_.vcmpps(Xbyak::Opmask(mask), left, a_.literal(right), how);
    a_.vmovaps(to | Xbyak::Opmask(mask), from);
    free_masks_.push_back(mask);
  } else {
    a_.vcmpps(vector(mask), left, a_.literal(right), how);
    a_.vblendvps(to, to, from, vector(mask));
    free_vectors_.push_back(mask);
  }
}

void ExprEmitter::exponential(const Xbyak::Xmm& x) {
  const int n_reg = take(false), p_reg = take(false);
  const auto n = vector(n_reg), p = vector(p_reg);
  // Beyond these the result is infinite, or 0. NaN is the second operand, and stays.
  a_.vmovups(n, a_.literal(of(89.0F)));
  a_.vminps(x, n, x);
  a_.vmovups(n, a_.literal(of(-104.0F)));
  a_.vmaxps(x, n, x);
  a_.vmulps(n, x, a_.literal(of(1.44269504F)));
  if (a_.wide()) a_.vrndscaleps(n, n, kToEven);
  else a_.vroundps(n, n, kToEven);
  a_.vfnmadd231ps(x, n, a_.literal(of(kLn2High)));
  a_.vfnmadd231ps(x, n, a_.literal(of(kLn2Low)));
  polynomial(p, x, kExp);
  if (a_.wide()) {
    a_.vscalefps(x, p, n);
  } else {  // in two steps: 2^n itself may be no float
    a_.vcvtps2dq(n, n);
    a_.vpsrad(x, n, 1);
    a_.vpsubd(n, n, x);
    for (const Xbyak::Xmm& half : {x, n}) {
      a_.vpaddd(half, half, a_.literal(127));
      a_.vpslld(half, half, 23);
    }
    a_.vmulps(p, p, n);
    a_.vmulps(x, p, x);
  }
  free_vectors_.push_back(n_reg);
  free_vectors_.push_back(p_reg);
}

/// result |= the sign of x, by way of `scratch`.
void ExprEmitter::copy_sign(const Xbyak::Xmm& result, const Xbyak::Xmm& x,
                            const Xbyak::Xmm& scratch) {
  a_.vandps(scratch, x, a_.literal(kSign));
  a_.vorps(result, result, scratch);
}

/// 1 - 2 / (exp(2 |x|) + 1), and a polynomial where that would cancel.
void ExprEmitter::hyperbolic_tangent(const Xbyak::Xmm& result, const Xbyak::Xmm& x) {
  const int z_reg = take(false), p_reg = take(false);
  const auto z = vector(z_reg), p = vector(p_reg);
  a_.vandps(result, x, a_.literal(~kSign));
  a_.vaddps(result, result, result);
  exponential(result);
  a_.vaddps(result, result, a_.literal(of(1.0F)));
  a_.vmovups(z, a_.literal(of(2.0F)));
  a_.vdivps(result, z, result);
  a_.vmovups(z, a_.literal(of(1.0F)));
  a_.vsubps(result, z, result);
  copy_sign(result, x, z);
  a_.vmulps(z, x, x);
  polynomial(p, z, kTanh);
  a_.vmulps(p, p, z);
  a_.vfmadd213ps(p, x, x);
  choose(result, p, z, of(kTanhSmall * kTanhSmall), kLess);
  free_vectors_.push_back(z_reg);
  free_vectors_.push_back(p_reg);
}

/// 1 - exp(a polynomial), and an odd polynomial below 1.
void ExprEmitter::error_function(const Xbyak::Xmm& result, const Xbyak::Xmm& x) {
  const int z_reg = take(false), p_reg = take(false);
  const auto z = vector(z_reg), p = vector(p_reg);
  a_.vandps(z, x, a_.literal(~kSign));
  a_.vmovups(p, a_.literal(of(kErfOne)));
  a_.vminps(z, p, z);
  polynomial(result, z, kErfTail);
  exponential(result);
  a_.vmovups(z, a_.literal(of(1.0F)));
  a_.vsubps(result, z, result);
  copy_sign(result, x, z);
  a_.vmulps(z, x, x);
  polynomial(p, z, kErf);
  a_.vfmadd213ps(p, x, x);
  choose(result, p, z, of(1.0F), kLess);
  free_vectors_.push_back(z_reg);
  free_vectors_.push_back(p_reg);
}

/// x = 2^e * m with m around 1: e * ln 2 + log(m).
void ExprEmitter::logarithm(const Xbyak::Xmm& result, const Xbyak::Xmm& x) {
  const int e_reg = take(false), f_reg = take(false), z_reg = take(false);
  const auto e = vector(e_reg), f = vector(f_reg), z = vector(z_reg);
  // What is too small for an exponent of its own is scaled by 2^23.
  constexpr uint32_t kNormal = 0x00800000, kHalfRoot = 0x3F3504F3;
  a_.vmovaps(f, x);
  a_.vmulps(z, x, a_.literal(of(8388608.0F)));
  choose(f, z, x, kNormal, kLess);
  a_.vxorps(result, result, result);
  a_.vmovups(z, a_.literal(of(-23.0F)));
  choose(result, z, x, kNormal, kLess);
  a_.vpsubd(e, f, a_.literal(kHalfRoot));
  a_.vpsrad(e, e, 23);
  a_.vpslld(z, e, 23);
  a_.vpsubd(f, f, z);
  a_.vsubps(f, f, a_.literal(of(1.0F)));
  a_.vcvtdq2ps(e, e);
  a_.vaddps(e, e, result);
  a_.vmulps(z, f, f);
  polynomial(result, f, kLog);
  a_.vmulps(result, result, f);
  a_.vmulps(result, result, z);
  a_.vfmadd231ps(result, e, a_.literal(of(kLn2Low)));
  a_.vfnmadd231ps(result, z, a_.literal(of(0.5F)));
  a_.vaddps(result, result, f);
  a_.vfmadd231ps(result, e, a_.literal(of(kLn2High)));
  choose(result, x, x, of(HUGE_VALF), kNotLess);  // infinity, NaN
  a_.vmovups(z, a_.literal(of(-HUGE_VALF)));
  choose(result, z, x, of(0.0F), kEqual);
  a_.vmovups(z, a_.literal(0x7FC00000));
  choose(result, z, x, of(0.0F), kLess);
  for (const int reg : {e_reg, f_reg, z_reg}) free_vectors_.push_back(reg);
}

int ExprEmitter::transcendental(const Expr& expr) {
  const auto x = vector(value(expr.operands()[0]));
  const int reg = take(false);
  const auto result = vector(reg);
  switch (expr.function()) {
    case Function::exp:
      a_.vmovaps(result, x);
      exponential(result);
      break;
    case Function::tanh: hyperbolic_tangent(result, x); break;
    case Function::erf: error_function(result, x); break;
    default: logarithm(result, x);
  }
  release(expr);
  return reg;
}

}  // namespace hone::cpu::emitter
