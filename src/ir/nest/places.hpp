#pragma once
// What can be proved of places: which elements a statement reaches in all turns of the loops around
// it.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ir/nest/nest.hpp"

namespace hone {

/// Loops around something, outermost first; an extent may have variables of the ones before it.
using Around = std::vector<Axis>;

/// a <= b in every turn of the loops (of which each has one); false: it could not be proved.
bool always_at_most(const Dim& a, const Dim& b, const Around& loops);
/// The least number of turns that the loop of this extent never exceeds; nullopt: no number.
std::optional<int64_t> most_turns(const Dim& extent, const Around& loops);

/// A bound of the dimension in all turns of the loops, without their variables: at least as large
/// as it is where `upper`, else at least as small. nullopt: none was found.
std::optional<Dim> bound_over(const Dim& dim, const Around& loops, bool upper);

/// The dimension as factor * variable + rest, neither with the variable in it; nullopt: it is no
/// such sum.
struct Linear {
  Dim factor, rest;
};
std::optional<Linear> linear_in(const Dim& dim, std::string_view variable);

/// No quotient in it may divide by 0: it has a value where its loops have no turns, too.
bool is_defined(const Dim& dim);

bool mentions(const Dim& dim, std::string_view variable);
/// Any of the variables of these loops.
bool mentions_any(const Dim& dim, const Around& loops);

}  // namespace hone
