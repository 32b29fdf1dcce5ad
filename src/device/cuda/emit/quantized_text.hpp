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

}  // namespace hone::cuda::emitter
