#include "passes/inline_sized.hpp"

#include <algorithm>
#include <map>

#include "ir/inference.hpp"
#include "ir/structural.hpp"
#include "passes/rewrite.hpp"

namespace hone {
namespace {

using Sizes = std::map<std::string, Dim, std::less<>>;

/// What the symbols of the body's inputs are outside.
Sizes sizes_outside(const Graph& body, const std::vector<Value*>& inputs) {
  Sizes sizes;
  for (size_t i = 0; i < inputs.size() && i < body.inputs().size(); ++i) {
    const Dims *inside = dims_of(body.inputs()[i]), *outside = dims_of(inputs[i]);
    if (inside == nullptr || outside == nullptr || inside->size() != outside->size()) continue;
    for (size_t d = 0; d < inside->size(); ++d)
      if (const auto symbol = (*inside)[d].as_symbol())
        sizes.emplace(std::string(*symbol), (*outside)[d]);
  }
  return sizes;
}

}  // namespace

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

std::vector<Value*> inline_sized(Graph& graph, const Graph& body, const std::vector<Value*>& inputs,
                                 Node* before) {
  const Sizes sizes = sizes_outside(body, inputs);
  const Replacement to_outside = [&](std::string_view name) -> std::optional<Dim> {
    const auto found = sizes.find(name);
    return found == sizes.end() ? std::nullopt : std::optional(found->second);
  };
  const auto outside = copy_body(graph, body, inputs, before);
  for (const Node& inner : body.nodes()) {
    const auto wanted = std::find_if(inner.outputs.begin(), inner.outputs.end(),
                                     [](const Value* output) { return output != nullptr; });
    Node& node = *outside.at(*wanted)->producer;
    graph.set_op(&node, substitute(node.op, to_outside));
    infer(graph, node);
  }
  std::vector<Value*> results;
  for (const GraphOutput& output : body.outputs()) results.push_back(outside.at(output.value));
  return results;
}

}  // namespace hone
