#pragma once
// Code for expressions of f32, a vector of elements at a time.

#include <functional>
#include <optional>
#include <span>
#include <unordered_map>

#include "device/cpu/emit/assembler.hpp"
#include "ir/stages/expr.hpp"

namespace hone::cpu::emitter {

struct ExprHash {
  size_t operator()(const Expr& expr) const { return expr.hash(); }
};

/// Evaluates the expressions of one statement. What stands in them twice is computed once. Truth is
/// a mask: of lanes in a vector register on AVX2, a mask register on AVX-512.
class ExprEmitter {
 public:
  /// Emits a load into a vector register.
  using Load = std::function<void(const Expr& load, const Xbyak::Xmm& into)>;
  /// `kept`: how many registers, from the last one downwards, hold something else.
  ExprEmitter(Assembler& assembler, Load load, int kept = 0)
      : a_(assembler), load_(std::move(load)), kept_(kept) {}

  /// The register that holds the value. Throws Refusal.
  Xbyak::Xmm evaluate(const Expr& expr);

 private:
  struct Held {
    int uses = 0;  // still to come
    int reg = -1;  // a vector register, or a mask register of AVX-512
  };

  bool in_mask(const Expr& expr) const { return a_.wide() && expr.dtype() == DType::boolean; }
  void count(const Expr& expr);
  int value(const Expr& expr);  // evaluated where it is not yet
  int compute(const Expr& expr);
  int size(const Dim& dim);
  int call(const Expr& expr);
  int binary(const Expr& expr);
  std::optional<int> fused(const Expr& expr);
  int unary(const Expr& expr);
  int compare(const Expr& expr);
  int select(const Expr& expr);
  int logic(const Expr& expr);
  int extremum(const Expr& expr);
  // In functions.cpp. Some use further registers, and give them back.
  int transcendental(const Expr& expr);
  void exponential(const Xbyak::Xmm& x);  // in place
  void hyperbolic_tangent(const Xbyak::Xmm& result, const Xbyak::Xmm& x);
  void error_function(const Xbyak::Xmm& result, const Xbyak::Xmm& x);
  void logarithm(const Xbyak::Xmm& result, const Xbyak::Xmm& x);
  void polynomial(const Xbyak::Xmm& p, const Xbyak::Xmm& x, std::span<const float> coefficients);
  void copy_sign(const Xbyak::Xmm& result, const Xbyak::Xmm& x, const Xbyak::Xmm& scratch);
  /// `to` becomes `from` where `left` compares with a number as `how` says.
  void choose(const Xbyak::Xmm& to, const Xbyak::Xmm& from, const Xbyak::Xmm& left, uint32_t right,
              uint8_t how);
  bool is_unheld_number(const Expr& expr) const;
  Xbyak::Address number(const Expr& expr);
  int take(bool mask);
  /// One use less of each operand; registers without further ones are free.
  void release(const Expr& expr);
  void release_one(const Expr& expr);
  Xbyak::Xmm vector(int reg) const { return a_.vector(reg); }

  Assembler& a_;
  Load load_;
  int kept_;
  std::unordered_map<Expr, Held, ExprHash> held_;
  std::vector<int> free_vectors_, free_masks_;
};

}  // namespace hone::cpu::emitter
