#include "passes/fusion/groups.hpp"

#include <algorithm>
#include <unordered_set>

#include "ir/structural.hpp"

namespace hone {

Groups::Groups(Graph& graph) {
  const auto definitions = symbol_definitions(graph);
  bool late = false;
  for (const auto& [name, definition] : definitions) late |= definition.value->producer != nullptr;
  for (Node& node : graph.nodes()) {
    index_.emplace(&node, groups_.size());
    positions_.emplace(&node, static_cast<int>(groups_.size()));
    groups_.push_back({{&node}, 0, false, {}});
    std::vector<const Node*>& needs = needs_[&node];
    for (const Value* input : node.inputs)
      if (input != nullptr && input->producer != nullptr) needs.push_back(input->producer);
    if (!late) continue;
    std::set<std::string, std::less<>> symbols;
    collect_symbols(node.op, symbols);
    for (const Value* output : node.outputs)
      if (output != nullptr) collect_symbols(output->type, symbols);
    for (const std::string& symbol : symbols)
      if (const auto found = definitions.find(symbol); found != definitions.end()) {
        const Node* producer = found->second.value->producer;
        if (producer != nullptr && producer != &node) needs.push_back(producer);
      }
  }
}

bool Groups::depends(size_t to, size_t from) {
  // Backwards from `to`; what ends before `from` begins cannot need it.
  const int first = position(groups_[from].nodes.front());
  std::vector<size_t> pending{to};
  std::unordered_set<size_t> seen{to};
  while (!pending.empty()) {
    const size_t group = pending.back();
    pending.pop_back();
    for (const Node* node : groups_[group].nodes)
      for (const Node* needed : needs(node)) {
        const size_t next = index(needed);
        if (next == from) {
          if (group != to) return true;
          continue;  // directly: merging takes that in
        }
        if (position(groups_[next].nodes.back()) > first && seen.insert(next).second)
          pending.push_back(next);
      }
  }
  return false;
}

bool Groups::merge(const Node* a, const Node* b) {
  const size_t into = index(a), from = index(b);
  if (into == from) return true;
  if (depends(into, from) || depends(from, into)) return false;
  Group& kept = groups_[into];
  Group& gone = groups_[from];
  for (const Node* node : gone.nodes) index_[node] = into;
  kept.nodes.insert(kept.nodes.end(), gone.nodes.begin(), gone.nodes.end());
  std::sort(kept.nodes.begin(), kept.nodes.end(),
            [&](const Node* x, const Node* y) { return position(x) < position(y); });
  kept.anchors += gone.anchors;
  kept.reduces |= gone.reduces;
  kept.cuts.insert(kept.cuts.end(), gone.cuts.begin(), gone.cuts.end());
  gone = {};
  return true;
}

std::vector<Group*> Groups::all() {
  std::vector<Group*> result;
  for (Group& group : groups_)
    if (!group.nodes.empty()) result.push_back(&group);
  std::sort(result.begin(), result.end(), [&](const Group* a, const Group* b) {
    return position(a->nodes.front()) < position(b->nodes.front());
  });
  return result;
}

}  // namespace hone
