// Concatenations that share operands in a row.

#include <algorithm>
#include <map>

#include "ops/layout.hpp"
#include "passes/clean.hpp"
#include "passes/rewrite.hpp"

namespace hone {
namespace {

int64_t axis_of(const Node& node) {
  const int64_t axis = node.op.as<Concat>()->axis;
  return axis < 0 ? axis + std::ssize(*dims_of(node.output())) : axis;
}

void set_inputs(Graph& graph, Node& node, const std::vector<Value*>& inputs) {
  for (size_t i = std::max(node.inputs.size(), inputs.size()); i-- > 0;)
    graph.set_input(&node, i, i < inputs.size() ? inputs[i] : nullptr);
}

/// A concatenation of more is left as it is: along a chain of them each would get all before it.
constexpr size_t kMostOperands = 256;

/// Operands of a concatenation that only this one reads stand in its place.
bool flatten(Graph& graph, Node& node, const PassOptions& options) {
  size_t count = 0;
  for (const Value* input : node.inputs)
    if (const Node* inner = producer_of<Concat>(input)) count += inner->inputs.size();
  if (count > kMostOperands) return false;
  std::vector<Value*> inputs;
  bool changed = false;
  for (Value* input : node.inputs) {
    Node* inner = producer_of<Concat>(input);
    if (inner == nullptr || !read_once(graph, input) || dims_of(input) == nullptr ||
        axis_of(*inner) != axis_of(node) || options.keep(*inner)) {
      inputs.push_back(input);
      continue;
    }
    inputs.insert(inputs.end(), inner->inputs.begin(), inner->inputs.end());
    node.origin = origins_of({&node, inner});
    changed = true;
  }
  if (changed) set_inputs(graph, node, inputs);
  return changed;
}

/// Concatenations so far, by their first two operands.
class Nesting {
 public:
  Nesting(Graph& graph, const PassOptions& options) : graph_(graph), options_(options) {}

  bool nest(Node& node) {
    bool changed = false;
    for (size_t at = 0; at < node.inputs.size(); ++at) {
      while (const Node* inner = longest(node, at)) {
        std::vector<Value*> inputs = node.inputs;
        const auto from = inputs.begin() + static_cast<std::ptrdiff_t>(at);
        inputs.erase(from + 1, from + std::ssize(inner->inputs));
        inputs[at] = inner->output();
        set_inputs(graph_, node, inputs);
        changed = true;
      }
    }
    return changed;
  }
  void add(const Node& node) {
    if (node.inputs.size() > 1) by_first_[{node.inputs[0], node.inputs[1]}].push_back(&node);
  }

 private:
  /// The longest one whose operands stand at `at` and behind it, and that is not all of the node.
  const Node* longest(const Node& node, size_t at) const {
    const Node* best = nullptr;
    if (at + 1 == node.inputs.size()) return best;
    const auto found = by_first_.find({node.inputs[at], node.inputs[at + 1]});
    if (found == by_first_.end()) return best;
    for (const Node* inner : found->second) {
      const size_t count = inner->inputs.size();
      if (at + count > node.inputs.size() || count == node.inputs.size() ||
          (best != nullptr && count <= best->inputs.size()) || axis_of(*inner) != axis_of(node) ||
          options_.keep(*inner))
        continue;
      if (std::equal(inner->inputs.begin(), inner->inputs.end(),
                     node.inputs.begin() + static_cast<std::ptrdiff_t>(at)))
        best = inner;
    }
    return best;
  }

  Graph& graph_;
  const PassOptions& options_;
  std::map<std::pair<const Value*, const Value*>, std::vector<const Node*>> by_first_;
};

}  // namespace

bool nest_concats(Graph& graph, const PassOptions& options) {
  Nesting nesting(graph, options);
  bool changed = false;
  for (Node& node : graph.nodes()) {
    if (node.op.as<Concat>() == nullptr || dims_of(node.output()) == nullptr) continue;
    if (!options.keep(node)) {
      const std::vector<Value*> before = node.inputs;  // what is flattened may be nested again
      if (flatten(graph, node, options) | nesting.nest(node)) changed |= node.inputs != before;
    }
    nesting.add(node);
  }
  return changed;
}

}  // namespace hone
