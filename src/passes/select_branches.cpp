#include "ir/dim/sizes.hpp"
#include "passes/inline_sized.hpp"
#include "passes/pass.hpp"

namespace hone {
namespace {

/// The condition, when it is known.
std::optional<bool> condition_of(const Node& node) {
  const Value* condition = node.inputs[0];
  if (condition->known && condition->known->size() == 1)
    if (const auto number = condition->known->front().constant()) return *number != 0;
  if (condition->is_literal() && condition->weight->count() == 1)
    return condition->weight->tensor().integer(0) != 0;
  return std::nullopt;
}

using Definitions = std::map<std::string, SymbolDefinition, std::less<>>;

/// What symbols have become that nodes defined which are gone.
class Learnt {
 public:
  explicit Learnt(const Graph& graph) : definitions_(symbol_definitions(graph)) {}

  /// Sizes that the node defined, as the results say that stand for its own. false: one is long,
  /// and what names it might become too long to write.
  bool add(const Node& node, const std::vector<Value*>& results) {
    SymbolSizes found_here;
    Places places;
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      if (node.outputs[i] == nullptr) continue;
      SymbolSizes learnt;
      learn_sizes(node.outputs[i]->type, results[i]->type, learnt);
      for (auto& [symbol, size] : learnt) {
        const auto found = definitions_.find(symbol);
        if (found == definitions_.end() || found->second.value != node.outputs[i]) continue;
        const bool may_grow = !size.is_constant() && !size.as_symbol();
        if (size.complexity() > kShortSize || (may_grow && results[i]->producer == nullptr))
          return false;
        places.emplace(symbol, Place(results[i], static_cast<size_t>(found->second.dim)));
        found_here.emplace(symbol, size.substitute(replacement_by(sizes_)));
      }
    }
    sizes_.merge(found_here);
    places_.merge(places);
    return true;
  }

  /// The graph says the sizes. A symbol that must stay is defined by the result that has its size;
  /// several of one dimension are one.
  void tell(Graph& graph) const {
    std::map<Place, std::string> said;
    SymbolSizes same;
    for (const auto& [symbol, size] : substitute(graph, sizes_)) {
      const Place& place = places_.at(symbol);
      const auto [first, is_new] = said.emplace(place, symbol);
      if (is_new) say_symbol(*place.first, place.second, symbol);
      else same.emplace(symbol, Dim::symbol(first->second));
    }
    check(substitute(graph, same).empty(), Code::internal, "a symbol is too long to write");
  }

 private:
  using Place = std::pair<Value*, size_t>;
  using Places = std::map<std::string, Place, std::less<>>;

  Definitions definitions_;
  SymbolSizes sizes_;
  Places places_;
};

}  // namespace

bool select_branches(Graph& graph, const PassOptions& options) {
  Learnt learnt(graph);
  bool changed = false;
  for (auto node = graph.nodes().begin(); node != graph.nodes().end();) {
    Node& current = *node++;
    const If* op = current.op.as<If>();
    if (op == nullptr || options.keep(current)) continue;
    const auto condition = condition_of(current);
    if (!condition) continue;
    const Body body = *condition ? op->then_branch : op->else_branch;
    Inlined inlined(graph, current);
    const auto results =
        inline_sized(graph, *body, {current.inputs.begin() + 1, current.inputs.end()}, &current);
    if (!results) continue;
    if (!learnt.add(current, *results)) {
      inlined.take_back();
      continue;
    }
    for (size_t i = 0; i < current.outputs.size(); ++i)
      if (current.outputs[i] != nullptr) graph.replace_uses(current.outputs[i], (*results)[i]);
    graph.erase(&current);
    changed = true;
  }
  learnt.tell(graph);
  return changed;
}

}  // namespace hone
