#pragma once
// An order of nodes in which each comes after what it reads.

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "import/onnx/proto.hpp"

namespace hone::onnx {

struct Order {
  std::vector<uint32_t> nodes;  // indices; the file's order where that is one already
  std::vector<uint32_t> cycle;  // one cycle, when there is any: each node reads the one before
};

/// The names that bodies read from outside. Each body of a file is looked at once, however deep.
class FreeNames {
 public:
  explicit FreeNames(const Limits& limits) : limits_(limits) {}
  /// Of a GraphProto `depth` bodies deep. Error(invalid_model) beyond Limits::depth.
  const std::vector<std::string_view>& of(std::string_view graph_message, int depth);

 private:
  const Limits& limits_;
  std::unordered_map<const char*, std::vector<std::string_view>> found_;  // by the message's place
};

/// Bodies count with the names they read from outside. Nodes on or behind a cycle are left out.
Order dependency_order(const std::vector<NodeProto>& nodes, FreeNames& free_names);

/// The GraphProto of an attribute of type graph; nullopt: it holds none.
std::optional<std::string_view> graph_of(const Attribute& attribute);

}  // namespace hone::onnx
