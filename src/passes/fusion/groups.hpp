#pragma once
// Nodes in disjoint groups that become regions, merged only where every group can still run as one
// step: no path leaves a group and comes back.

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ir/graph.hpp"

namespace hone {

/// Regions of more nodes than this are no candidates anybody would take whole; what a region costs
/// to look at stays bounded.
inline constexpr size_t kMostNodes = 512;

struct Group {
  std::vector<Node*> nodes;       // in the graph's order
  int anchors = 0;                // nodes that are more than views, pointwise and reductions
  bool reduces = false;           // has a reduction of something the group makes
  std::vector<std::string> cuts;  // values where choice may cut
};

class Groups {
 public:
  /// Every node a group of its own.
  explicit Groups(Graph& graph);

  Group& of(const Node* node) { return groups_[index(node)]; }
  bool same(const Node* a, const Node* b) const { return index(a) == index(b); }
  int position(const Node* node) const { return positions_.at(node); }
  int last(const Node* node) const { return members_[index(node)].back(); }

  enum class Merging : uint8_t {
    done,
    path,    ///< a path would leave and come back
    large,   ///< it would have more than kMostNodes nodes
    unclear  ///< whether there is such a path would take too long to tell
  };
  /// Both groups' nodes in one. The cuts, and what the groups have, are united.
  Merging merge(const Node* a, const Node* b);
  /// Groups in the order of their first nodes.
  std::vector<Group*> all();

 private:
  size_t index(const Node* node) const { return index_[static_cast<size_t>(position(node))]; }
  using Edges = std::vector<std::vector<int>>;  // by position: positions
  /// Collects the groups that lie between the places of two groups and that `start` comes to along
  /// `edges`. false: one of them comes to `end`; or there are no steps left.
  bool reach(size_t start, size_t end, const Edges& edges, std::vector<size_t>& between);
  /// One place for two groups: behind the groups in `before`, which `late` needs, and before those
  /// in `behind`, which need `early`. They share the places that they had among them.
  void put_between(size_t early, size_t late, std::vector<size_t> before,
                   std::vector<size_t> behind);
  void unite(size_t into, size_t from);

  std::vector<Group> groups_;
  std::vector<std::vector<int>> members_;  // by group: positions of its nodes, ascending
  std::unordered_map<const Node*, int> positions_;
  std::vector<Node*> nodes_;   // by position
  std::vector<size_t> index_;  // by position: the node's group
  Edges needs_, readers_;      // operands and symbols that a node needs; the reverse
  /// By group: where it runs among the others. A group is behind those that it needs, also when its
  /// nodes stand before theirs. Pearce and Kelly, "A Dynamic Topological Sort Algorithm for
  /// Directed Acyclic Graphs" (2006), is how the order is kept.
  std::vector<int> place_;
  std::vector<size_t> seen_;  // by group: the search that saw it last
  size_t search_ = 0;
  int64_t steps_left_ = 0;  // of all searches together
};

/// Why not, in words; `path`: what to say of a path.
std::string_view reason(Groups::Merging merging, std::string_view path);

}  // namespace hone
