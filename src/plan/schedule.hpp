#pragma once
// The order of steps: which of the possible ones needs the least memory.

#include "plan/plan.hpp"

namespace hone {

/// Plans the graph like make_plan(), having put its nodes, and those of the bodies of its control
/// flow, in an order for which less memory is enough; in the order they have when none is found.
/// Operands, symbols and segments stay in order: nothing crosses a step that tells sizes. What is
/// less is decided at two sizes (every symbol the least that it can be, and around 64): less at one
/// of them, not more at the other. Deterministic.
Plan plan_in_order(Graph& graph, const Choose& choose, std::string_view device, const Share& share);

/// Puts the graph's nodes, all of them, in this order.
void reorder(Graph& graph, const std::vector<const Node*>& order);

/// Sizes for the symbols of a plan's buffers: `around`, within what the graph says of them.
Bindings sizes_around(const Graph& graph, const Plan& plan, int64_t around);

}  // namespace hone
