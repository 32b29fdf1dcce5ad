#include "passes/fusion/groups.hpp"

#include <algorithm>
#include <utility>

#include "ir/structural.hpp"

namespace hone {
namespace {

/// Nodes that all searches for paths may look at: all pairs in a graph of a thousand nodes, and of
/// a larger one as much again for each node.
constexpr int64_t kMostSteps = 1'000'000, kStepsPerNode = 2'000;

size_t at(int position) { return static_cast<size_t>(position); }

}  // namespace

Groups::Groups(Graph& graph) {
  const auto definitions = symbol_definitions(graph);
  bool late = false;
  for (const auto& [name, definition] : definitions) late |= definition.value->producer != nullptr;
  for (Node& node : graph.nodes()) positions_.emplace(&node, static_cast<int>(positions_.size()));
  needs_.resize(positions_.size());
  for (Node& node : graph.nodes()) {
    index_.push_back(groups_.size());
    members_.push_back({position(&node)});
    nodes_.push_back(&node);
    std::vector<int>& needs = needs_[groups_.size()];
    groups_.push_back({{&node}, 0, false, {}});
    for (const Value* input : node.inputs)
      if (input != nullptr && input->producer != nullptr)
        needs.push_back(position(input->producer));
    if (!late) continue;
    std::set<std::string, std::less<>> symbols;
    collect_symbols(node.op, symbols);
    for (const Value* output : node.outputs)
      if (output != nullptr) collect_symbols(output->type, symbols);
    for (const std::string& symbol : symbols)
      if (const auto found = definitions.find(symbol); found != definitions.end()) {
        const Node* producer = found->second.value->producer;
        if (producer != nullptr && producer != &node) needs.push_back(position(producer));
      }
  }
  seen_.assign(groups_.size(), 0);
  steps_left_ = kMostSteps + kStepsPerNode * static_cast<int64_t>(groups_.size());
}

bool Groups::depends(size_t to, size_t from) {
  // Backwards from `to`; what ends before `from` begins cannot need it.
  const int first = members_[from].front();
  std::vector<size_t> pending{to};
  seen_[to] = ++search_;
  while (!pending.empty() && steps_left_ > 0) {
    const size_t group = pending.back();
    pending.pop_back();
    for (const int member : members_[group]) {
      --steps_left_;
      for (const int needed : needs_[at(member)]) {
        const size_t next = index_[at(needed)];
        if (next == from) {
          if (group != to) return true;
          continue;  // directly: merging takes that in
        }
        if (seen_[next] == search_ || members_[next].back() <= first) continue;
        seen_[next] = search_;
        pending.push_back(next);
      }
    }
  }
  return false;
}

Groups::Merging Groups::merge(const Node* a, const Node* b) {
  const size_t into = index(a), from = index(b);
  if (into == from) return Merging::done;
  if (groups_[into].nodes.size() + groups_[from].nodes.size() > kMostNodes) return Merging::large;
  if (steps_left_ <= 0) return Merging::unclear;
  if (depends(into, from) || depends(from, into)) return Merging::path;
  if (steps_left_ <= 0) return Merging::unclear;  // the search ended early
  unite(into, from);
  return Merging::done;
}

void Groups::unite(size_t into, size_t from) {
  if (members_[into].size() < members_[from].size()) std::swap(into, from);
  std::vector<int>&kept = members_[into], gone = std::exchange(members_[from], {});
  for (const int member : gone) index_[at(member)] = into;
  const bool behind = kept.back() < gone.front();
  const auto middle = static_cast<std::ptrdiff_t>(kept.size());
  kept.insert(kept.end(), gone.begin(), gone.end());
  if (!behind) std::inplace_merge(kept.begin(), kept.begin() + middle, kept.end());
  Group &one = groups_[into], other = std::exchange(groups_[from], {});
  one.nodes.insert(one.nodes.end(), other.nodes.begin(), other.nodes.end());
  for (size_t i = 0; !behind && i < kept.size(); ++i) one.nodes[i] = nodes_[at(kept[i])];
  one.anchors += other.anchors;
  one.reduces |= other.reduces;
  one.cuts.insert(one.cuts.end(), other.cuts.begin(), other.cuts.end());
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

std::string_view reason(Groups::Merging merging, std::string_view path) {
  switch (merging) {
    case Groups::Merging::path: return path;
    case Groups::Merging::large:
      static_assert(kMostNodes == 512);
      return "the region would have more than 512 ops";
    case Groups::Merging::unclear:
      return "so much lies between that paths through it are not looked for";
    case Groups::Merging::done: break;
  }
  return {};
}

}  // namespace hone
