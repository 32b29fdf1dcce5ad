#include "ir/rest.hpp"
#include "ir/structural.hpp"
#include "passes/inline_sized.hpp"
#include "passes/pass.hpp"

namespace hone {
namespace {

/// The condition, when it is known.
std::optional<bool> condition_of(const Node& node) {
  const Value* condition = node.inputs[0];
  if (condition->known && condition->known->size() == 1)
    if (const auto number = condition->known->front().constant()) return *number != 0;
  if (condition->is_literal() && condition->weight->count() == 1)
    return condition->weight->tensor().integer(0) != 0;
  return std::nullopt;
}

using Sizes = std::map<std::string, Dim, std::less<>>;

/// Sizes that the node defined, as the results say that stand for its own.
void learn(const Node& node, const std::vector<Value*>& results, const Graph& graph, Sizes& sizes) {
  const auto definitions = symbol_definitions(graph);
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i] == nullptr || !node.outputs[i]->type.is_tensor() ||
        !results[i]->type.is_tensor())
      continue;
    const TensorType &stated = node.outputs[i]->type.tensor(), &now = results[i]->type.tensor();
    if (!stated.has_rank() || !now.has_rank() || stated.rank() != now.rank()) continue;
    for (size_t d = 0; d < stated.shape().size(); ++d) {
      const auto symbol = stated.shape()[d].as_symbol();
      const auto found = symbol ? definitions.find(*symbol) : definitions.end();
      if (found != definitions.end() && found->second.value == node.outputs[i])
        sizes.emplace(std::string(*symbol), now.shape()[d]);
    }
  }
}

/// Fields, types and requirements say the sizes instead of the symbols.
void replace(Graph& graph, const Sizes& sizes) {
  if (sizes.empty()) return;
  const Replacement replacement = [&](std::string_view name) -> std::optional<Dim> {
    const auto found = sizes.find(name);
    return found == sizes.end() ? std::nullopt : std::optional(found->second);
  };
  for (Node& node : graph.nodes()) {
    graph.set_op(&node, substitute(node.op, replacement));
    for (Value* output : node.outputs)
      if (output != nullptr) output->type = substitute(output->type, replacement);
  }
  const std::vector<Require> before = graph.requirements();
  graph.clear_requirements();
  for (const Require& require : before)
    graph.add_requirement(
        {require.relation, require.a.substitute(replacement), require.b.substitute(replacement)});
}

}  // namespace

bool select_branches(Graph& graph, const PassOptions& options) {
  bool changed = false;
  for (auto node = graph.nodes().begin(); node != graph.nodes().end();) {
    Node& current = *node++;
    const If* op = current.op.as<If>();
    if (op == nullptr || options.keep(current)) continue;
    const auto condition = condition_of(current);
    if (!condition) continue;
    const Body body = *condition ? op->then_branch : op->else_branch;
    const std::vector<Value*> results =
        inline_sized(graph, *body, {current.inputs.begin() + 1, current.inputs.end()}, &current);
    Sizes sizes;
    learn(current, results, graph, sizes);
    for (size_t i = 0; i < current.outputs.size(); ++i)
      if (current.outputs[i] != nullptr) graph.replace_uses(current.outputs[i], results[i]);
    graph.erase(&current);
    replace(graph, sizes);
    changed = true;
  }
  return changed;
}

}  // namespace hone
