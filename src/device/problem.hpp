#pragma once

#include "device/kernel.hpp"

namespace hone {

/// What is known of the symbols that a region has, of all that a graph knows.
Ranges ranges_of(const Graph& body, const Ranges& all);

/// The problem of one node of `graph`, a Fused one or a plain one.
std::shared_ptr<const Problem> problem_of(const Graph& graph, const Node& node, const Share& share);

}  // namespace hone
