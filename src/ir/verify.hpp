#pragma once

#include "ir/graph.hpp"

namespace hone {

/// Checks every invariant of a graph and of its bodies: users and producers agree, definitions
/// precede uses (symbols too), names unique, arities, every parameter given at most once, types as
/// inference finds them, bodies closed. Error(internal) naming the first violation; `where` says
/// after what.
void verify(const Graph& graph, std::string_view where);

}  // namespace hone
