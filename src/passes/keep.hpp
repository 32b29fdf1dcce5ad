#pragma once
// Nodes that the user wants left as the model has them.

#include <memory>
#include <string>
#include <vector>

#include "ir/graph.hpp"

namespace hone {

/// Says of a node whether one of its origins (names of the source model's nodes) matches, anywhere,
/// one of some regular expressions. No pass changes, merges or replaces such a node; it goes only
/// when nothing reads its results any more.
class Keep {
 public:
  Keep() = default;
  /// As base/pattern.hpp reads them. Error(usage) naming the place of what is wrong.
  explicit Keep(const std::vector<std::string>& expressions);

  bool operator()(const Node& node) const { return patterns_ != nullptr && matches(node); }

 private:
  struct Patterns;
  bool matches(const Node& node) const;

  std::shared_ptr<const Patterns> patterns_;  // null: none
};

}  // namespace hone
