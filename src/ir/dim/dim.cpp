#include "ir/dim/dim.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/size.hpp"
#include "ir/dim/dim_terms.hpp"

namespace hone {
namespace {

bool same_factors(const DimTerm& a, const DimTerm& b) { return compare_factors(a, b) == 0; }

bool by_factors(const DimTerm& a, const DimTerm& b) { return compare_factors(a, b) < 0; }

bool by_atom(const DimAtomRef& a, const DimAtomRef& b) { return compare(*a, *b) < 0; }

/// Alike neighbours of sorted terms added up, zeros dropped.
void merge_sorted(std::vector<DimTerm>& terms) {
  size_t kept = 0;
  for (size_t i = 0; i < terms.size();) {
    int64_t sum = terms[i].coefficient;
    size_t next = i + 1;
    for (; next < terms.size() && same_factors(terms[i], terms[next]); ++next)
      sum = checked_add(sum, terms[next].coefficient);
    if (sum != 0) {
      if (kept != i) terms[kept] = std::move(terms[i]);
      terms[kept++].coefficient = sum;
    }
    i = next;
  }
  terms.resize(kept);
}

/// In unsigned arithmetic, because the magnitude of the lowest int64 is no int64.
int64_t common_divisor(int64_t a, int64_t b) {
  const auto magnitude = [](int64_t v) {
    return v < 0 ? uint64_t{0} - static_cast<uint64_t>(v) : static_cast<uint64_t>(v);
  };
  const uint64_t result = std::gcd(magnitude(a), magnitude(b));
  return std::in_range<int64_t>(result) ? static_cast<int64_t>(result) : 1;
}

std::optional<int64_t> evaluate_atom(const DimAtom& atom, const Bindings& symbols,
                                     const Bindings& variables) {
  if (atom.args.empty()) {
    const Bindings& bindings = atom.kind == DimAtom::Kind::symbol ? symbols : variables;
    const auto found = bindings.find(atom.name);
    if (found == bindings.end()) return std::nullopt;
    return found->second;
  }
  std::optional<int64_t> result = atom.args[0].evaluate(symbols, variables);
  for (size_t i = 1; i < atom.args.size() && result; ++i) {
    const auto next = atom.args[i].evaluate(symbols, variables);
    if (!next) return std::nullopt;
    if (atom.kind == DimAtom::Kind::min) {
      result = std::min(*result, *next);
    } else if (atom.kind == DimAtom::Kind::max) {
      result = std::max(*result, *next);
    } else if (atom.kind == DimAtom::Kind::broadcast) {
      result = broadcast_values(*result, *next);
    } else {
      const bool overflow = *next == -1 && *result == std::numeric_limits<int64_t>::min();
      if (*next == 0 || overflow) return std::nullopt;
      result = floor_div(*result, *next);
    }
  }
  return result;
}

/// A factor that is 0 wins over overflow of the others.
std::optional<int64_t> evaluate_term(const DimTerm& term, const Bindings& symbols,
                                     const Bindings& variables) {
  std::optional<int64_t> product = term.coefficient;
  bool zero = false;
  for (const DimAtomRef& factor : term.factors) {
    const auto value = evaluate_atom(*factor, symbols, variables);
    if (!value) return std::nullopt;
    zero |= *value == 0;
    if (product) product = try_mul(*product, *value);
  }
  return zero ? std::optional<int64_t>(0) : product;
}

/// Atoms of `kind` without arguments are replaced.
Dim replaced(const Dim& dim, DimAtom::Kind kind, const Dim::Replacement& replacement);

Dim replaced_atom(const DimAtomRef& atom, DimAtom::Kind kind, const Dim::Replacement& replacement) {
  if (atom->args.empty()) {
    if (atom->kind == kind)
      if (auto found = replacement(atom->name)) return *std::move(found);
    return term_dim({1, {atom}});
  }
  std::vector<Dim> args;
  for (const Dim& arg : atom->args) args.push_back(replaced(arg, kind, replacement));
  if (atom->kind == DimAtom::Kind::floordiv) return floor_div(args[0], args[1]);
  if (atom->kind == DimAtom::Kind::broadcast) return broadcast(args);
  return extremum(atom->kind, std::move(args));
}

Dim replaced(const Dim& dim, DimAtom::Kind kind, const Dim::Replacement& replacement) {
  if (dim.is_too_long()) return dim;
  Dim sum(DimAccess::offset(dim));
  for (const DimTerm& term : DimAccess::terms(dim)) {
    Dim product(term.coefficient);
    for (const DimAtomRef& factor : term.factors)
      product = product * replaced_atom(factor, kind, replacement);
    sum = sum + product;
  }
  return sum;
}

void collect(const Dim& dim, DimAtom::Kind kind, std::set<std::string, std::less<>>& names) {
  for (const DimTerm& term : DimAccess::terms(dim)) {
    for (const DimAtomRef& factor : term.factors) {
      if (factor->kind == kind) names.insert(factor->name);
      for (const Dim& arg : factor->args) collect(arg, kind, names);
    }
  }
}

}  // namespace

std::span<const DimTerm> DimAccess::terms(const Dim& dim) {
  return dim.poly_ ? std::span<const DimTerm>(dim.poly_->terms) : std::span<const DimTerm>();
}

const DimAtom* DimAccess::only_atom(const Dim& dim) {
  if (!dim.poly_ || dim.constant_ != 0 || dim.poly_->terms.size() != 1 || dim.poly_->too_long)
    return nullptr;
  const DimTerm& term = dim.poly_->terms[0];
  return term.coefficient == 1 && term.factors.size() == 1 ? term.factors[0].get() : nullptr;
}

Dim DimAccess::make(std::vector<DimTerm> terms, int64_t constant) {
  std::sort(terms.begin(), terms.end(), by_factors);
  return make_sorted(std::move(terms), constant);
}

Dim DimAccess::make_sorted(std::vector<DimTerm> terms, int64_t constant) {
  merge_sorted(terms);
  Dim dim(constant);
  if (terms.empty()) return dim;
  if (terms.size() > kDimTerms) return Dim::too_long();
  int64_t size = 0;
  int depth = 0;
  for (const DimTerm& term : terms) {
    size += term.coefficient == 1 ? 1 : 2;
    for (const DimAtomRef& factor : term.factors) {
      size += factor->size;
      depth = std::max(depth, factor->depth);
    }
  }
  if (size > kDimSize || depth > kDimDepth) return Dim::too_long();
  dim.poly_ =
      std::make_shared<const Dim::Poly>(Dim::Poly{std::move(terms), static_cast<int>(size), depth});
  return dim;
}

Dim DimAccess::with_offset(const Dim& dim, int64_t constant) {
  Dim result = dim;
  result.constant_ = constant;
  return result;
}

std::strong_ordering compare(const DimAtom& a, const DimAtom& b) {
  if (&a == &b) return std::strong_ordering::equal;
  if (const auto order = a.kind <=> b.kind; order != 0) return order;
  if (const auto order = a.name <=> b.name; order != 0) return order;
  if (const auto order = a.args.size() <=> b.args.size(); order != 0) return order;
  for (size_t i = 0; i < a.args.size(); ++i)
    if (const auto order = a.args[i] <=> b.args[i]; order != 0) return order;
  return std::strong_ordering::equal;
}

std::strong_ordering compare_factors(const DimTerm& a, const DimTerm& b) {
  if (const auto order = b.factors.size() <=> a.factors.size(); order != 0) return order;
  for (size_t i = 0; i < a.factors.size(); ++i)
    if (const auto order = compare(*a.factors[i], *b.factors[i]); order != 0) return order;
  return std::strong_ordering::equal;
}

Dim term_dim(DimTerm term) {
  std::vector<DimTerm> terms;
  terms.push_back(std::move(term));
  return DimAccess::make(std::move(terms), 0);
}

Dim atom_dim(DimAtom atom) {
  int64_t size = 1;
  for (const Dim& arg : atom.args) {
    size += 1 + arg.complexity();
    atom.depth = std::max(atom.depth, 1 + DimAccess::depth(arg));
  }
  atom.size = static_cast<int>(std::min<int64_t>(size, std::numeric_limits<int>::max()));
  return term_dim({1, {std::make_shared<const DimAtom>(std::move(atom))}});
}

std::optional<std::vector<DimAtomRef>> divide_factors(const DimTerm& a, const DimTerm& b) {
  if (!std::includes(a.factors.begin(), a.factors.end(), b.factors.begin(), b.factors.end(),
                     by_atom))
    return std::nullopt;
  std::vector<DimAtomRef> rest;
  std::set_difference(a.factors.begin(), a.factors.end(), b.factors.begin(), b.factors.end(),
                      std::back_inserter(rest), by_atom);
  return rest;
}

int64_t coefficient_gcd(const Dim& dim, int64_t start) {
  for (const DimTerm& term : DimAccess::terms(dim)) start = common_divisor(start, term.coefficient);
  return common_divisor(start, 0);
}

int64_t content_gcd(const Dim& dim, int64_t start) {
  return coefficient_gcd(dim, common_divisor(start, DimAccess::offset(dim)));
}

Dim Dim::symbol(std::string_view name) {
  DimAtom atom;
  atom.name = name;
  return atom_dim(std::move(atom));
}

Dim Dim::variable(std::string_view name) {
  DimAtom atom;
  atom.kind = DimAtom::Kind::variable;
  atom.name = name;
  return atom_dim(std::move(atom));
}

Dim Dim::too_long() {
  // One term, so that whoever looks at the first one finds it.
  static const auto kPoly = [] {
    DimAtom atom;
    atom.name = "too long";
    return std::make_shared<const Poly>(
        Poly{{{1, {std::make_shared<const DimAtom>(std::move(atom))}}}, kDimSize + 1, 1, true});
  }();
  Dim dim;
  dim.poly_ = kPoly;
  return dim;
}

bool Dim::is_too_long() const { return poly_ != nullptr && poly_->too_long; }

std::optional<int64_t> Dim::constant() const {
  if (poly_) return std::nullopt;
  return constant_;
}

std::optional<std::string_view> Dim::as_symbol() const {
  const DimAtom* atom = DimAccess::only_atom(*this);
  if (atom == nullptr || atom->kind != DimAtom::Kind::symbol) return std::nullopt;
  return atom->name;
}

std::optional<std::string_view> Dim::as_variable() const {
  const DimAtom* atom = DimAccess::only_atom(*this);
  if (atom == nullptr || atom->kind != DimAtom::Kind::variable) return std::nullopt;
  return atom->name;
}

void Dim::collect_symbols(std::set<std::string, std::less<>>& names) const {
  collect(*this, DimAtom::Kind::symbol, names);
}

void Dim::collect_variables(std::set<std::string, std::less<>>& names) const {
  collect(*this, DimAtom::Kind::variable, names);
}

std::optional<int64_t> Dim::evaluate(const Bindings& symbols, const Bindings& variables) const {
  if (is_too_long()) return std::nullopt;
  std::optional<int64_t> sum = constant_;
  for (const DimTerm& term : DimAccess::terms(*this)) {
    const auto value = evaluate_term(term, symbols, variables);
    if (!value) return std::nullopt;
    sum = try_add(*sum, *value);
    if (!sum) return std::nullopt;
  }
  return sum;
}

Dim Dim::substitute(const Replacement& replacement) const {
  return replaced(*this, DimAtom::Kind::symbol, replacement);
}

Dim Dim::substitute_variables(const Replacement& replacement) const {
  return replaced(*this, DimAtom::Kind::variable, replacement);
}

int Dim::complexity() const { return poly_ ? poly_->size + (constant_ != 0 ? 1 : 0) : 0; }

Dim operator+(const Dim& a, const Dim& b) {
  const int64_t constant = checked_add(a.constant_, b.constant_);
  if (!b.poly_) return DimAccess::with_offset(a, constant);
  if (!a.poly_) return DimAccess::with_offset(b, constant);
  if (a.poly_->too_long || b.poly_->too_long) return Dim::too_long();
  const std::vector<DimTerm>&left = a.poly_->terms, &right = b.poly_->terms;
  std::vector<DimTerm> terms;
  terms.reserve(left.size() + right.size());
  std::merge(left.begin(), left.end(), right.begin(), right.end(), std::back_inserter(terms),
             by_factors);
  return DimAccess::make_sorted(std::move(terms), constant);
}

Dim operator-(const Dim& a, const Dim& b) {
  int64_t difference = 0;
  check(!__builtin_sub_overflow(a.constant_, b.constant_, &difference), Code::invalid_model,
        "size overflows 63 bits: ", a.constant_, " - ", b.constant_);
  if (!b.poly_) return DimAccess::with_offset(a, difference);
  if (a.is_too_long() || b.is_too_long()) return Dim::too_long();
  // The negated terms may have more parts than a dimension can have, the difference fewer.
  std::vector<DimTerm> terms, negated;
  for (const DimTerm& term : DimAccess::terms(b))
    negated.push_back({checked_mul(term.coefficient, -1), term.factors});
  const auto left = DimAccess::terms(a);
  terms.reserve(left.size() + negated.size());
  std::merge(left.begin(), left.end(), negated.begin(), negated.end(), std::back_inserter(terms),
             by_factors);
  return DimAccess::make_sorted(std::move(terms), difference);
}

Dim operator*(const Dim& a, const Dim& b) {
  if (!a.poly_ && !b.poly_) return checked_mul(a.constant_, b.constant_);
  if (a.is(1) || b.is(0)) return b;
  if (b.is(1) || a.is(0)) return a;
  if (a.is_too_long() || b.is_too_long()) return Dim::too_long();
  std::vector<DimTerm> terms;
  const auto scaled = [&terms](const Dim& dim, int64_t by) {
    if (by == 0) return;
    for (const DimTerm& term : DimAccess::terms(dim))
      terms.push_back({checked_mul(term.coefficient, by), term.factors});
  };
  scaled(a, b.constant_);
  scaled(b, a.constant_);
  const auto left_terms = DimAccess::terms(a), right_terms = DimAccess::terms(b);
  if (left_terms.size() * right_terms.size() > kDimProducts) return Dim::too_long();
  for (const DimTerm& left : left_terms) {
    for (const DimTerm& right : right_terms) {
      DimTerm term{checked_mul(left.coefficient, right.coefficient), {}};
      std::merge(left.factors.begin(), left.factors.end(), right.factors.begin(),
                 right.factors.end(), std::back_inserter(term.factors), by_atom);
      if (term.factors.size() > kDimFactors) return Dim::too_long();
      terms.push_back(std::move(term));
    }
  }
  return DimAccess::make(std::move(terms), checked_mul(a.constant_, b.constant_));
}

std::strong_ordering operator<=>(const Dim& a, const Dim& b) {
  if (a.poly_ != b.poly_) {
    const auto left = DimAccess::terms(a), right = DimAccess::terms(b);
    for (size_t i = 0; i < std::min(left.size(), right.size()); ++i) {
      if (const auto order = compare_factors(left[i], right[i]); order != 0) return order;
      if (const auto order = right[i].coefficient <=> left[i].coefficient; order != 0) return order;
    }
    if (const auto order = right.size() <=> left.size(); order != 0) return order;
  }
  return a.constant_ <=> b.constant_;
}

bool operator==(const Dim& a, const Dim& b) {
  return a.constant_ == b.constant_ && !a.is_too_long() && (a.poly_ == b.poly_ || (a <=> b) == 0);
}

Dim product(const std::vector<Dim>& dims) {
  // A zero first: it makes overflow of the others harmless.
  if (std::find(dims.begin(), dims.end(), Dim(0)) != dims.end()) return 0;
  Dim result(1);
  for (const Dim& dim : dims) result = result * dim;
  return result;
}

}  // namespace hone
