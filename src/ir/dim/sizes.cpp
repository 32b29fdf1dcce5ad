#include "ir/dim/sizes.hpp"

#include <algorithm>

namespace hone {

void learn_sizes(const Type& before, const Type& now, SymbolSizes& sizes) {
  if (!before.is_tensor() || !before.tensor().has_rank() || !now.is_tensor() ||
      !now.tensor().has_rank() || before.tensor().rank() != now.tensor().rank())
    return;
  for (size_t i = 0; i < before.tensor().shape().size(); ++i) {
    const Dim& size = now.tensor().shape()[i];
    const auto symbol = before.tensor().shape()[i].as_symbol();
    if (symbol && size.as_symbol() != symbol) sizes.emplace(std::string(*symbol), size);
  }
}

void say_symbol(Value& value, size_t dim, std::string_view symbol) {
  Dims dims = value.type.tensor().shape();
  dims[dim] = Dim::symbol(symbol);
  value.type = Type::tensor(value.type.tensor().dtype, std::move(dims));
}

Replacement replacement_by(const SymbolSizes& sizes) {
  return [&sizes](std::string_view name) -> std::optional<Dim> {
    const auto found = sizes.find(name);
    return found == sizes.end() ? std::nullopt : std::optional(found->second);
  };
}

namespace {

bool is_too_long(const Op& op) {
  const auto too_long = [](const Dim& dim) { return dim.is_too_long(); };
  const FieldList list = op.fields();
  for (const Field& field : list.list()) {
    if (const auto* dim = std::get_if<Dim*>(&field.ref); dim != nullptr && too_long(**dim))
      return true;
    if (const auto* dims = std::get_if<std::optional<Dims>*>(&field.ref))
      if (**dims && std::any_of((*dims)->value().begin(), (*dims)->value().end(), too_long))
        return true;
  }
  const Fused* region = op.as<Fused>();
  return region != nullptr && region->body != nullptr &&
         std::any_of(region->body->nodes().begin(), region->body->nodes().end(),
                     [](const Node& node) { return is_too_long(node.op); });
}

}  // namespace

std::optional<Op> substitute(const Op& op, const SymbolSizes& sizes) {
  std::set<std::string, std::less<>> names;
  collect_symbols(op, names);
  if (std::none_of(names.begin(), names.end(),
                   [&](const std::string& name) { return sizes.contains(name); }))
    return op;
  Op changed = substitute(op, replacement_by(sizes));
  return is_too_long(changed) ? std::nullopt : std::optional(std::move(changed));
}

std::optional<Require> substitute(const Require& require, const SymbolSizes& sizes) {
  const Replacement replacement = replacement_by(sizes);
  const Dim a = require.a.substitute(replacement), b = require.b.substitute(replacement);
  using Relation = Require::Relation;
  const auto holds = require.relation == Relation::broadcast
                         ? std::optional(a == b || a.is(1) || b.is(1))
                     : require.relation == Relation::equal ? provably_equal(a, b)
                                                           : provably_less_equal(a, b);
  return holds == true ? std::nullopt : std::optional(Require{require.relation, a, b});
}

namespace {

/// The longest of the sizes that the op names goes from `sizes` to `left`.
void leave_longest(const Op& op, SymbolSizes& sizes, SymbolSizes& left) {
  std::set<std::string, std::less<>> names;
  collect_symbols(op, names);
  auto longest = sizes.end();
  for (const std::string& name : names)
    if (const auto found = sizes.find(name);
        found != sizes.end() &&
        (longest == sizes.end() || found->second.complexity() > longest->second.complexity()))
      longest = found;
  left.insert(sizes.extract(longest));
}

/// With the sizes that stay in `told` no field is too long to write; those that went.
SymbolSizes leave_too_long(const Graph& graph, SymbolSizes& told) {
  SymbolSizes left;
  size_t known = 0;
  do {  // again: with fewer sizes another field may be longer
    known = left.size();
    for (const Node& node : graph.nodes())
      while (!substitute(node.op, told)) leave_longest(node.op, told, left);
  } while (left.size() != known);
  return left;
}

}  // namespace

SymbolSizes substitute(Graph& graph, const SymbolSizes& sizes) {
  if (sizes.empty()) return {};
  SymbolSizes told = sizes;
  SymbolSizes left = leave_too_long(graph, told);
  const Replacement replacement = replacement_by(told);
  for (Node& node : graph.nodes()) {
    graph.set_op(&node, *substitute(node.op, told));
    for (Value* output : node.outputs)
      if (output != nullptr) output->type = substitute(output->type, replacement);
  }
  const std::vector<Require> before = graph.requirements();
  graph.clear_requirements();
  for (const Require& require : before)
    if (const auto now = substitute(require, told);
        now && !now->a.is_too_long() && !now->b.is_too_long())
      graph.add_requirement(*now);
  return left;
}

}  // namespace hone
