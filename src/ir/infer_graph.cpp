// Inference of whole graphs: what is learnt of a symbol reaches all that names it.

#include <algorithm>
#include <unordered_set>

#include "ir/dim/dim_facts.hpp"
#include "ir/dim/sizes.hpp"
#include "ir/inference.hpp"

namespace hone {
namespace {

struct Hash {
  using is_transparent = void;
  size_t operator()(std::string_view name) const { return std::hash<std::string_view>()(name); }
};
using SymbolSet = std::unordered_set<std::string, Hash, std::equal_to<>>;

/// A symbol that a node defined before: which dimension of which of its results that is.
struct Definition {
  std::string symbol;
  size_t output, dim;
};

/// The name that Inference::fresh gives.
bool is_own(std::string_view symbol, const Value& value, size_t dim) {
  const std::string name = cat(name_in_symbols(value.name), "_d", dim);
  return symbol.starts_with(name) && symbol.find_first_not_of('_', name.size()) == symbol.npos;
}

/// All nodes once, in order. A node's definitions are looked at before and after: where a symbol
/// has become something else, all later nodes are told before their turn comes, so that no node is
/// inferred from a field that is out of date.
class Round {
 public:
  /// `kept`: symbols that stay although their sizes are known otherwise; null: all.
  Round(Graph& graph, const SymbolNames& inputs, const SymbolSet* kept)
      : graph_(graph), inputs_(inputs), kept_(kept), defined_(inputs.begin(), inputs.end()) {}

  /// false: something is too long to write as long as refused() is not kept.
  bool run() {
    for (Node& node : graph_.nodes()) {
      if (!tell(node)) return false;
      infer_one(node);
    }
    return sizes_.empty() && lost_.empty() ? true : tell_requirements();
  }

  bool learnt() const { return !sizes_.empty(); }
  const std::string& refused() const { return refused_; }

 private:
  /// What is known by now goes into the node's fields.
  bool tell(Node& node) {
    if (sizes_.empty()) return true;
    auto op = substitute(node.op, sizes_);
    if (op) {
      graph_.set_op(&node, *std::move(op));
      return true;
    }
    SymbolNames names;
    collect_symbols(node.op, names);
    return refuse(names);
  }

  /// Of these, the one that became the longest size. The types are as before, so that the next
  /// round learns the others. false.
  bool refuse(const SymbolNames& names) {
    for (const auto& [symbol, place] : learnt_at_) say_symbol(*place.first, place.second, symbol);
    int longest = -1;
    for (const std::string& name : names)
      if (const auto found = sizes_.find(name);
          found != sizes_.end() && found->second.complexity() > longest) {
        longest = found->second.complexity();
        refused_ = name;
      }
    return false;
  }

  void infer_one(Node& node) {
    const std::vector<Definition> before = definitions(node);
    infer(graph_, node, &inputs_);
    for (const Definition& definition : before)
      compare(*node.outputs[definition.output], definition);
  }

  std::vector<Definition> definitions(const Node& node) {
    std::vector<Definition> found;
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      const Value* value = node.outputs[i];
      if (value == nullptr || !value->type.is_tensor() || !value->type.tensor().has_rank())
        continue;
      const Dims& dims = value->type.tensor().shape();
      for (size_t d = 0; d < dims.size(); ++d) {
        const auto symbol = dims[d].as_symbol();
        if (!symbol || defined_.contains(*symbol)) continue;
        defined_.emplace(*symbol);
        found.push_back({std::string(*symbol), i, d});
      }
    }
    return found;
  }

  void compare(Value& value, const Definition& before) {
    const auto& [symbol, output, dim] = before;
    const bool sized = value.type.is_tensor() && value.type.tensor().has_rank() &&
                       dim < value.type.tensor().shape().size();
    if (!sized) {
      lost_.insert(symbol);
      return;
    }
    const Dim& now = value.type.tensor().shape()[dim];
    if (now.as_symbol() == symbol) return;
    if (kept_ == nullptr || kept_->contains(symbol)) return say_symbol(value, dim, symbol);
    // Where a pass put another node in the place of the one that defined the symbol, the first node
    // that has it may be one whose sizes a pass has changed: no facts are drawn from that.
    if (!is_own(symbol, value, dim)) lost_.insert(symbol);
    sizes_.emplace(symbol, now);
    learnt_at_.emplace(symbol, std::pair(&value, dim));
  }

  bool tell_requirements() {
    std::vector<Require> told;
    for (const Require& require : graph_.requirements()) {
      SymbolNames names;
      require.a.collect_symbols(names);
      require.b.collect_symbols(names);
      const auto is_lost = [&](const std::string& name) { return lost_.contains(name); };
      if (std::any_of(names.begin(), names.end(), is_lost)) continue;
      auto changed = substitute(require, sizes_);
      if (!changed) continue;
      if (changed->a.is_too_long() || changed->b.is_too_long()) return refuse(names);
      told.push_back(*std::move(changed));
    }
    graph_.clear_requirements();
    for (Require& require : told) graph_.add_requirement(std::move(require));
    return true;
  }

  Graph& graph_;
  const SymbolNames& inputs_;
  const SymbolSet* kept_;
  SymbolSet defined_;  // by what was seen so far, as it was before
  SymbolSizes sizes_;  // what symbols have become
  std::map<std::string, std::pair<Value*, size_t>> learnt_at_;  // where those stood: its dimension
  SymbolNames lost_;  // of which no requirement tells any more
  std::string refused_;
};

/// Sizes that broadcast and are the same where the other requirements hold: said again for nothing.
void drop_settled(Graph& graph, const SymbolNames& inputs) {
  const std::vector<Require> before = graph.requirements();
  const auto of_inputs = [&](const Dim& dim) {
    SymbolNames names;
    dim.collect_symbols(names);
    return std::includes(inputs.begin(), inputs.end(), names.begin(), names.end());
  };
  const auto is_open = [&](const Require& require) {
    return require.relation == Require::Relation::broadcast &&
           (has_extremum(require.a) || has_extremum(require.b)) && of_inputs(require.a) &&
           of_inputs(require.b);
  };
  if (std::none_of(before.begin(), before.end(), is_open)) return;
  const SizeFacts facts = size_facts(graph, of_inputs);
  graph.clear_requirements();
  for (const Require& require : before)
    if (!is_open(require) || settled(require.a, facts) != settled(require.b, facts))
      graph.add_requirement(require);
}

}  // namespace

// Again while that finds something new: what a later node relies on may tell an earlier one its
// type.
void infer(Graph& graph) {
  SymbolNames inputs;
  for (const Value* input : graph.inputs()) collect_symbols(input->type, inputs);
  SymbolSet kept;
  constexpr int kMostRounds = 4, kMostRefusals = 8;
  for (int round = 0, refusals = 0; round < kMostRounds;) {
    const size_t known = graph.requirements().size();
    Round nodes(graph, inputs, refusals > kMostRefusals ? nullptr : &kept);
    if (!nodes.run()) {
      ++refusals;
      kept.insert(nodes.refused());
      continue;
    }
    if (!nodes.learnt() && graph.requirements().size() == known) break;
    ++round;
  }
  drop_settled(graph, inputs);
}

}  // namespace hone
