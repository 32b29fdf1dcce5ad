#pragma once
// Facts about dimensions in their simplest equivalent form.

#include <optional>
#include <utility>

#include "ir/dim/dim.hpp"

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

}  // namespace hone
