#include "passes/inline_sized.hpp"

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

Op with_sizes(const Op& op, const Sizes& sizes) {
  std::set<std::string, std::less<>> used;
  collect_symbols(op.fields(), used);
  if (used.empty()) return op;
  const auto replacement = [&](std::string_view name) -> std::optional<Dim> {
    const auto found = sizes.find(name);
    return found == sizes.end() ? std::nullopt : std::optional(found->second);
  };
  std::shared_ptr<void> copy = op.op_class().copy(op.data());
  FieldList list;
  op.op_class().fields(copy.get(), list);
  for (const Field& field : list.list()) {
    if (auto* const* dim = std::get_if<Dim*>(&field.ref)) **dim = (*dim)->substitute(replacement);
    if (auto* const* dims = std::get_if<std::optional<Dims>*>(&field.ref); dims && **dims)
      for (Dim& each : ***dims) each = each.substitute(replacement);
  }
  return Op::of(op.op_class(), std::move(copy));
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
  const bool first = before->self == graph.nodes().begin();
  const auto previous = first ? before->self : std::prev(before->self);
  const std::vector<Value*> results = inline_body(graph, body, inputs, before);
  const Sizes sizes = sizes_outside(body, inputs);
  auto node = first ? graph.nodes().begin() : std::next(previous);
  for (; node != before->self; ++node) {
    graph.set_op(&*node, with_sizes(node->op, sizes));
    infer(graph, *node);
  }
  return results;
}

}  // namespace hone
