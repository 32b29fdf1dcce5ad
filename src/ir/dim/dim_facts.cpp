#include "ir/dim/dim_facts.hpp"

#include <algorithm>

#include "ir/dim/dim_terms.hpp"

namespace hone {
namespace {

struct Sides {
  Dim a, b;
};

/// The atom that the dimension is; null: it is more or less than one.
const DimAtom* as_atom(const Dim& dim) {
  const auto terms = DimAccess::terms(dim);
  const bool is_one = terms.size() == 1 && DimAccess::offset(dim) == 0 &&
                      terms[0].coefficient == 1 && terms[0].factors.size() == 1;
  return is_one ? terms[0].factors[0].get() : nullptr;
}

/// e and c when the dimension is exactly floordiv(e, c) for a number c > 0.
const DimAtom* as_division(const Dim& dim) {
  const DimAtom* atom = as_atom(dim);
  if (atom == nullptr || atom->kind != DimAtom::Kind::floordiv || !atom->args[1].is_constant())
    return nullptr;
  return *atom->args[1].constant() > 0 ? atom : nullptr;
}

bool all_negative(const Dim& dim) {
  for (const DimTerm& term : DimAccess::terms(dim))
    if (term.coefficient > 0) return false;
  return true;
}

/// number <= symbolic, one step nearer to the simplest; false: nothing left to do.
bool step_above(Sides& s) {
  if (all_negative(s.b)) {
    s = {Dim(0) - s.b, Dim(0) - s.a};
    return true;
  }
  const Dim offset = DimAccess::offset(s.b), gcd = coefficient_gcd(s.b);
  if (!offset.is(0) || !gcd.is(1)) {
    s = {ceil_div(s.a - offset, gcd), *exact_div(s.b - offset, gcd)};
    return true;
  }
  const DimAtom* division = as_division(s.b);  // k <= floor(e / c) just when k * c <= e
  if (division == nullptr) return false;
  s = {s.a * division->args[1], Dim(division->args[0])};
  return true;
}

/// symbolic <= number, likewise.
bool step_below(Sides& s) {
  if (all_negative(s.a)) {
    s = {Dim(0) - s.b, Dim(0) - s.a};
    return true;
  }
  const Dim offset = DimAccess::offset(s.a), gcd = coefficient_gcd(s.a);
  if (!offset.is(0) || !gcd.is(1)) {
    s = {*exact_div(s.a - offset, gcd), floor_div(s.b - offset, gcd)};
    return true;
  }
  const DimAtom* division = as_division(s.a);  // floor(e / c) <= k just when e <= k * c + c - 1
  if (division == nullptr) return false;
  const Dim divisor = division->args[1];
  s = {Dim(division->args[0]), s.b * divisor + divisor - Dim(1)};
  return true;
}

bool step(Sides& s) {
  if (s.a.is_constant() && s.b.is_constant()) return false;
  if (s.a.is_constant()) return step_above(s);
  if (s.b.is_constant()) return step_below(s);
  const Dim difference = s.b - s.a;
  if (difference.complexity() < s.a.complexity() + s.b.complexity() &&
      DimAccess::terms(difference).size() <
          DimAccess::terms(s.a).size() + DimAccess::terms(s.b).size()) {
    s = {Dim(0), difference};
    return true;
  }
  const Dim offset = DimAccess::offset(s.a);
  if (offset.is(0)) return false;
  s = {s.a - offset, s.b - offset};
  return true;
}

/// floordiv(c, d) == q for numbers c, q > 0 says that d lies between two numbers: d and that number
/// where they are one. floordiv(32,n) == 32 is n == 1.
std::optional<std::pair<Dim, Dim>> only_divisor(const Sides& s) {
  const DimAtom* atom = as_atom(s.a);
  if (atom == nullptr || atom->kind != DimAtom::Kind::floordiv) return std::nullopt;
  const auto dividend = atom->args[0].constant(), quotient = s.b.constant();
  const Dim& divisor = atom->args[1];
  if (!dividend || !quotient || *dividend < 1 || *quotient < 1 || divisor.bounds().low < 0)
    return std::nullopt;
  const int64_t most = *dividend / *quotient;
  const int64_t least = *quotient < *dividend ? *dividend / (*quotient + 1) + 1 : 1;
  return least == most ? std::optional(std::pair(divisor, Dim(most))) : std::nullopt;
}

bool simplify(Sides& s) {
  const Dim difference = s.a - s.b;
  if (difference.is_too_long()) return false;
  if (difference.is_constant()) {
    s = {difference, Dim(0)};
    return true;
  }
  const auto count = [](const Dim& dim) { return DimAccess::terms(dim).size(); };
  if (!s.a.is_constant() && !s.b.is_constant() && count(difference) >= count(s.a) + count(s.b))
    return false;
  Dim number = Dim(0) - Dim(DimAccess::offset(difference));
  Dim symbolic = difference + number;
  if (all_negative(symbolic)) {
    symbolic = Dim(0) - symbolic;
    number = Dim(0) - number;
    if (symbolic.is_too_long()) return false;
  }
  const Dim gcd = coefficient_gcd(symbolic);
  if (!mod(number, gcd).is(0)) {
    s = {symbolic, number};  // never true; seen when it is checked
    return true;
  }
  s = {*exact_div(symbolic, gcd), *exact_div(number, gcd)};
  if (const auto divisor = only_divisor(s)) s = {divisor->first, divisor->second};
  return true;
}

/// `change` on both sides; a change that does not fit into a dimension is left out.
template <class F>
bool change_sides(F change, Dim& a, Dim& b) {
  Sides sides{a, b};
  try {
    if (!change(sides) || sides.a.is_too_long() || sides.b.is_too_long()) return false;
  } catch (const Error&) {
    return false;
  }
  a = std::move(sides.a);
  b = std::move(sides.b);
  return true;
}

}  // namespace

void simplify_less_equal(Dim& a, Dim& b) {
  // Each step takes something away; the bound is for safety only.
  for (int i = 0; i < 4 * kDimDepth; ++i)
    if (!change_sides(step, a, b)) return;
}

void simplify_equal(Dim& a, Dim& b) { change_sides(simplify, a, b); }

std::optional<std::pair<Dim, Dim>> order_in_equal(const Dim& a, const Dim& b) {
  for (const auto& [one, other] : {std::pair(a, b), std::pair(b, a)}) {
    const DimAtom* atom = as_atom(other);
    if (atom == nullptr || (atom->kind != DimAtom::Kind::min && atom->kind != DimAtom::Kind::max))
      continue;
    std::vector<Dim> rest = atom->args;
    if (std::erase(rest, one) == 0 || rest.empty()) continue;
    const Dim bound = extremum(atom->kind, std::move(rest));
    return atom->kind == DimAtom::Kind::min ? std::pair(one, bound) : std::pair(bound, one);
  }
  return std::nullopt;
}

std::optional<std::pair<Dim, Dim>> order_in_broadcast(const Dim& a, const Dim& b) {
  auto order = order_in_equal(a, b);
  // Of a minimum the smaller one is a or b itself, of a maximum the larger one.
  if (!order || (order->first != a && order->first != b) || order->second.bounds().low < 2)
    return std::nullopt;
  return order;
}

namespace {

// Longer sizes stay as they are, and further facts are not looked at.
constexpr int kMostParts = 128;
constexpr size_t kMostFacts = 64;

bool is_extremum(const DimAtom& atom) {
  return atom.kind == DimAtom::Kind::min || atom.kind == DimAtom::Kind::max;
}

/// Without the common factor of its terms: never negative where `dim` is not, and the other way
/// round.
Dim reduced(const Dim& dim) {
  const int64_t factor = coefficient_gcd(dim);
  if (factor < 2) return dim;
  const int64_t offset = DimAccess::offset(dim);
  return *exact_div(DimAccess::with_offset(dim, 0), factor) + floor_div(Dim(offset), Dim(factor));
}

class Settling {
 public:
  explicit Settling(const SizeFacts& facts) : facts_(facts) {}

