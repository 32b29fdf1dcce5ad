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
    for (size_t i = 0; i < current.outputs.size(); ++i)
      if (current.outputs[i] != nullptr) graph.replace_uses(current.outputs[i], results[i]);
    graph.erase(&current);
    changed = true;
  }
  return changed;
}

}  // namespace hone
