#pragma once
// Anchors behind one another in one region, which may run tile by tile: told from stages.

#include <functional>
#include <string>

#include "passes/fusion/groups.hpp"
#include "passes/fusion/role.hpp"

namespace hone {

/// Regions of more anchors than this are no candidates anybody would take whole.
inline constexpr int kMostAnchors = 3;

/// Merges regions where one makes the only value that another reads of it, nobody else reads the
/// value, and a tile of the reader needs a bounded part of it: the neighbourhood of an element on
/// every axis, or the whole row along one of them. The value becomes a cut. The largest values
/// first. `note`: told why a region does not follow the one that makes its operand.
void chain_anchors(const Graph& graph, const Roles& roles, Groups& groups,
                   const std::function<void(const Node&, std::string)>& note);

}  // namespace hone
