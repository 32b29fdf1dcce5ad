#pragma once

#include "ir/graph.hpp"

namespace hone {

/// Checks every invariant of a graph and of its bodies: users and producers agree, definitions
/// precede uses (symbols too), names unique, arities, every parameter given at most once, types as
/// inference finds them, bodies closed. Error(internal) naming the first violation; `where` says
/// after what.
void verify(const Graph& graph, std::string_view where);
/// The same without a copy of the graph: types are inferred in the graph itself. Where it throws,
/// the graph is of no use any more; else contents that inference knows are there, too.
void verify_in_place(Graph& graph, std::string_view where);

}  // namespace hone
