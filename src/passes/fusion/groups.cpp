#include "passes/fusion/groups.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "ir/bodies/structural.hpp"

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
  positions_.reserve(graph.nodes().size());
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
  readers_.resize(needs_.size());
  for (size_t i = 0; i < needs_.size(); ++i)
    for (const int needed : needs_[i]) readers_[at(needed)].push_back(static_cast<int>(i));
  place_.resize(groups_.size());
  std::iota(place_.begin(), place_.end(), 0);
  seen_.assign(groups_.size(), 0);
  steps_left_ = kMostSteps + kStepsPerNode * static_cast<int64_t>(groups_.size());
}

bool Groups::reach(size_t start, size_t end, const Edges& edges, std::vector<size_t>& between) {
  const auto [low, high] = std::minmax(place_[start], place_[end]);
  seen_[start] = ++search_;
  std::vector<size_t> pending{start};
  while (!pending.empty()) {
    const size_t group = pending.back();
    pending.pop_back();
    for (const int member : members_[group]) {
      if (--steps_left_ <= 0) return false;
      for (const int other : edges[at(member)]) {
        const size_t next = index_[at(other)];
        if (next == end) {
          if (group != start) return false;
          continue;  // directly: merging takes that in
        }
        if (seen_[next] == search_ || place_[next] < low || place_[next] > high) continue;
        seen_[next] = search_;
        pending.push_back(next);
        between.push_back(next);
      }
    }
  }
  return true;
}

Groups::Merging Groups::merge(const Node* a, const Node* b) {
  size_t early = index(a), late = index(b);
  if (early == late) return Merging::done;
  if (groups_[early].nodes.size() + groups_[late].nodes.size() > kMostNodes) return Merging::large;
  if (steps_left_ <= 0) return Merging::unclear;
  if (place_[early] > place_[late]) std::swap(early, late);
  // Only the later group can need the earlier one.
  std::vector<size_t> before, behind;
  if (!reach(late, early, needs_, before) || !reach(early, late, readers_, behind))
    return steps_left_ <= 0 ? Merging::unclear : Merging::path;
  put_between(early, late, std::move(before), std::move(behind));
  unite(early, late);
  return Merging::done;
}

void Groups::put_between(size_t early, size_t late, std::vector<size_t> before,
                         std::vector<size_t> behind) {
  const auto by_place = [&](size_t a, size_t b) { return place_[a] < place_[b]; };
  std::sort(before.begin(), before.end(), by_place);
  std::sort(behind.begin(), behind.end(), by_place);
  std::vector<int> places{place_[early], place_[late]};
  for (const auto* groups : {&before, &behind})
    for (const size_t group : *groups) places.push_back(place_[group]);
  std::sort(places.begin(), places.end());
  auto place = places.begin();
  for (const size_t group : before) place_[group] = *place++;
  place_[early] = place_[late] = *place++;
  ++place;  // of two groups one is left
  for (const size_t group : behind) place_[group] = *place++;
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
