#pragma once
// A region: the piece of a graph that one kernel runs. A single op is a region of one.

#include <memory>

#include "ir/graph.hpp"

namespace hone {

/// A closed view of one step: an ordinary graph that shares the surrounding graph's symbols. Its
/// inputs are the step's operands that are present and no literals, in order; literals stay in it.
struct Region {
  std::shared_ptr<const Graph> body;

  /// The node, when the region is a region of one; else null.
  const Node* single() const;
};

/// The region of one node: a Fused node's own body, else a body made around the node.
Region region_of(const Node& node);

/// The operands of `node` that become inputs of its region, in the region's order.
std::vector<Value*> region_operands(const Node& node);

}  // namespace hone
