#include "ir/defaults.hpp"

#include "ir/evaluation/evaluation.hpp"
#include "ir/evaluation/rest.hpp"

namespace hone {

std::unique_ptr<Graph> graph_with(const Defaults& defaults, const std::set<std::string>& given) {
  const std::unique_ptr<Graph> graph = defaults.graph->clone();
  Bindings symbols;
  for (const auto& [name, weight] : defaults.values) {
    if (given.contains(name)) continue;
    Value* input = graph->find(name);
    check(bind(input->type.tensor(), weight->shape(), symbols), Code::usage, "input \"", name,
          "\" is ", input->type, ", its own value is ", shape_text(weight->shape()));
    graph->replace_uses(input, graph->add_constant(name, weight));
    graph->erase(input);
  }
  const auto known = [&](std::string_view name) -> std::optional<Dim> {
    const auto found = symbols.find(name);
    return found == symbols.end() ? std::nullopt : std::optional<Dim>(found->second);
  };
  const std::vector<const Value*> inputs(graph->inputs().begin(), graph->inputs().end());
  std::vector<Type> types;
  for (const Value* input : inputs) types.push_back(substitute(input->type, known));
  const Node* first = graph->nodes().empty() ? nullptr : &graph->nodes().front();
  return rest_of(*graph, first, inputs, types, symbols);
}

std::vector<const Value*> default_inputs(const Defaults* defaults) {
  std::vector<const Value*> found;
  if (defaults == nullptr) return found;
  for (const Value* input : defaults->graph->inputs())
    if (defaults->values.contains(input->name)) found.push_back(input);
  return found;
}

std::unique_ptr<Graph> graph_of_values(const Defaults& defaults) {
  auto graph = std::make_unique<Graph>("defaults");
  for (const auto& [name, weight] : defaults.values)
    graph->add_output(name, graph->add_constant(name, weight));
  return graph;
}

Defaults defaults_of(std::shared_ptr<const Graph> graph, const Graph& values) {
  Defaults made{std::move(graph), {}};
  check(values.nodes().empty() && values.inputs().empty(), Code::invalid_model,
        "values of inputs are computed, wanted constants");
  for (const GraphOutput& output : values.outputs()) {
    const Value* input = made.graph->find(output.name);
    check(input != nullptr && input->is_input(), Code::invalid_model, "\"", output.name,
          "\" has a value of its own and is no input");
    const Weight& weight = *output.value->weight;
    Bindings symbols;
    check(input->type.is_tensor() && input->type.tensor().dtype == weight.dtype() &&
              bind(input->type.tensor(), weight.shape(), symbols),
          Code::invalid_model, "input \"", output.name, "\" is ", input->type,
          ", its own value is ", weight.dtype(), shape_text(weight.shape()));
    check(made.values.emplace(output.name, output.value->weight).second, Code::invalid_model,
          "input \"", output.name, "\" has two values of its own");
  }
  return made;
}

}  // namespace hone
