#pragma once
// Boxes cut out by begins and sizes, either of which only running may tell.

#include <optional>

#include "import/builder/node_builder.hpp"

namespace hone::builder {

/// Contents of input `i`, a list of integers: constant, or known by inference.
std::optional<Dims> known_list(const NodeBuilder& node, int i);

/// The op and its inputs. `begins`, `sizes`: the same lists as values of i64, read where either is
/// not known; a size of -1: all that is left.
struct Box {
  Op op;
  std::vector<Value*> inputs;
};
Box box_of(NodeBuilder& node, Value* data, const std::optional<Dims>& known_begins,
           const std::optional<Dims>& known_sizes, Value* begins, Value* sizes);

}  // namespace hone::builder
