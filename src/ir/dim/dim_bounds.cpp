// Intervals of dimensions, what they prove, and the minima and maxima that they simplify.

#include <algorithm>

#include "base/size.hpp"
#include "ir/dim/dim.hpp"
#include "ir/dim/dim_terms.hpp"

namespace hone {
namespace {

constexpr int64_t kInf = Interval::kUnbounded;
constexpr Interval kAnything{-kInf, kInf};

// Ends of intervals: +-kInf is infinite and absorbs; a finite end beyond int64 becomes infinite on
// the side that stays sound.
bool infinite(int64_t end) { return end >= kInf || end <= -kInf; }

int64_t negate(int64_t end) { return end <= -kInf ? kInf : -end; }

Interval sound(int64_t low, int64_t high) {
  return {std::clamp(low, -kInf, kInf - 1), std::clamp(high, -kInf + 1, kInf)};
}

Interval point(int64_t value) { return sound(value, value); }

int64_t add_ends(int64_t a, int64_t b) {
  if (infinite(a)) return a;
  if (infinite(b)) return b;
  return try_add(a, b).value_or(a > 0 ? kInf : -kInf);
}

int64_t multiply_ends(int64_t a, int64_t b) {
  if (a == 0 || b == 0) return 0;
  const int64_t beyond = (a < 0) == (b < 0) ? kInf : -kInf;
  if (infinite(a) || infinite(b)) return beyond;
  return try_mul(a, b).value_or(beyond);
}

/// b > 0.
int64_t divide_ends(int64_t a, int64_t b) {
  if (infinite(b)) return a < 0 && !infinite(a) ? -1 : 0;
  return infinite(a) ? a : floor_div(a, b);
}

Interval add(Interval a, Interval b) {
  return sound(add_ends(a.low, b.low), add_ends(a.high, b.high));
}

template <class F>
Interval hull_of_corners(Interval a, Interval b, F&& f) {
  const auto [low, high] =
      std::minmax({f(a.low, b.low), f(a.low, b.high), f(a.high, b.low), f(a.high, b.high)});
  return sound(low, high);
}

Interval multiply(Interval a, Interval b) { return hull_of_corners(a, b, multiply_ends); }

Interval hull(Interval a, Interval b) { return {std::min(a.low, b.low), std::max(a.high, b.high)}; }

Interval intersect(Interval a, Interval b) {
  return {std::max(a.low, b.low), std::min(a.high, b.high)};
}

/// Where the divisor is 0 there is no value to bound.
Interval divide(Interval a, Interval b) {
  std::optional<Interval> result;
  if (b.high > 0)
    result = hull_of_corners(a, Interval{std::max<int64_t>(b.low, 1), b.high}, divide_ends);
  if (b.low < 0) {
    const Interval flipped{negate(a.high), negate(a.low)};
    const Interval positive{std::max<int64_t>(negate(b.high), 1), negate(b.low)};
    const Interval negative = hull_of_corners(flipped, positive, divide_ends);
    result = result ? hull(*result, negative) : negative;
  }
  return result.value_or(kAnything);
}

/// Interval arithmetic, sharpened where a quotient or an extremum stands beside other terms: there
/// floordiv(p, b) is (p - r) / b with r in [0, b), and an extremum is one of its arguments.
class Bounding {
 public:
  Bounding(const Ranges& symbols, const Ranges& variables)
      : symbols_(symbols), variables_(variables) {}

  Interval of(const Dim& dim) {
    if (dim.is_too_long()) return kAnything;
    if (DimAccess::terms(dim).size() < 2) return plain(dim);
    // Without its common factor: there ends round to whole numbers sooner.
    const int64_t factor = coefficient_gcd(dim);
    if (factor > 1) {
      const Dim terms = DimAccess::with_offset(dim, 0);
      return add(multiply(point(factor), of(*exact_div(terms, factor))),
                 point(DimAccess::offset(dim)));
    }
    Interval result = plain(dim);
    // Of several extrema, which one is split first matters: of a lower bound the splits that take
    // the least, of an upper one those that take the greatest.
    for (const bool at_most : {true, false}) {
      const DimTerm* term = reducible_term(dim, at_most);
      if (!term || budget_-- <= 0) continue;
      try {
        result = intersect(result, without(dim, *term));
      } catch (const Error&) {  // numbers too large to look closer
      }
      if (term == reducible_term(dim, false)) break;
    }
    return result;
  }

