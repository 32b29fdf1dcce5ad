#pragma once
// A drawn graph by reference evaluation, one node after the other.

#include <functional>
#include <unordered_map>

#include "ir/evaluation/evaluation.hpp"
#include "support/random_graph.hpp"

namespace hone::test {

/// The values and sizes of a graph so far.
struct Evaluated {
  std::unordered_map<const Value*, Tensor> values;
  Bindings symbols;
};
/// Sees a node when it has been evaluated; false: no further node is.
using OnNode = std::function<bool(const Node&, const std::vector<const Tensor*>& inputs,
                                  const std::vector<Tensor>& results, const Bindings& symbols)>;

Evaluated evaluate_nodes(const GraphCase& drawn, const OnNode& on_node = {});

}  // namespace hone::test
