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

/// The region that fuse_nodes() would make of these nodes; the graph stays as it is. `operands`:
/// gets the values that become its inputs.
Region region_of(const Graph& graph, const std::vector<const Node*>& nodes,
                 std::vector<const Value*>* operands = nullptr);

/// The operands of `node` that become inputs of its region, in the region's order.
std::vector<Value*> region_operands(const Node& node);

/// Makes one Fused node of `nodes` (in the graph's order, at least one; a Fused one among them is
/// taken apart). Its results are the values that something outside reads, or that are outputs; they
/// keep their names and types. `cuts`: values of the body to mark. No path may lead from one of the
/// nodes to another through a node outside. The graph's order is restored by sort(), by the caller.
Node* fuse_nodes(Graph& graph, const std::vector<Node*>& nodes, std::string_view by = {},
                 std::vector<std::string> cuts = {});

/// Puts the nodes of a Fused node's body in its place. `cuts`: gets the names of its marked values.
std::vector<Node*> unfuse(Graph& graph, Node* fused, std::vector<std::string>* cuts = nullptr);

/// Cuts a Fused node at the value `at` of its body (a name): everything that the value needs
/// becomes the first node, the rest the second. Each is Fused, or plain when it is one node.
/// Error(usage) when the body has no such value, or nothing is left on one side.
std::pair<Node*, Node*> cut_region(Graph& graph, Node* fused, std::string_view at);

}  // namespace hone