  Dim of(const Dim& dim) const {
    if (!has_extremum(dim)) return dim;
    Dim sum(DimAccess::offset(dim));
    for (const DimTerm& term : DimAccess::terms(dim)) {
      Dim product(term.coefficient);
      for (const DimAtomRef& factor : term.factors) product = product * of(factor);
      sum = sum + product;
    }
    return sum;
  }

 private:
  Dim of(const DimAtomRef& atom) const {
    if (atom->args.empty()) return term_dim({1, {atom}});
    std::vector<Dim> args;
    for (const Dim& arg : atom->args) args.push_back(of(arg));
    if (atom->kind == DimAtom::Kind::floordiv) return floor_div(args[0], args[1]);
    if (atom->kind == DimAtom::Kind::broadcast) return broadcast(args);
    drop_needless(atom->kind, args);
    return extremum(atom->kind, std::move(args));
  }

  /// One at a time: of two that are equal the other one stays.
  void drop_needless(DimAtom::Kind kind, std::vector<Dim>& args) const {
    for (size_t i = 0; i < args.size();) {
      const bool needless = std::any_of(args.begin(), args.end(), [&](const Dim& other) {
        if (&other == &args[i]) return false;
        return kind == DimAtom::Kind::min ? less_equal(other, args[i]) : less_equal(args[i], other);
      });
      if (needless) args.erase(args.begin() + static_cast<std::ptrdiff_t>(i));
      else ++i;
    }
  }

  bool less_equal(const Dim& a, const Dim& b) const {
    const auto difference = attempt([&] { return reduced(b - a); });
    if (!difference) return false;
    if (difference->bounds(facts_.ranges).low >= 0) return true;
    return std::any_of(facts_.differences.begin(), facts_.differences.end(), [&](const Dim& fact) {
      const auto left = attempt([&] { return *difference - fact; });
      return left && left->bounds(facts_.ranges).low >= 0;
    });
  }

  const SizeFacts& facts_;
};

/// It says something of one symbol alone, and a graph's ranges have it.
bool is_range(const Require& require) {
  return (require.a.is_constant() && require.b.as_symbol()) ||
         (require.a.as_symbol() && require.b.is_constant());
}

}  // namespace

SizeFacts size_facts(const Graph& graph, const std::function<bool(const Dim&)>& counts) {
  SizeFacts facts{graph.ranges(), {}};
  for (const Require& require : graph.requirements()) {
    if (facts.differences.size() >= kMostFacts) break;
    if (require.relation == Require::Relation::broadcast) continue;
    const auto difference = attempt([&] { return require.b - require.a; });
    if (is_range(require) || !difference || !counts(*difference)) continue;
    facts.differences.push_back(*difference);
    if (require.relation == Require::Relation::equal)
      if (const auto other = attempt([&] { return require.a - require.b; }))
        facts.differences.push_back(*other);
  }
  return facts;
}

bool has_extremum(const Dim& dim) {
  for (const DimTerm& term : DimAccess::terms(dim))
    for (const DimAtomRef& factor : term.factors)
      if (is_extremum(*factor) ||
          std::any_of(factor->args.begin(), factor->args.end(), has_extremum))
        return true;
  return false;
}

Dim settled(const Dim& dim, const SizeFacts& facts) {
  if (dim.is_too_long() || dim.complexity() > kMostParts) return dim;
  return attempt([&] { return Settling(facts).of(dim); }).value_or(dim);
}

}  // namespace hone
