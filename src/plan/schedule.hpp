#pragma once
// The order of steps: which of the possible ones needs the least memory.

#include "plan/plan.hpp"

namespace hone {

/// Plans the graph like make_plan(), having put its nodes, and those of the bodies of its control
/// flow, in an order for which less memory is enough; in the order they have when none is found.
/// Operands, symbols and segments stay in order: nothing crosses a step that tells sizes. What is
/// less is decided at two sizes (every symbol as expected, and the least that it can be): less at
/// one of them, not more at the other. The choices stay by node. Deterministic. `given`: what
/// make_plan() makes of these, where that is known.
Plan plan_in_order(Graph& graph, Choices& choices, const Conditions& conditions,
                   const Plan* given = nullptr);

/// Puts the graph's nodes, all of them, in this order, and what was chosen for them.
void reorder(Graph& graph, Choices& choices, const std::vector<const Node*>& order);

/// Sizes for the symbols of a plan's buffers: those that are expected of them.
Bindings expected_sizes(const Graph& graph, const Plan& plan);

}  // namespace hone
