#include "ir/structural.hpp"
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

/// Puts the body's nodes before `node`, reading what the body's inputs stand for.
void put_in_place(Graph& graph, Node& node, const Graph& body) {
  std::unordered_map<const Value*, Value*> outside;
  for (size_t i = 0; i < body.inputs().size(); ++i) outside[body.inputs()[i]] = node.inputs[i + 1];
  for (const Value* constant : body.constants())
    outside[constant] = graph.add_constant(constant->name, constant->weight);
  for (const Node& inner : body.nodes()) {
    std::vector<Value*> inputs;
    for (const Value* input : inner.inputs)
      inputs.push_back(input == nullptr ? nullptr : outside.at(input));
    std::vector<std::string> names;
    for (const Value* output : inner.outputs)
      names.push_back(output == nullptr ? "" : output->name);
    const Node* copy =
        graph.add_node(inner.op, std::move(inputs), names, inner.origin, inner.by, &node);
    for (size_t i = 0; i < inner.outputs.size(); ++i)
      if (inner.outputs[i] != nullptr) outside[inner.outputs[i]] = copy->outputs[i];
  }
  for (size_t i = 0; i < node.outputs.size(); ++i)
    if (node.outputs[i] != nullptr)
      graph.replace_uses(node.outputs[i], outside.at(body.outputs()[i].value));
}

}  // namespace

bool select_branches(Graph& graph, const PassOptions&) {
  bool changed = false;
  for (auto node = graph.nodes().begin(); node != graph.nodes().end();) {
    Node& current = *node++;
    const If* op = current.op.as<If>();
    if (op == nullptr) continue;
    const auto condition = condition_of(current);
    if (!condition) continue;
    const Body body = *condition ? op->then_branch : op->else_branch;
    put_in_place(graph, current, *body);
    graph.erase(&current);
    changed = true;
  }
  return changed;
}

}  // namespace hone
