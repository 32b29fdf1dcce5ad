// Division of dimensions. A divisor that is 0 for some values of its symbols leaves the quotient
// undefined there, so that dividing out a common factor is always right where it matters.

#include <algorithm>

#include "base/size.hpp"
#include "ir/dim/dim.hpp"
#include "ir/dim/dim_terms.hpp"

namespace hone {
namespace {

Dim floordiv_atom(const Dim& dividend, const Dim& divisor) {
  DimAtom atom;
  atom.kind = DimAtom::Kind::floordiv;
  atom.args = {dividend, divisor};
  return atom_dim(std::move(atom));
}

const DimTerm& leading(const Dim& dim) { return DimAccess::terms(dim)[0]; }

/// floordiv(floordiv(p, d) + rest, b) == floordiv(p + d * rest, b * d) for d >= 0, b >= 0 (where
/// defined). Taken for one quotient by a constant beside anything, or by a symbol beside nothing.
std::optional<Dim> flatten(const Dim& a, const Dim& b) {
  const DimAtom* inner = nullptr;
  const DimTerm* place = nullptr;
  for (const DimTerm& term : DimAccess::terms(a)) {
    if (term.coefficient != 1 || term.factors.size() != 1) continue;
    if (term.factors[0]->kind != DimAtom::Kind::floordiv) continue;
    if (place) return std::nullopt;
    place = &term;
    inner = term.factors[0].get();
  }
  if (!place || b.bounds().low < 0) return std::nullopt;
  const Dim divisor = inner->args[1];
  const Dim rest = a - term_dim(*place);
  if (!divisor.is_constant() && (!rest.is(0) || divisor.bounds().low < 0)) return std::nullopt;
  if (divisor.is_constant() && !b.is_constant() && !rest.is(0)) return std::nullopt;
  return attempt([&] { return floor_div(inner->args[0] + divisor * rest, divisor * b); });
}

/// By b > 1.
Dim divide_by_constant(const Dim& a, int64_t b) {
  if (a.is_too_long()) return a;
  std::vector<DimTerm> whole, part;
  for (const DimTerm& term : DimAccess::terms(a)) {
    if (term.coefficient / b != 0) whole.push_back({term.coefficient / b, term.factors});
    if (term.coefficient % b != 0) part.push_back({term.coefficient % b, term.factors});
  }
  const int64_t constant = DimAccess::offset(a);
  const Dim quotient = DimAccess::make(std::move(whole), floor_div(constant, b));
  const Dim rest = DimAccess::make(std::move(part), floor_mod(constant, b));
  if (rest.is_constant()) return quotient;
  // One sign for two ways to say the same: floor(-x / b) == -floor((x + b - 1) / b).
  if (leading(rest).coefficient < 0) return quotient - divide_by_constant(Dim(b - 1) - rest, b);

  const int64_t common = coefficient_gcd(rest, b);
  if (common > 1) {
    std::vector<DimTerm> terms;
    for (const DimTerm& term : DimAccess::terms(rest))
      terms.push_back({term.coefficient / common, term.factors});
    const Dim reduced = DimAccess::make(std::move(terms), DimAccess::offset(rest) / common);
    return quotient + (common == b ? reduced : divide_by_constant(reduced, b / common));
  }
  if (const auto flat = flatten(rest, b)) return quotient + *flat;
  const Interval range = rest.bounds();
  if (range.low >= 0 && range.high < b) return quotient;
  return quotient + floordiv_atom(rest, b);
}

/// Everything that divides each term (and the constant) of both, divided out of both.
bool divide_common(Dim& a, Dim& b) {
  DimTerm common{content_gcd(b, content_gcd(a)), {}};
  if (DimAccess::offset(a) == 0 && DimAccess::offset(b) == 0) {
    common.factors = leading(b).factors;
    for (const Dim* dim : {&a, &b}) {
      for (const DimTerm& term : DimAccess::terms(*dim)) {
        std::vector<DimAtomRef> shared;
        std::set_intersection(
            common.factors.begin(), common.factors.end(), term.factors.begin(), term.factors.end(),
            std::back_inserter(shared),
            [](const DimAtomRef& x, const DimAtomRef& y) { return compare(*x, *y) < 0; });
        common.factors = std::move(shared);
      }
    }
  }
  if (common.coefficient == 1 && common.factors.empty()) return false;
  const Dim divisor = common.factors.empty() ? Dim(common.coefficient) : term_dim(common);
  a = *exact_div(a, divisor);
  b = *exact_div(b, divisor);
  return true;
}

/// By a divisor with symbols whose leading coefficient is positive.
Dim divide_by_symbols(Dim a, Dim b) {
  if (a.is_too_long() || b.is_too_long()) return Dim::too_long();
  if (const auto exact = exact_div(a, b)) return *exact;
  if (divide_common(a, b)) return floor_div(a, b);
  if (DimAccess::terms(b).size() == 1 && DimAccess::offset(b) == 0) {
    std::vector<DimTerm> rest;
    Dim quotient;
    for (const DimTerm& term : DimAccess::terms(a)) {
      const auto factors = divide_factors(term, leading(b));
      const int64_t times = term.coefficient / leading(b).coefficient;
      if (!factors || times == 0) {
        rest.push_back(term);
        continue;
      }
      quotient = quotient + (factors->empty() ? Dim(times) : term_dim({times, *factors}));
      const int64_t left = term.coefficient % leading(b).coefficient;
      if (left != 0) rest.push_back({left, term.factors});
    }
    if (quotient != Dim(0))
      return quotient + floor_div(DimAccess::make(std::move(rest), DimAccess::offset(a)), b);
  }
  if (const auto flat = flatten(a, b)) return *flat;
  const auto below = attempt([&] { return b - a - 1; });
  if (below && a.bounds().low >= 0 && below->bounds().low >= 0) return 0;
  return floordiv_atom(a, b);
}

std::optional<Dim> exact_by_constant(const Dim& a, int64_t b) {
  if (b == -1) return attempt([&] { return Dim(0) - a; });
  std::vector<DimTerm> terms;
  for (const DimTerm& term : DimAccess::terms(a)) {
    if (term.coefficient % b != 0) return std::nullopt;
    terms.push_back({term.coefficient / b, term.factors});
  }
  if (DimAccess::offset(a) % b != 0) return std::nullopt;
  return DimAccess::make(std::move(terms), DimAccess::offset(a) / b);
}

/// Term by term.
std::optional<Dim> exact_by_term(const Dim& a, const DimTerm& b) {
  if (DimAccess::offset(a) != 0) return std::nullopt;
  std::vector<DimTerm> terms;
  int64_t constant = 0;
  for (const DimTerm& term : DimAccess::terms(a)) {
    const auto factors = divide_factors(term, b);
    const bool lowest =
        b.coefficient == -1 && term.coefficient == std::numeric_limits<int64_t>::min();
    if (!factors || lowest || term.coefficient % b.coefficient != 0) return std::nullopt;
    if (factors->empty()) constant = term.coefficient / b.coefficient;
    else terms.push_back({term.coefficient / b.coefficient, *factors});
  }
  return attempt([&] { return DimAccess::make(std::move(terms), constant); });
}

/// Long division of polynomials; the order of terms is graded lexicographic, so it ends.
std::optional<Dim> exact_by_symbols(const Dim& a, const Dim& b) {
  if (DimAccess::terms(b).size() == 1 && DimAccess::offset(b) == 0)
    return exact_by_term(a, leading(b));
  Dim quotient, rest = a;
  for (size_t step = 0; step <= kDimTerms; ++step) {
    if (rest.is(0)) return quotient;
    if (rest.is_constant()) return std::nullopt;
    const int64_t by = leading(b).coefficient, coefficient = leading(rest).coefficient;
    const auto factors = divide_factors(leading(rest), leading(b));
    const bool lowest = by == -1 && coefficient == std::numeric_limits<int64_t>::min();
    if (!factors || lowest || coefficient % by != 0) return std::nullopt;
    const Dim term =
        factors->empty() ? Dim(coefficient / by) : term_dim({coefficient / by, *factors});
    quotient = quotient + term;
    rest = rest - term * b;
    if (rest.is_too_long() || quotient.is_too_long()) return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

std::optional<Dim> exact_div(const Dim& a, const Dim& b) {
  if (b.is(0) || a.is_too_long() || b.is_too_long()) return std::nullopt;
  if (b.is_constant()) return exact_by_constant(a, *b.constant());
  try {
    return exact_by_symbols(a, b);
  } catch (const Error&) {  // an intermediate product that overflows divides nothing exactly
    return std::nullopt;
  }
}

Dim floor_div(const Dim& a, const Dim& b) {
  if (b.is_constant()) {
    const int64_t divisor = *b.constant();
    check(divisor != 0, Code::invalid_model, "division of ", a, " by zero");
    if (a.is_constant()) return floor_div(*a.constant(), divisor);
    if (divisor == 1 || a.is_too_long()) return a;
    if (divisor < 0) return floor_div(Dim(0) - a, Dim(0) - b);
    return divide_by_constant(a, divisor);
  }
  if (a.is(0)) return 0;
  if (b.is_too_long()) return b;
  if (leading(b).coefficient < 0) return divide_by_symbols(Dim(0) - a, Dim(0) - b);
  return divide_by_symbols(a, b);
}

Dim ceil_div(const Dim& a, const Dim& b) { return Dim(0) - floor_div(Dim(0) - a, b); }

Dim mod(const Dim& a, const Dim& b) { return a - b * floor_div(a, b); }

}  // namespace hone
