#pragma once
// Sizes of inputs that are most often equal, taken for equal: what plans are made of.

#include "ir/graph.hpp"

namespace hone {

/// A copy for the sizes that a plan is best made for: where open sizes of inputs broadcast with one
/// another or with a number they are equal, where one must be a number it is that. The other sizes
/// that the graph takes the copy does not. Null: there is nothing to take for equal, or the graph
/// contradicts itself where they are.
std::unique_ptr<Graph> with_equal_sizes(const Graph& graph);

/// Symbols of inputs that requirements say to be the same become one, the first of them; giving
/// them other sizes is an error as before. false: there are none. Types are as they were inferred.
bool join_equal_symbols(Graph& graph);

}  // namespace hone
