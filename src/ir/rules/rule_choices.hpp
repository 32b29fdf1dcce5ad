#pragma once
// Alternatives in what a rule gives.

#include <vector>

#include "ir/rules/match.hpp"

namespace hone {

/// A term of the give graph, and of alternatives the first all of whose variables the match has;
/// null: none of them.
const RuleTerm* taken(const RuleTerm& term, const Match& match);

/// For every node of the give graph, whether it is made: it has a name, or stands in what is taken.
std::vector<bool> wanted_nodes(const Match& match);

}  // namespace hone
