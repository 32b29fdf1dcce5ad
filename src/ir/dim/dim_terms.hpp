#pragma once
// The inside of a dimension, for dim*.cpp and what turns one into nodes: a polynomial whose
// variables are atoms.

#include <span>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "ir/dim/dim.hpp"

namespace hone {

/// What a polynomial has for a variable.
struct DimAtom {
  enum class Kind : uint8_t {
    symbol,
    variable,
    floordiv,  ///< args: dividend, divisor
    min,       ///< args: two or more, sorted, none provably superfluous
    max,
    broadcast,  ///< args: two or more, sorted, no numbers
  };
  Kind kind = Kind::symbol;
  std::string name;
  std::vector<Dim> args;
  int size = 1, depth = 1;  // nodes and levels of the whole tree, kept within limits
};
using DimAtomRef = std::shared_ptr<const DimAtom>;

/// coefficient * product of factors: coefficient not 0, at least one factor, sorted, with repeats.
struct DimTerm {
  int64_t coefficient = 1;
  std::vector<DimAtomRef> factors;
};

/// The terms beside the constant: at least one, sorted (higher degree first), no two alike.
struct Dim::Poly {
  std::vector<DimTerm> terms;
  int size = 0, depth = 0;
  bool too_long = false;  // the terms say nothing
};

/// Limits that keep a hostile model from growing expressions without end: beyond, a dimension is
/// Dim::too_long().
inline constexpr size_t kDimTerms = 256, kDimFactors = 64, kDimArgs = 16;
inline constexpr int kDimSize = 1024, kDimDepth = 24;
/// And in time: products of terms in one multiplication; parts compared
/// pairwise in one minimum or maximum (beyond, fewer are dropped).
inline constexpr size_t kDimProducts = 4096, kDimPairWork = 512;

struct DimAccess {
  static std::span<const DimTerm> terms(const Dim& dim);
  /// The atom that the dimension is and nothing else; null: it is another.
  static const DimAtom* only_atom(const Dim& dim);
  static int64_t offset(const Dim& dim) { return dim.constant_; }
  static int depth(const Dim& dim) { return dim.poly_ ? dim.poly_->depth : 0; }
  /// Terms in any order, alike ones too: sorted and merged here. Error(invalid_model) on overflow.
  static Dim make(std::vector<DimTerm> terms, int64_t constant);
  /// The same of terms that are sorted.
  static Dim make_sorted(std::vector<DimTerm> terms, int64_t constant);
  /// The terms as they are (already canonical) with another constant.
  static Dim with_offset(const Dim& dim, int64_t constant);
};

std::strong_ordering compare(const DimAtom& a, const DimAtom& b);
/// Canonical order of products; the coefficients are not looked at.
std::strong_ordering compare_factors(const DimTerm& a, const DimTerm& b);

/// The dimension that is exactly this atom.
Dim atom_dim(DimAtom atom);
/// One term alone.
Dim term_dim(DimTerm term);
/// a / b for single terms when the factors of b are among a's; the coefficients are not looked at.
std::optional<std::vector<DimAtomRef>> divide_factors(const DimTerm& a, const DimTerm& b);
/// Greatest common divisor of `start` and all coefficients of the terms (the constant is none of
/// them), nonnegative; 1 where it would be 2^63.
int64_t coefficient_gcd(const Dim& dim, int64_t start = 0);
/// The same with the constant.
int64_t content_gcd(const Dim& dim, int64_t start = 0);
/// Minimum or maximum of one or more dimensions, in canonical form.
Dim extremum(DimAtom::Kind kind, std::vector<Dim> args);
/// The first argument where the dimension is exactly a broadcast, else the dimension itself.
Dim first_of_broadcast(const Dim& dim);
/// What two sizes broadcast to; nullopt: they differ and neither is 1.
std::optional<int64_t> broadcast_values(int64_t a, int64_t b);

/// The result, or nullopt where it throws Error or is too long: a simplification that does not fit
/// is left out.
template <class F>
std::optional<Dim> attempt(F&& f) {
  try {
    Dim result = f();
    if (result.is_too_long()) return std::nullopt;
    return result;
  } catch (const Error&) {
    return std::nullopt;
  }
}

}  // namespace hone
