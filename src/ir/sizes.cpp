#include "ir/sizes.hpp"

#include <algorithm>

namespace hone {

void learn_sizes(const Type& before, const Type& now, Sizes& sizes) {
  if (!before.is_tensor() || !before.tensor().has_rank() || !now.is_tensor() ||
      !now.tensor().has_rank() || before.tensor().rank() != now.tensor().rank())
    return;
  for (size_t i = 0; i < before.tensor().shape().size(); ++i) {
    const Dim& size = now.tensor().shape()[i];
    const auto symbol = before.tensor().shape()[i].as_symbol();
    if (symbol && size.as_symbol() != symbol) sizes.emplace(std::string(*symbol), size);
  }
}

Replacement replacement_by(const Sizes& sizes) {
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

std::optional<Op> substitute(const Op& op, const Sizes& sizes) {
  std::set<std::string, std::less<>> names;
  collect_symbols(op, names);
  if (std::none_of(names.begin(), names.end(),
                   [&](const std::string& name) { return sizes.contains(name); }))
    return op;
  Op changed = substitute(op, replacement_by(sizes));
  return is_too_long(changed) ? std::nullopt : std::optional(std::move(changed));
}

std::optional<Require> substitute(const Require& require, const Sizes& sizes) {
  const Replacement replacement = replacement_by(sizes);
  const Dim a = require.a.substitute(replacement), b = require.b.substitute(replacement);
  using Relation = Require::Relation;
  const bool numbers = a.is_constant() && b.is_constant();
  const bool decided =
      require.relation == Relation::broadcast ? a == b || a.is(1) || b.is(1) || numbers
      : require.relation == Relation::equal   ? provably_equal(a, b).has_value()
                                              : provably_less_equal(a, b).has_value();
  return decided ? std::nullopt : std::optional(Require{require.relation, a, b});
}

void substitute(Graph& graph, const Sizes& sizes) {
  if (sizes.empty()) return;
  const Replacement replacement = replacement_by(sizes);
  for (Node& node : graph.nodes()) {
    auto op = substitute(node.op, sizes);
    check(op.has_value(), Code::unsupported, describe(node), " needs a size too long to write");
    graph.set_op(&node, *std::move(op));
    for (Value* output : node.outputs)
      if (output != nullptr) output->type = substitute(output->type, replacement);
  }
  const std::vector<Require> before = graph.requirements();
  graph.clear_requirements();
  for (const Require& require : before)
    if (const auto told = substitute(require, sizes);
        told && !told->a.is_too_long() && !told->b.is_too_long())
      graph.add_requirement(*told);
}

}  // namespace hone
