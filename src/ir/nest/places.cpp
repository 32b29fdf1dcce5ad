#include "ir/nest/places.hpp"

#include <algorithm>

#include "ir/dim/dim_terms.hpp"

namespace hone {

bool mentions(const Dim& dim, std::string_view variable) {
  std::set<std::string, std::less<>> names;
  dim.collect_variables(names);
  return names.contains(variable);
}

bool mentions_any(const Dim& dim, const Around& loops) {
  return std::any_of(loops.begin(), loops.end(),
                     [&](const Axis& axis) { return mentions(dim, *axis.variable.as_variable()); });
}

namespace {

Dim with(const Dim& dim, std::string_view variable, const Dim& by) {
  return dim.substitute_variables([&](std::string_view name) {
    return name == variable ? std::optional<Dim>(by) : std::nullopt;
  });
}

/// Which way a dimension goes when a variable grows: 1 never down, -1 never up, 0 it does not move.
class Direction {
 public:
  Direction(std::string_view variable, const Ranges& ranges)
      : variable_(variable), ranges_(ranges) {}

  std::optional<int> of(const Dim& dim) const {
    std::optional<int> all = 0;
    for (const DimTerm& term : DimAccess::terms(dim)) {
      all = both(all, of(term));
      if (!all) return all;
    }
    return all;
  }

 private:
  static std::optional<int> both(std::optional<int> a, std::optional<int> b) {
    if (!a || !b || *a * *b < 0) return std::nullopt;
    return *a != 0 ? a : b;
  }

  /// A product moves as its only moving factor does, or as all do that are never below 0.
  std::optional<int> of(const DimTerm& term) const {
    std::optional<int> all = 0;
    size_t below = 0;
    for (const DimAtomRef& factor : term.factors) {
      all = both(all, of(*factor));
      if (!all) return all;
      if (atom_dim(DimAtom(*factor)).bounds({}, ranges_).low < 0) ++below;
    }
    if (*all == 0) return 0;
    if (below > 0 && term.factors.size() > 1) return std::nullopt;
    return term.coefficient > 0 ? *all : -*all;
  }

  std::optional<int> of(const DimAtom& atom) const {
    if (atom.args.empty())
      return atom.kind == DimAtom::Kind::variable && atom.name == variable_ ? 1 : 0;
    if (atom.kind == DimAtom::Kind::floordiv) {
      const auto dividend = of(atom.args[0]), divisor = of(atom.args[1]);
      if (!divisor || *divisor != 0 || !dividend || *dividend == 0)
        return divisor && dividend && *dividend == 0 ? divisor : std::nullopt;
      return atom.args[1].bounds({}, ranges_).low >= 0 ? dividend : std::nullopt;
    }
    std::optional<int> all = 0;
    for (const Dim& arg : atom.args) all = both(all, of(arg));
    return atom.kind == DimAtom::Kind::broadcast && all != 0 ? std::nullopt : all;
  }

  std::string_view variable_;
  const Ranges& ranges_;
};

/// The dimension with `change` of every atom that it gives something for.
Dim rebuilt(const Dim& dim, const std::function<std::optional<Dim>(const DimAtom&)>& change) {
  Dim sum(DimAccess::offset(dim));
  for (const DimTerm& term : DimAccess::terms(dim)) {
    Dim product(term.coefficient);
    for (const DimAtomRef& factor : term.factors) {
      const std::optional<Dim> by = change(*factor);
      product = product * (by ? *by : atom_dim(DimAtom(*factor)));
    }
    sum = sum + product;
  }
  return sum;
}

/// Numbers that variables do not exceed.
Ranges ranges_of(const Around& loops) {
  Ranges found;
  for (const Axis& axis : loops) {
    const Interval turns = axis.extent.bounds({}, found);
    if (turns.high < Interval::kUnbounded)
      found[std::string(*axis.variable.as_variable())] = {0, std::max<int64_t>(turns.high - 1, 0)};
  }
  return found;
}

class Prover {
 public:
  explicit Prover(Around loops) : loops_(std::move(loops)), ranges_(ranges_of(loops_)) {}

  /// `over` <= 0 in all turns.
  bool holds(const Dim& over) {
    if (over.is_too_long() || --budget_ < 0) return false;
    if (over.is_constant()) return *over.constant() <= 0;
    if (over.bounds({}, ranges_).high <= 0) return true;
    if (const auto parted = part_quotient(over)) return *parted;
    // The innermost variable first: extents have only those of loops around in them.
    for (size_t i = loops_.size(); i-- > 0;) {
      const std::string name(*loops_[i].variable.as_variable());
      if (!mentions(over, name)) continue;
      const auto direction = Direction(name, ranges_).of(over);
      if (!direction) continue;
      const Dim end = *direction > 0 ? loops_[i].extent - 1 : Dim(0);
      if (mentions(end, name)) return false;
      return holds(with(over, name, end));
    }
    return holds_by_parts(over);
  }

