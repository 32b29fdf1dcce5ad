#pragma once
// Sizes that only running tells, and the nodes that tell them.

#include <map>
#include <set>
#include <string>

#include "ir/graph.hpp"

namespace hone {

class LateSizes {
 public:
  using Names = std::set<std::string, std::less<>>;
  explicit LateSizes(const Graph& graph);

  /// The symbols that a node's result defines, and that node.
  const std::map<std::string, const Node*, std::less<>>& told_by() const { return told_by_; }
  /// A function of the inputs' sizes alone. Of a type: its bytes are.
  bool early(const Type& type) const;
  bool early(const Dim& dim) const;
  bool early(const Names& names) const;
  /// Running the node tells a size that nothing before it did.
  bool tells(const Node& node) const;
  /// A kernel runs it: it is no control flow, tells no sizes, and what it reads has bytes.
  bool runs_on_kernel(const Node& node) const;

 private:
  std::map<std::string, const Node*, std::less<>> told_by_;
};

}  // namespace hone
