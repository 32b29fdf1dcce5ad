#pragma once
// Graphs as Graphviz text.

#include <string>

#include "ir/graph.hpp"

namespace hone::report {

/// A digraph: nodes coloured by what they are to fusion, labelled with op and layers, regions as
/// clusters, edges with the types of what they carry. Constants are not drawn.
std::string dot_text(const Graph& graph);

}  // namespace hone::report