 private:
  /// A minimum is at most each of its arguments; a maximum is at most something where all are.
  bool holds_by_parts(const Dim& over) {
    for (const DimTerm& term : DimAccess::terms(over)) {
      const DimAtom& atom = *term.factors[0];
      const bool is_min = atom.kind == DimAtom::Kind::min;
      if (term.factors.size() != 1 || (!is_min && atom.kind != DimAtom::Kind::max)) continue;
      const auto holds_for = [&](const Dim& arg) {
        return holds(over - term_dim(term) + Dim(term.coefficient) * arg);
      };
      if (is_min == (term.coefficient > 0))
        return std::any_of(atom.args.begin(), atom.args.end(), holds_for);
      return std::all_of(atom.args.begin(), atom.args.end(), holds_for);
    }
    return false;
  }

  /// Where $f is divided by d: $f is d * quotient + remainder, two loops in place of one.
  std::optional<bool> part_quotient(const Dim& over) {
    std::string name;
    Dim divisor;
    const auto look = [&](const DimAtom& atom) -> std::optional<Dim> {
      if (atom.kind != DimAtom::Kind::floordiv || !atom.args[0].as_variable()) return std::nullopt;
      // Of several divisors the one that the others are multiples of.
      if (!name.empty() &&
          (name != *atom.args[0].as_variable() || exact_div(atom.args[1], divisor)))
        return std::nullopt;
      name = *atom.args[0].as_variable();
      divisor = atom.args[1];
      return std::nullopt;
    };
    rebuilt(over, look);
    const auto loop = std::find_if(loops_.begin(), loops_.end(), [&](const Axis& axis) {
      return axis.variable.as_variable() == name;
    });
    if (loop == loops_.end() || mentions_any(divisor, loops_)) return std::nullopt;
    const Dim whole = Dim::variable(cat(name, ".q")), rest = Dim::variable(cat(name, ".r"));
    const auto parted = [&](const DimAtom& atom) -> std::optional<Dim> {
      if (atom.kind == DimAtom::Kind::variable && atom.name == name) return divisor * whole + rest;
      if (atom.kind != DimAtom::Kind::floordiv || atom.args[0].as_variable() != name)
        return std::nullopt;
      const auto times = exact_div(atom.args[1], divisor);
      return times ? std::optional<Dim>(floor_div(whole, *times)) : std::nullopt;
    };
    const Dim now = rebuilt(over, parted);
    if (mentions(now, name)) return std::nullopt;
    Around loops;
    for (const Axis& axis : loops_) {
      if (axis.variable.as_variable() != name) {
        if (mentions(axis.extent, name)) return std::nullopt;
        loops.push_back(axis);
        continue;
      }
      loops.push_back({whole, ceil_div(axis.extent, divisor)});
      loops.push_back({rest, divisor});
    }
    Prover inner(std::move(loops));
    inner.budget_ = budget_;
    const bool held = inner.holds(now);
    budget_ = inner.budget_;
    return held;
  }

  Around loops_;
  Ranges ranges_;
  int budget_ = 64;
};

}  // namespace

bool always_at_most(const Dim& a, const Dim& b, const Around& loops) {
  try {
    return Prover(loops).holds(a - b);
  } catch (const Error&) {  // numbers beyond 63 bits
    return false;
  }
}

std::optional<int64_t> most_turns(const Dim& extent, const Around& loops) {
  const Interval turns = extent.bounds({}, ranges_of(loops));
  if (turns.high >= Interval::kUnbounded) return std::nullopt;
  return std::max<int64_t>(turns.high, 0);
}

std::optional<Dim> bound_over(const Dim& dim, const Around& loops, bool upper) {
  const Ranges ranges = ranges_of(loops);
  Dim bound = dim;
  for (size_t i = loops.size(); i-- > 0;) {
    const std::string_view name = *loops[i].variable.as_variable();
    if (!mentions(bound, name)) continue;
    const auto direction = Direction(name, ranges).of(bound);
    if (!direction) return std::nullopt;
    bound = with(bound, name, (*direction > 0) == upper ? loops[i].extent - 1 : Dim(0));
  }
  return bound.is_too_long() ? std::nullopt : std::optional<Dim>(bound);
}

bool is_defined(const Dim& dim) {
  for (const DimTerm& term : DimAccess::terms(dim))
    for (const DimAtomRef& factor : term.factors) {
      if (!std::all_of(factor->args.begin(), factor->args.end(), is_defined)) return false;
      if (factor->kind == DimAtom::Kind::floordiv && factor->args[1].bounds().low < 1) return false;
    }
  return true;
}

std::optional<Linear> linear_in(const Dim& dim, std::string_view variable) {
  if (dim.is_too_long()) return std::nullopt;
  Linear parts{with(dim, variable, 1) - with(dim, variable, 0), with(dim, variable, 0)};
  if (!(parts.factor * Dim::variable(variable) + parts.rest == dim)) return std::nullopt;
  return parts;
}

}  // namespace hone
