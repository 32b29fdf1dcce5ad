#pragma once
// Nodes in disjoint groups that become regions, merged only where every group can still run as one
// step: no path leaves a group and comes back.

#include <string>
#include <unordered_map>
#include <vector>

#include "ir/graph.hpp"

namespace hone {

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
  int last(const Node* node) const { return positions_.at(groups_[index(node)].nodes.back()); }

  /// Both groups' nodes in one; false: a path would leave and come back. The cuts, and what the
  /// groups have, are united.
  bool merge(const Node* a, const Node* b);
  /// Groups in the order of their first nodes.
  std::vector<Group*> all();

 private:
  size_t index(const Node* node) const { return index_.at(node); }
  /// Whether group `to` needs a result of `from` through other groups.
  bool depends(size_t to, size_t from);
  const std::vector<const Node*>& needs(const Node* node) const { return needs_.at(node); }

  std::vector<Group> groups_;
  std::unordered_map<const Node*, size_t> index_;
  std::unordered_map<const Node*, int> positions_;
  std::unordered_map<const Node*, std::vector<const Node*>> needs_;  // by operands and symbols
};

}  // namespace hone
