#include "passes/inline_sized.hpp"

#include <algorithm>
#include <unordered_map>

#include "ir/dim/sizes.hpp"
#include "ir/inference.hpp"
#include "passes/rewrite.hpp"

namespace hone {
namespace {

/// What the symbols of the body's inputs are outside.
SymbolSizes sizes_outside(const Graph& body, const std::vector<Value*>& inputs) {
  SymbolSizes sizes;
  for (size_t i = 0; i < inputs.size() && i < body.inputs().size(); ++i)
    if (inputs[i] != nullptr) learn_sizes(body.inputs()[i]->type, inputs[i]->type, sizes);
  return sizes;
}

/// The node that stands for one of the body's outside.
Node& node_outside(const Node& inner, const std::unordered_map<const Value*, Value*>& outside) {
  const auto wanted = std::find_if(inner.outputs.begin(), inner.outputs.end(),
                                   [](const Value* output) { return output != nullptr; });
  return *outside.at(*wanted)->producer;
}

}  // namespace

Inlined::Inlined(Graph& graph, Node& node) : graph_(graph), node_(node) {
  if (node.self != graph.nodes().begin()) last_ = std::prev(node.self);
}

void Inlined::take_back() {
  while (node_.self != graph_.nodes().begin() && std::prev(node_.self) != last_)
    graph_.erase(&*std::prev(node_.self));
}

bool sizes_are_of_inputs(const Graph& body) {
  std::set<std::string, std::less<>> given;
  for (const Value* input : body.inputs())
    if (const Dims* dims = dims_of(input))
      for (const Dim& dim : *dims)
        if (const auto symbol = dim.as_symbol()) given.emplace(*symbol);
  for (const Node& node : body.nodes()) {
    if (!control_bodies(node.op).empty() || node.op.as<Fused>() != nullptr) return false;
    std::set<std::string, std::less<>> used;
    collect_symbols(node.op.fields(), used);
    for (const std::string& name : used)
      if (!given.contains(name)) return false;
  }
  return true;
}

std::optional<std::vector<Value*>> inline_sized(Graph& graph, const Graph& body,
                                                const std::vector<Value*>& inputs, Node* before) {
  SymbolSizes sizes = sizes_outside(body, inputs);
  Inlined inlined(graph, *before);
  const auto outside = copy_body(graph, body, inputs, before);
  for (const Node& inner : body.nodes()) {
    Node& node = node_outside(inner, outside);
    auto op = substitute(node.op, sizes);
    if (!op) {
      inlined.take_back();
      return std::nullopt;
    }
    graph.set_op(&node, *std::move(op));
    infer(graph, node);
    for (size_t i = 0; i < inner.outputs.size(); ++i)
      if (inner.outputs[i] != nullptr)
        learn_sizes(inner.outputs[i]->type, node.outputs[i]->type, sizes);
  }
  std::vector<Value*> results;
  for (const GraphOutput& output : body.outputs()) results.push_back(outside.at(output.value));
  return results;
}

}  // namespace hone
