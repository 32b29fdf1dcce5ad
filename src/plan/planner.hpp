#pragma once
// How a plan is made: what is decided of each node whatever the order, and the plan of an order.

#include <set>
#include <unordered_map>

#include "ir/dim/late_sizes.hpp"
#include "plan/plan.hpp"

namespace hone {

/// What is decided of a node whatever the order.
struct Decision {
  Step step;
  std::vector<const Value*> overwritable;  // operands that its first result may be written over
  Dim scratch;                             // bytes that a plan can keep for it
  std::vector<Plan> bodies;                // of control flow
  bool cut = false;                        // a segment ends here: running it tells a size
  double seconds = 0;                      // its kernel's estimate
};

class Planner {
 public:
  /// Decides every node by its choice. `graph` outlives the planner; its nodes may be put in
  /// another order.
  Planner(const Graph& graph, const Choices& choices, const Conditions& conditions);

  const Decision& decision(const Node& node) const { return decisions_.at(&node); }
  /// By step of an order that the graph's nodes can run in: the steps before it that make what it
  /// reads, values and symbols. Nothing crosses a `fence`: it needs all steps before it, all steps
  /// behind it need it. Ascending.
  using Fence = bool (*)(const Decision& decision);
  std::vector<std::vector<int>> needs(const std::vector<const Node*>& order, Fence fence) const;
  /// The plan of such an order. `streams`: by step; empty: one stream.
  Plan plan(const std::vector<const Node*>& order, const std::vector<int>& streams = {}) const;

 private:
  class Laying;
  void list_refusals(const Choices& choices);
  Decision decide(const Node& node, const Chosen& chosen, const Choices& choices, size_t& body);
  void add_bound(const Require& require);
  std::optional<Dim> most_bytes(const Type& type) const;

  const Graph& graph_;
  const Conditions conditions_;
  const LateSizes late_;
  std::map<std::string, Dim, std::less<>> bounds_;  // of some late sizes
  AxisOrders orders_;                               // of values that are not dense
  std::vector<Refusals> refusals_;                  // that steps have, each once, sorted
  std::unordered_map<const Refusals*, int> places_of_refusals_;
  std::set<const Value*> outputs_;
  std::unordered_map<const Node*, Decision> decisions_;
};

/// Every stream joins where the host reads sizes or runs bodies.
inline bool joins_streams(const Decision& decision) {
  return decision.step.kind != Step::Kind::run;
}

/// The nodes as the graph has them.
std::vector<const Node*> nodes_in_order(const Graph& graph);

}  // namespace hone