 private:
  /// c * min(..) is at most each c * argument when c > 0, at least each when c < 0.
  static bool splits_at_most(const DimTerm& term) {
    return (term.factors[0]->kind == DimAtom::Kind::min) == (term.coefficient > 0);
  }

  static bool reducible(const DimTerm& term) {
    if (term.factors.size() != 1) return false;
    const DimAtom& atom = *term.factors[0];
    if (atom.kind == DimAtom::Kind::floordiv) return atom.args[1].is_constant();
    return (atom.kind == DimAtom::Kind::min || atom.kind == DimAtom::Kind::max) &&
           atom.args.size() <= 4;
  }

  /// An extremum that splits the way wanted, else any term that can be replaced; null: none.
  static const DimTerm* reducible_term(const Dim& dim, bool at_most) {
    const DimTerm* any = nullptr;
    for (const DimTerm& term : DimAccess::terms(dim)) {
      if (!reducible(term)) continue;
      const bool quotient = term.factors[0]->kind == DimAtom::Kind::floordiv;
      if (!quotient && splits_at_most(term) == at_most) return &term;
      if (!any) any = &term;
    }
    return any;
  }

  Interval plain(const Dim& dim) {
    Interval sum = point(DimAccess::offset(dim));
    for (const DimTerm& term : DimAccess::terms(dim)) {
      Interval product = point(term.coefficient);
      for (size_t i = 0; i < term.factors.size();) {
        const Interval base = of(term.factors[i]);
        size_t power = 0;
        for (const DimAtom* atom = term.factors[i].get();
             i < term.factors.size() && compare(*term.factors[i], *atom) == 0; ++i)
          ++power;
        Interval raised = point(1);
        for (size_t p = 0; p < power; ++p) raised = multiply(raised, base);
        if (power % 2 == 0) raised.low = std::max<int64_t>(raised.low, 0);
        product = multiply(product, raised);
      }
      sum = add(sum, product);
    }
    return sum;
  }

  Interval of(const DimAtomRef& atom) {
    if (atom->args.empty()) {
      const Ranges& ranges = atom->kind == DimAtom::Kind::symbol ? symbols_ : variables_;
      const auto found = ranges.find(atom->name);
      if (found == ranges.end()) return {0, kInf};
      return sound(std::max<int64_t>(found->second.low, 0),
                   std::max<int64_t>(found->second.high, 0));
    }
    // Each once, however often it stands in what is looked at: no doubling with every level.
    const auto found = seen_.find(atom);
    if (found != seen_.end()) return found->second;
    const Interval result = combined(*atom);
    seen_.emplace(atom, result);
    return result;
  }

  Interval combined(const DimAtom& atom) {
    Interval result = of(atom.args[0]);
    for (size_t i = 1; i < atom.args.size(); ++i) {
      const Interval next = of(atom.args[i]);
      if (atom.kind == DimAtom::Kind::floordiv) result = divide(result, next);
      else if (atom.kind == DimAtom::Kind::broadcast) result = hull(result, next);
      else if (atom.kind == DimAtom::Kind::min)
        result = {std::min(result.low, next.low), std::min(result.high, next.high)};
      else result = {std::max(result.low, next.low), std::max(result.high, next.high)};
    }
    return result;
  }

