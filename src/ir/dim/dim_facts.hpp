#pragma once
// Facts about dimensions in their simplest equivalent form.

#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "ir/graph.hpp"

namespace hone {

/// a <= b, a == b said as simply as can be: 3 <= floordiv(h+1,2)+2 becomes 1 <= h. Equivalent for
/// all values of the symbols; the result may be of numbers only, and false.
void simplify_less_equal(Dim& a, Dim& b);
void simplify_equal(Dim& a, Dim& b);

/// a == min(a, c) says a <= c, and a == max(a, c) says c <= a, sides in any order: the smaller and
/// the larger one. nullopt: it says something else.
std::optional<std::pair<Dim, Dim>> order_in_equal(const Dim& a, const Dim& b);
/// A size and its minimum with something larger than 1 broadcast only where they are equal: the
/// smaller and the larger one of what that says. nullopt: the two are no such sizes.
std::optional<std::pair<Dim, Dim>> order_in_broadcast(const Dim& a, const Dim& b);

/// What is known of sizes.
struct SizeFacts {
  Ranges ranges;
  std::vector<Dim> differences;  ///< never negative: b - a where a <= b
};

/// What the requirements of a graph say, where `counts` says yes to the difference.
SizeFacts size_facts(const Graph& graph, const std::function<bool(const Dim&)>& counts);

bool has_extremum(const Dim& dim);

/// The size without those arguments of minima and maxima that are never the least or the greatest
/// one: min(n+p,2048) is n+p where n+p <= 2048. Equal to `dim` for all sizes of which the facts
/// hold; what would be too long to write stays as it is.
Dim settled(const Dim& dim, const SizeFacts& facts);

}  // namespace hone
