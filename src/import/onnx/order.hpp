#pragma once
// An order of nodes in which each comes after what it reads.

#include <cstdint>
#include <vector>

#include "import/onnx/proto.hpp"

namespace hone::onnx {

struct Order {
  std::vector<uint32_t> nodes;  // indices; the file's order where that is one already
  std::vector<uint32_t> cycle;  // one cycle, when there is any: each node reads the one before
};

/// Bodies count with the names they read from outside. Nodes on or behind a cycle are left out.
Order dependency_order(const std::vector<NodeProto>& nodes, const Limits& limits);

/// The GraphProto of an attribute of type graph; nullopt: it holds none.
std::optional<std::string_view> graph_of(const Attribute& attribute);

}  // namespace hone::onnx
