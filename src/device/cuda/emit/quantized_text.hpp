#pragma once
// Forms of expressions that quantized integers have: what is rounded, shifted and kept in a range.

#include <optional>

#include "ir/expr.hpp"

namespace hone::cuda::emitter {

/// select(least <= x, min(x, most), least): x within a range, the least where it is no number.
struct Clamped {
  Expr x;
  double least, most;
};
std::optional<Clamped> clamped_in(const Expr& expr);

/// cast(clamped(x)) to integers that have all of the range, where x is whole: the clamped one.
std::optional<Expr> whole_in(const Expr& cast);

/// round(x) + shift in f64, where x is nearly an expression in f32: what is nearer than `apart` to
/// a whole number rounds to it.
struct NearlyRounded {
  Expr x, nearly;  // f64, f32
  double shift, apart;
};
std::optional<NearlyRounded> nearly_rounded(const Expr& expr);

}  // namespace hone::cuda::emitter
