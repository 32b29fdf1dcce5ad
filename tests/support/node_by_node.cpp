#include "support/node_by_node.hpp"

namespace hone::test {

Evaluated evaluate_nodes(const GraphCase& drawn, const OnNode& on_node) {
  Evaluated made;
  for (size_t i = 0; i < drawn.inputs.size(); ++i) {
    made.values[drawn.graph->inputs()[i]] = drawn.inputs[i];
    bind_contents(drawn.graph->inputs()[i]->type, drawn.inputs[i], made.symbols);
  }
  for (const Node& node : drawn.graph->nodes()) {
    std::vector<const Tensor*> inputs;
    for (const Value* input : node.inputs)
      inputs.push_back(input == nullptr       ? nullptr
                       : input->is_constant() ? &input->weight->tensor()
                                              : &made.values.at(input));
    const std::vector<Tensor> results = evaluate(node, inputs, made.symbols);
    for (size_t i = 0; i < results.size(); ++i) {
      if (node.output(i) == nullptr) continue;
      bind_contents(node.outputs[i]->type, results[i], made.symbols);
      made.values[node.outputs[i]] = results[i];
    }
    if (on_node && !on_node(node, inputs, results, made.symbols)) break;
  }
  return made;
}

}  // namespace hone::test