  /// Bounds of `dim` with the atom of `term` replaced by what it stands for.
  Interval without(const Dim& dim, const DimTerm& term) {
    const DimAtom& atom = *term.factors[0];
    const Dim rest = dim - term_dim(term);
    if (atom.kind == DimAtom::Kind::floordiv) {
      const int64_t divisor = *atom.args[1].constant();
      const Interval remainder = multiply({1 - divisor, 0}, point(term.coefficient));
      const Interval scaled =
          add(of(Dim(divisor) * rest + Dim(term.coefficient) * atom.args[0]), remainder);
      return {infinite(scaled.low) ? scaled.low : ceil_div(scaled.low, divisor),
              infinite(scaled.high) ? scaled.high : floor_div(scaled.high, divisor)};
    }
    const bool at_most = splits_at_most(term);
    std::optional<Interval> result;
    for (const Dim& arg : atom.args) {
      const Interval one = of(rest + Dim(term.coefficient) * arg);
      if (!result) result = one;
      else if (at_most) result = {std::min(result->low, one.low), std::min(result->high, one.high)};
      else result = {std::max(result->low, one.low), std::max(result->high, one.high)};
    }
    return *result;
  }

  const Ranges &symbols_, &variables_;
  std::map<DimAtomRef, Interval> seen_;
  int budget_ = 24;
};

/// The other name of an extremum seen from below zero.
DimAtom::Kind mirrored(DimAtom::Kind kind) {
  return kind == DimAtom::Kind::min ? DimAtom::Kind::max : DimAtom::Kind::min;
}

bool any_too_long(const std::vector<Dim>& dims) {
  return std::any_of(dims.begin(), dims.end(), [](const Dim& dim) { return dim.is_too_long(); });
}

/// min(c * min(x, y) + rest, z) is min(c * x + rest, c * y + rest, z) for c > 0; as long as the
/// list stays short. True: something was.
bool flatten(DimAtom::Kind kind, std::vector<Dim>& args) {
  bool changed = false;
  for (size_t i = 0; i < args.size();) {
    const Dim arg = args[i];
    const DimTerm* found = nullptr;
    for (const DimTerm& term : DimAccess::terms(arg)) {
      if (term.factors.size() != 1) continue;
      const DimAtom& atom = *term.factors[0];
      if (atom.kind == (term.coefficient > 0 ? kind : mirrored(kind))) found = &term;
      if (found) break;
    }
    if (!found || args.size() - 1 + found->factors[0]->args.size() > kDimArgs) {
      ++i;
      continue;
    }
    const Dim rest = arg - term_dim(*found);
    std::vector<Dim> flat;
    for (const Dim& inner : found->factors[0]->args)
      flat.push_back(rest + Dim(found->coefficient) * inner);
    if (any_too_long(flat)) {
      ++i;
      continue;
    }
    args.erase(args.begin() + static_cast<std::ptrdiff_t>(i));
    args.insert(args.end(), flat.begin(), flat.end());
    changed = true;
  }
  return changed;
}

/// Whether `a` may be left out of an extremum that has `b`.
bool superfluous(DimAtom::Kind kind, const Dim& a, const Dim& b, bool look_closely) {
  if (!look_closely && !attempt([&] { return a - b; }).value_or(a).is_constant()) return false;
  return (kind == DimAtom::Kind::min ? provably_less_equal(b, a) : provably_less_equal(a, b)) ==
         true;
}

/// Sorted, without those that another one makes superfluous for all values of the symbols. All
/// pairs are compared: long lists of long arguments only where they differ by a number. True: one
/// was dropped.
bool drop_dominated(DimAtom::Kind kind, std::vector<Dim>& args) {
  const size_t before = args.size();
  std::sort(args.begin(), args.end());
  args.erase(std::unique(args.begin(), args.end()), args.end());
  size_t work = 0;
  for (const Dim& arg : args) work += args.size() * static_cast<size_t>(arg.complexity());
  for (size_t i = 0; i < args.size();) {
    const bool dominated = std::any_of(args.begin(), args.end(), [&](const Dim& other) {
      return &other != &args[i] && superfluous(kind, args[i], other, work <= kDimPairWork);
    });
    if (dominated) args.erase(args.begin() + static_cast<std::ptrdiff_t>(i));
    else ++i;
  }
  return args.size() < before;
}

/// The terms that all arguments have alike.
Dim common_part(const std::vector<Dim>& args) {
  const auto first = DimAccess::terms(args[0]);
  std::vector<DimTerm> shared(first.begin(), first.end());
  for (size_t i = 1; i < args.size() && !shared.empty(); ++i) {
    auto other = DimAccess::terms(args[i]).begin();  // sorted, as `shared` is
    const auto end = DimAccess::terms(args[i]).end();
    std::erase_if(shared, [&](const DimTerm& term) {
      while (other != end && compare_factors(*other, term) < 0) ++other;
      return other == end || compare_factors(*other, term) != 0 ||
             other->coefficient != term.coefficient;
    });
  }
  return DimAccess::make_sorted(std::move(shared), 0);
}

}  // namespace

Interval Dim::bounds(const Ranges& ranges, const Ranges& variables) const {
  if (!poly_) return {constant_, constant_};
  return Bounding(ranges, variables).of(*this);
}

Dim extremum(DimAtom::Kind kind, std::vector<Dim> args) {
  // Every value is an int64, so its largest number (an open end in many files) bounds nothing.
  const Dim neutral(kind == DimAtom::Kind::min ? std::numeric_limits<int64_t>::max()
                                               : std::numeric_limits<int64_t>::min());
  if (std::erase(args, neutral) > 0 && args.empty()) return neutral;
  if (any_too_long(args)) return Dim::too_long();
  bool changed = flatten(kind, args);
  changed |= drop_dominated(kind, args);
  if (args.size() == 1) return args[0];
  // Outside: common terms, the sign, a constant and a factor, so that shifted and scaled forms are
  // one.
  Dim shift = common_part(args);
  for (Dim& arg : args) arg = arg - shift;
  std::sort(args.begin(), args.end());
  if (args[0].is_constant()) return shift + (kind == DimAtom::Kind::min ? args[0] : args.back());
  if (DimAccess::terms(args[0])[0].coefficient < 0) {  // the first is the greatest: all are
    for (Dim& arg : args) arg = Dim(0) - arg;
    return shift - extremum(mirrored(kind), std::move(args));
  }
  shift = shift + Dim(DimAccess::offset(args[0]));
  const Dim constant(DimAccess::offset(args[0]));
  int64_t factor = 0;
  for (Dim& arg : args) {
    arg = arg - constant;
    factor = content_gcd(arg, factor);
  }
  for (Dim& arg : args) arg = *exact_div(arg, factor);
  changed |= factor != 1 || !shift.is(0);
  if (changed) return shift + Dim(factor) * extremum(kind, std::move(args));  // more may show now
  DimAtom atom;
  atom.kind = kind;
  atom.args = std::move(args);
  return atom_dim(std::move(atom));
}

Dim min(const Dim& a, const Dim& b) {
  if (a.is_constant() && b.is_constant()) return std::min(*a.constant(), *b.constant());
  return extremum(DimAtom::Kind::min, {a, b});
}

Dim max(const Dim& a, const Dim& b) {
  if (a.is_constant() && b.is_constant()) return std::max(*a.constant(), *b.constant());
  return extremum(DimAtom::Kind::max, {a, b});
}

std::optional<bool> provably_equal(const Dim& a, const Dim& b, const Ranges& ranges,
                                   const Ranges& variables) {
  const auto difference = attempt([&] { return a - b; });
  if (!difference) return std::nullopt;
  const Interval range = difference->bounds(ranges, variables);
  if (range.low > 0 || range.high < 0) return false;
  if (range.low == 0 && range.high == 0) return true;
  // No multiple of what all terms are multiples of: 2*n is never 1.
  if (const int64_t common = coefficient_gcd(*difference);
      common > 1 && DimAccess::offset(*difference) % common != 0)
    return false;
  return std::nullopt;
}

std::optional<bool> provably_less_equal(const Dim& a, const Dim& b, const Ranges& ranges,
                                        const Ranges& variables) {
  const auto difference = attempt([&] { return a - b; });
  if (!difference) return std::nullopt;
  const Interval range = difference->bounds(ranges, variables);
  if (range.high <= 0) return true;
  if (range.low > 0) return false;
  return std::nullopt;
}

}  // namespace hone
