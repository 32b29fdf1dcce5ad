#include "passes/equal_sizes.hpp"

#include <algorithm>
#include <set>

#include "ir/dim/sizes.hpp"
#include "ir/inference.hpp"

namespace hone {
namespace {

using Names = std::set<std::string, std::less<>>;

/// What symbols of inputs are taken for, in terms of those that stay.
class EqualSizes {
 public:
  explicit EqualSizes(const Graph& graph) : graph_(graph) {
    for (const auto& [name, definition] : symbol_definitions(graph))
      if (definition.value->producer == nullptr) inputs_.insert(name);
    for (const Require& require : graph.requirements()) {
      Names names;
      collect(require, names);
      for (const std::string& name : names) requirements_of_[name].push_back(&require);
    }
    for (const Value* input : graph.inputs()) {
      Names names;
      collect_symbols(input->type, names);
      for (const std::string& name : names) inputs_of_[name].push_back(input);
    }
  }

  /// What must hold first: a size that must be 1 is repeated, whatever it broadcasts with.
  bool find() {
    Names repeated;
    for (const Require& require : graph_.requirements())
      if (require.relation == Require::Relation::broadcast) collect(require, repeated);
    for (const Require& require : graph_.requirements()) {
      Names names;
      collect(require, names);
      const bool number = require.a.is_constant() || require.b.is_constant();
      if (require.relation == Require::Relation::equal && number && names.size() == 1 &&
          repeated.contains(*names.begin()))
        take(require);
    }
    for (const Require& require : graph_.requirements())
      if (require.relation == Require::Relation::broadcast) take(require);
    return !sizes_.empty();
  }

  /// Null: what was found cannot be written.
  std::unique_ptr<Graph> apply() {
    std::unique_ptr<Graph> graph = graph_.clone();
    for (const auto& [name, size] : substitute(*graph, sizes_)) sizes_.erase(name);
    if (sizes_.empty()) return nullptr;
    for (Value* input : graph->inputs())
      input->type = substitute(input->type, replacement_by(sizes_));
    infer(*graph);
    return graph;
  }

 private:
  static void collect(const Require& require, Names& names) {
    require.a.collect_symbols(names);
    require.b.collect_symbols(names);
  }

  Require replaced(const Require& require) const {
    const Replacement replacement = replacement_by(sizes_);
    return {require.relation, require.a.substitute(replacement), require.b.substitute(replacement)};
  }

  /// A symbol of the inputs on one side stands for the other side from now on; where that
  /// contradicts what is required it does not.
  void take(const Require& require) {
    changed_.clear();
    try {
      const Require now = replaced(require);
      const bool too_long = now.a.is_too_long() || now.b.is_too_long();
      const bool repeats =
          require.relation == Require::Relation::broadcast && (now.a.is(1) || now.b.is(1));
      if (too_long || now.a == now.b || repeats) return;
      if (!stands_for(now.b, now.a) && !stands_for(now.a, now.b)) return;
      if (is_short() && !contradicts()) return;
    } catch (const Error&) {  // sizes of numbers that do not broadcast, or too long to write
    }
    for (auto& [name, before] : changed_) {
      if (before) sizes_.insert_or_assign(name, *std::move(before));
      else sizes_.erase(name);
    }
  }

  bool stands_for(const Dim& size, const Dim& by) {
    const auto symbol = size.as_symbol();
    Names names;
    by.collect_symbols(names);
    if (!symbol || !inputs_.contains(*symbol) || names.contains(*symbol) ||
        !std::includes(inputs_.begin(), inputs_.end(), names.begin(), names.end()))
      return false;
    const std::string name(*symbol);
    for (auto& [other, dim] : sizes_) {
      if (!mentions(dim, name)) continue;
      changed_.emplace(other, dim);
      dim = dim.substitute(
          [&](std::string_view each) { return each == name ? std::optional(by) : std::nullopt; });
    }
    changed_.emplace(name, std::nullopt);
    sizes_.emplace(name, by);
    return true;
  }

  static bool mentions(const Dim& dim, const std::string& name) {
    if (const auto symbol = dim.as_symbol()) return *symbol == name;
    Names names;
    dim.collect_symbols(names);
    return names.contains(name);
  }

