#pragma once
// Which axis of a value has the channels of pictures.

#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "ir/graph.hpp"

namespace hone {

/// What convolutions and pools say of the axes of their operands, carried to other values by what
/// reads and writes them element by element or moves axes: behind Transpose perm=[0,2,3,1] of a
/// convolution's result the last axis has the channels. Values within regions are known, too.
class Channels {
 public:
  explicit Channels(const Graph& graph);

  /// The value's axes from the outermost in memory to the innermost, where channels lie innermost.
  /// Where nothing is known of its axes, the second has them. Empty: its elements lie so as they
  /// are, windows move along its second axis, or it is no value to be turned: it has less than
  /// three axes, or elements of less than a byte.
  std::vector<int> innermost_order(const Value& value) const;

 private:
  using Place = std::pair<std::string, int>;  // an axis of a value, or of a stage's own

  void add(const Node& node);
  std::optional<int> axis_of(const Value& value) const;
  Place first_of(Place place) const;
  void unite(Place one, Place other);

  std::map<Place, Place> toward_;  // another one that is the same axis, known before
  std::set<Place> channels_, windows_;
  size_t stages_ = 0;
};

/// Of values of a Fused node's body, the orders that they may lie in besides their own: those that
/// are made and used up within `graph`, which `channels` are of.
std::unordered_map<const Value*, std::vector<int>> orders_within(const Graph& graph,
                                                                 const Node& fused,
                                                                 const Channels& channels);

}  // namespace hone
