#pragma once
// An order of nodes in which each comes after what it reads.

#include <cstdint>
#include <vector>

namespace hone::builder {

struct Order {
  std::vector<uint32_t> nodes;  // indices; the file's order where that is one already
  std::vector<uint32_t> cycle;  // one cycle, when there is any: each node reads the one before
};

/// `reads`: for each node those of the same list that it reads, each once. Nodes on or behind a
/// cycle are left out.
Order dependency_order(const std::vector<std::vector<uint32_t>>& reads);

}  // namespace hone::builder
