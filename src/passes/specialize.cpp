#include "ir/evaluation.hpp"
#include "ir/structural.hpp"
#include "passes/pass.hpp"

namespace hone {
namespace {

using Replacement = std::function<std::optional<Dim>(std::string_view)>;

void substitute_symbols(Graph& graph, const Replacement& replacement);

/// The op with the symbols in its fields replaced; bodies that share them (fused regions) too.
Op substitute_symbols(const Op& op, const Replacement& replacement) {
  std::shared_ptr<void> copy = op.op_class().copy(op.data());
  FieldList list;
  op.op_class().fields(copy.get(), list);
  for (const Field& field : list.list()) {
    if (auto* dim = std::get_if<Dim*>(&field.ref)) **dim = (*dim)->substitute(replacement);
    if (auto* dims = std::get_if<std::optional<Dims>*>(&field.ref); dims != nullptr && **dims)
      for (Dim& each : ***dims) each = each.substitute(replacement);
    auto* body = std::get_if<Body*>(&field.ref);
    if (body == nullptr || **body == nullptr || op.as<Fused>() == nullptr) continue;
    std::unique_ptr<Graph> inner = (**body)->clone();
    substitute_symbols(*inner, replacement);
    **body = std::move(inner);
  }
  return Op::of(op.op_class(), std::move(copy));
}

void substitute_value(Value* value, const Replacement& replacement) {
  if (value == nullptr) return;
  value->type = substitute(value->type, replacement);
  if (value->known)
    for (Dim& dim : *value->known) dim = dim.substitute(replacement);
}

void substitute_symbols(Graph& graph, const Replacement& replacement) {
  for (Value* input : graph.inputs()) substitute_value(input, replacement);
  for (Node& node : graph.nodes()) {
    std::set<std::string, std::less<>> symbols;
    collect_symbols(node.op.fields(), symbols);
    if (!symbols.empty() || node.op.as<Fused>() != nullptr)
      graph.set_op(&node, substitute_symbols(node.op, replacement));
    for (Value* output : node.outputs) substitute_value(output, replacement);
  }
}

}  // namespace

std::unique_ptr<Graph> specialize(const Graph& graph,
                                  const std::vector<std::vector<int64_t>>& shapes,
                                  const PassOptions& options) {
  std::unique_ptr<Graph> copy = graph.clone();
  Bindings symbols;
  bind_inputs(*copy, shapes, symbols);
  substitute_symbols(*copy, [&](std::string_view name) -> std::optional<Dim> {
    const auto found = symbols.find(name);
    return found == symbols.end() ? std::nullopt : std::optional<Dim>(found->second);
  });
  copy->clear_requirements();  // inference finds those that numbers do not decide
  for (size_t i = 0; i < shapes.size(); ++i) {
    Value* input = copy->inputs()[i];
    input->type =
        Type::tensor(input->type.tensor().dtype, Dims(shapes[i].begin(), shapes[i].end()));
  }
  canonicalize(*copy, options);
  return copy;
}

}  // namespace hone
