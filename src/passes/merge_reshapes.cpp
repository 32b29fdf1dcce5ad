// A reshape of a reshape is one, also with elementwise nodes between them.

#include <algorithm>

#include "passes/clean.hpp"
#include "passes/pointwise.hpp"
#include "passes/reshape_spelling.hpp"
#include "passes/rewrite.hpp"

namespace hone {
namespace {

/// Reads the operand of the reshape before.
bool merge(Graph& graph, Node& node, const PassOptions& options) {
  const Node* before = producer_of<Reshape>(node.inputs[0]);
  if (before == nullptr || options.keep(*before)) return false;
  const Dims *from = dims_of(before->inputs[0]), *to = dims_of(node.output());
  if (from == nullptr || to == nullptr) return false;
  const auto spelled = spelled_reshape(graph, *from, *to);
  if (!spelled) return false;
  node.origin = origins_of({before, &node});
  graph.set_op(&node, *spelled);
  graph.set_input(&node, 0, before->inputs[0]);
  if (node.input(1) != nullptr) graph.set_input(&node, 1, nullptr);
  return true;
}

/// The operand that is no scalar, when all others are.
std::optional<size_t> only_tensor(const Node& node) {
  std::optional<size_t> found;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const Dims* dims = dims_of(node.inputs[i]);
    if (dims != nullptr &&
        std::all_of(dims->begin(), dims->end(), [](const Dim& dim) { return dim.is(1); }) &&
        node.inputs[i]->is_constant())
      continue;
    if (found) return std::nullopt;
    found = i;
  }
  return found;
}

/// reshape, elementwise node, reshape: the node works before the first one, which then merges with
/// the second.
bool sink(Graph& graph, Node& node, const PassOptions& options) {
  if ((!is_unary(node.op) && !is_broadcasting(node.op)) || options.keep(node)) return false;
  const auto operand = only_tensor(node);
  if (!operand) return false;
  const Node* before = producer_of<Reshape>(node.inputs[*operand]);
  if (before == nullptr || options.keep(*before) || !read_once(graph, node.inputs[*operand]) ||
      graph.is_output(node.output()))
    return false;
  const Dims *from = dims_of(before->inputs[0]), *between = dims_of(node.output());
  if (from == nullptr || between == nullptr || dims_of(node.inputs[*operand]) == nullptr ||
      *dims_of(node.inputs[*operand]) != *between || node.output()->users.empty())
    return false;
  for (const Value* other : node.inputs)  // a scalar of a higher rank would add dimensions
    if (other != node.inputs[*operand] && dims_of(other)->size() > from->size()) return false;
  std::vector<const Node*> readers(node.output()->users.begin(), node.output()->users.end());
  for (const Node* reader : readers)
    if (reader->op.as<Reshape>() == nullptr || options.keep(*reader) ||
        dims_of(reader->output()) == nullptr ||
        !spelled_reshape(graph, *from, *dims_of(reader->output())))
      return false;
  std::vector<Value*> inputs = node.inputs;
  inputs[*operand] = before->inputs[0];
  const Reshape again = *spelled_reshape(graph, *from, *between);
  Value* result = add_before(graph, &node, "merge_reshapes", node.origin, node.op,
                             std::move(inputs), node.output()->name);
  result = add_before(graph, &node, "merge_reshapes", before->origin, again, {result},
                      node.output()->name);
  replace_node(graph, &node, result);
  return true;
}

}  // namespace

bool merge_reshapes(Graph& graph, const PassOptions& options) {
  bool changed = false;
  for (auto node = graph.nodes().begin(); node != graph.nodes().end();) {
    Node& current = *node++;
    if (current.op.as<Reshape>() != nullptr)
      changed |= !options.keep(current) && merge(graph, current, options);
    else changed |= sink(graph, current, options);
  }
  return changed;
}

}  // namespace hone
