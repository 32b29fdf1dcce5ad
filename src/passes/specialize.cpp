#include "ir/evaluation/evaluation.hpp"
#include "ir/evaluation/rest.hpp"
#include "passes/pass.hpp"

namespace hone {

std::unique_ptr<Graph> specialize(const Graph& graph, const Node* first,
                                  const std::vector<const Value*>& live,
                                  const std::vector<Type>& types, const Bindings& symbols,
                                  const PassOptions& options) {
  std::unique_ptr<Graph> rest = rest_of(graph, first, live, types, symbols);
  canonicalize(*rest, options);
  return rest;
}

std::unique_ptr<Graph> specialize(const Graph& graph,
                                  const std::vector<std::vector<int64_t>>& shapes,
                                  const PassOptions& options) {
  Bindings symbols;
  bind_inputs(graph, shapes, symbols);
  std::vector<const Value*> inputs(graph.inputs().begin(), graph.inputs().end());
  std::vector<Type> types;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Type& type = inputs[i]->type;
    types.push_back(type.is_tensor() ? Type::tensor(type.tensor().dtype,
                                                    Dims(shapes[i].begin(), shapes[i].end()))
                                     : type);
  }
  return specialize(graph, graph.nodes().empty() ? nullptr : &graph.nodes().front(), inputs, types,
                    symbols, options);
}

}  // namespace hone
