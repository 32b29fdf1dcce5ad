// A size of an input is read from the input, however the model went about it.

#include "ops/shape.hpp"
#include "passes/clean.hpp"
#include "passes/rewrite.hpp"

namespace hone {
namespace {

struct SizeOfInput {
  Value* input;
  int64_t axis;
};

/// Where the graph's inputs have this symbol as a size.
std::optional<SizeOfInput> find_size(const Graph& graph, std::string_view symbol) {
  for (Value* input : graph.inputs()) {
    const Dims* sizes = dims_of(input);
    for (size_t axis = 0; sizes != nullptr && axis < sizes->size(); ++axis)
      if ((*sizes)[axis].as_symbol() == symbol)
        return SizeOfInput{input, static_cast<int64_t>(axis)};
  }
  return std::nullopt;
}

/// The node that reads the size is there already, spelled like this.
bool is_spelled(const Node& node, const SizeOfInput& size) {
  const Op read = Shape{.start = size.axis, .end = size.axis + 1};
  if (node.op == read) return node.inputs[0] == size.input;
  return node.op.as<Reshape>() != nullptr && node.inputs[0]->producer != nullptr &&
         node.inputs[0]->producer->op == read && node.inputs[0]->producer->inputs[0] == size.input;
}

}  // namespace

bool spell_sizes(Graph& graph, const PassOptions& options) {
  bool changed = false;
  for (auto at = graph.nodes().begin(); at != graph.nodes().end(); ++at) {
    Node& node = *at;
    if (node.outputs.size() != 1 || options.keep(node)) continue;
    Value* output = node.outputs.front();
    const Dims* shape = dims_of(output);
    if (!output->known || output->known->size() != 1 || shape == nullptr || shape->size() > 1 ||
        output->type.tensor().dtype != DType::i64)
      continue;
    const auto symbol = output->known->front().as_symbol();
    const auto size = symbol ? find_size(graph, *symbol) : std::nullopt;
    if (!size || is_spelled(node, *size)) continue;
    const bool scalar = shape->empty();
    const Node* read =
        graph.add_node(Shape{.start = size->axis, .end = size->axis + 1}, {size->input},
                       {cat(output->name, ".size")}, node.origin, "spell_sizes", &node);
    read->outputs[0]->type = Type::tensor(DType::i64, {1});
    read->outputs[0]->known = output->known;
    Value* spelled = read->outputs[0];
    if (scalar) {
      const Node* single = graph.add_node(Reshape{Dims{}, false}, {spelled}, {output->name},
                                          node.origin, "spell_sizes", &node);
      spelled = single->outputs[0];
      spelled->type = output->type;
      spelled->known = output->known;
    }
    graph.replace_uses(output, spelled);
    changed = true;
  }
  return changed;
}

}  // namespace hone