  /// What was changed last can be written, in the inputs' types too.
  bool is_short() const {
    const auto too_long = [](const Dim& dim) { return dim.is_too_long(); };
    return std::ranges::none_of(changed_, [&](const auto& each) {
      const auto inputs = inputs_of_.find(each.first);
      return too_long(sizes_.at(each.first)) ||
             (inputs != inputs_of_.end() &&
              std::ranges::any_of(inputs->second, [&](const Value* input) {
                if (!input->type.is_tensor()) return false;
                const Type type = substitute(input->type, replacement_by(sizes_));
                return std::ranges::any_of(type.tensor().shape(), too_long);
              }));
    });
  }

  /// A requirement that says something of what was changed last.
  bool contradicts() const {
    return std::ranges::any_of(changed_, [&](const auto& each) {
      const auto found = requirements_of_.find(each.first);
      return found != requirements_of_.end() &&
             std::ranges::any_of(found->second, [&](const Require* require) {
               return contradicts(replaced(*require));
             });
    });
  }

  bool contradicts(const Require& now) const {
    if (now.relation == Require::Relation::broadcast)
      return now.a.is_constant() && now.b.is_constant() && !(now.a == now.b) && !now.a.is(1) &&
             !now.b.is(1);
    return (now.relation == Require::Relation::less_equal
                ? provably_less_equal(now.a, now.b, graph_.ranges())
                : provably_equal(now.a, now.b, graph_.ranges())) == false;
  }

  const Graph& graph_;
  Names inputs_;
  std::map<std::string, std::vector<const Require*>, std::less<>> requirements_of_;
  std::map<std::string, std::vector<const Value*>, std::less<>> inputs_of_;
  SymbolSizes sizes_;
  std::map<std::string, std::optional<Dim>> changed_;  // by the last take(): as it was before
};

}  // namespace

std::unique_ptr<Graph> with_equal_sizes(const Graph& graph) {
  std::unique_ptr<Graph> made;
  try {
    // Again: a size that was too long to write with all that broadcast in it may be one symbol now.
    for (const Graph* from = &graph; from != nullptr;) {
      EqualSizes equal(*from);
      auto next = equal.find() ? equal.apply() : nullptr;
      from = next.get();
      if (next != nullptr) made = std::move(next);
    }
  } catch (const Error& error) {
    if (error.code() == Code::internal) throw;
  }
  return made;
}

namespace {

/// The two symbols that a requirement says to be the same; nullopt: it says something else.
std::optional<std::pair<std::string, std::string>> same_symbols(const Require& require) {
  if (require.relation != Require::Relation::equal) return std::nullopt;
  Names names;
  require.a.collect_symbols(names);
  require.b.collect_symbols(names);
  if (names.size() != 2) return std::nullopt;
  const std::string &one = *names.begin(), &other = *names.rbegin();
  const Dim difference = require.a - require.b, wanted = Dim::symbol(one) - Dim::symbol(other);
  if (difference != wanted && difference != Dim(0) - wanted) return std::nullopt;
  return std::pair(one, other);
}

}  // namespace

bool join_equal_symbols(Graph& graph) {
  std::map<std::string, size_t, std::less<>> order;  // of symbols that inputs define
  for (const Value* input : graph.inputs()) {
    if (!input->type.is_tensor() || !input->type.tensor().has_rank()) continue;
    for (const Dim& dim : input->type.tensor().shape())
      if (const auto symbol = dim.as_symbol())
        order.try_emplace(std::string(*symbol), order.size());
  }
  SymbolSizes sizes;
  const auto first_of = [&](std::string name) {
    while (sizes.contains(name)) name = *sizes.at(name).as_symbol();
    return name;
  };
  for (const Require& require : graph.requirements()) {
    const auto both = same_symbols(require);
    if (!both || !order.contains(both->first) || !order.contains(both->second)) continue;
    std::string one = first_of(both->first), other = first_of(both->second);
    if (one == other) continue;
    if (order.at(other) < order.at(one)) std::swap(one, other);
    sizes.emplace(other, Dim::symbol(one));
  }
  if (sizes.empty()) return false;
  for (auto& [name, size] : sizes) size = Dim::symbol(first_of(name));
  check(substitute(graph, sizes).empty(), Code::internal, "a symbol is too long to write");
  for (Value* input : graph.inputs()) input->type = substitute(input->type, replacement_by(sizes));
  return true;
}

}  // namespace hone
