#pragma once
// Forms of expressions that quantized integers have: what is rounded, shifted and kept in a range.

#include <optional>

#include "ir/stages/expr.hpp"

namespace hone::cuda::emitter {

inline bool is_call(const Expr& expr, Function function) {
  return expr.kind() == Expr::Kind::call && expr.function() == function;
}

/// select(least <= x, min(x, most), least): x within a range, the least where it is no number.
struct Clamped {
  Expr x;
  double least, most;
};
std::optional<Clamped> clamped_in(const Expr& expr);

/// Whole numbers within a range: round(x) + shift, where x is within [least, most] first. Both are
/// so small that adding 3 * 2^22 in f32 rounds.
struct Rounded {
  Expr x;
  double shift, least, most;
};
std::optional<Rounded> rounded_in(const Clamped& clamped);

/// cast(clamped(x)) to integers that have all of the range, where x is whole: the clamped one.
std::optional<Expr> whole_in(const Expr& cast);

/// What x (in f64) nearly is in f32: what of that is nearer than `apart` to a whole number rounds
/// to the one that x rounds to.
struct NearlyRounded {
  Expr nearly;
  double apart;
};
std::optional<NearlyRounded> nearly_rounded(const Expr& x);

/// A sum in f64 of two integers of 8 bits, as f32 computes it: fma(x, of_x, fma(y, of_y, rest)).
/// For all of their values it rounds to the whole number within [least, most] that the sum rounds
/// to: each was tried. `x`, `y`: these integers as f32; of those that a shift moved last
/// (shift_of()), what was there before.
struct ProvenSum {
  Expr x, y;
  float of_x, of_y, rest;
};
/// What is added last to numbers that are rounded, moved and kept in a range; 0: it is no such
/// cast.
double shift_of(const Expr& cast);
std::optional<ProvenSum> proven_sum(const Expr& sum, double least, double most);

}  // namespace hone::cuda::emitter
