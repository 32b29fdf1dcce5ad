#include "ir/rest.hpp"
#include "ir/sizes.hpp"
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

/// Sizes that the node defined, as the results say that stand for its own. false: one is long, and
/// what names it might become too long to write.
bool learn(const Node& node, const std::vector<Value*>& results,
           const std::map<std::string, SymbolDefinition, std::less<>>& definitions, Sizes& sizes) {
  Sizes found_here;
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i] == nullptr) continue;
    Sizes learnt;
    learn_sizes(node.outputs[i]->type, results[i]->type, learnt);
    for (auto& [symbol, size] : learnt) {
      const auto found = definitions.find(symbol);
      if (found == definitions.end() || found->second.value != node.outputs[i]) continue;
      if (size.complexity() > kShortSize) return false;
      found_here.emplace(symbol, size.substitute(replacement_by(sizes)));
    }
  }
  sizes.merge(found_here);
  return true;
}

}  // namespace

bool select_branches(Graph& graph, const PassOptions& options) {
  const auto definitions = symbol_definitions(graph);
  Sizes sizes;
  bool changed = false;
  for (auto node = graph.nodes().begin(); node != graph.nodes().end();) {
    Node& current = *node++;
    const If* op = current.op.as<If>();
    if (op == nullptr || options.keep(current)) continue;
    const auto condition = condition_of(current);
    if (!condition) continue;
    const Body body = *condition ? op->then_branch : op->else_branch;
    Inlined inlined(graph, current);
    const auto results =
        inline_sized(graph, *body, {current.inputs.begin() + 1, current.inputs.end()}, &current);
    if (!results) continue;
    if (!learn(current, *results, definitions, sizes)) {
      inlined.take_back();
      continue;
    }
    for (size_t i = 0; i < current.outputs.size(); ++i)
      if (current.outputs[i] != nullptr) graph.replace_uses(current.outputs[i], (*results)[i]);
    graph.erase(&current);
    changed = true;
  }
  substitute(graph, sizes);
  return changed;
}

}  // namespace hone
