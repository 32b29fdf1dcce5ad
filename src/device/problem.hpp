#pragma once

#include "device/kernel.hpp"

namespace hone {

/// The problem of one node of `graph`, a Fused one or a plain one.
std::shared_ptr<const Problem> problem_of(const Graph& graph, const Node& node, const Share& share);

}  // namespace hone
