#pragma once
// What nodes read of one another, their bodies included.

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "import/onnx/proto.hpp"

namespace hone::onnx {

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

/// For each node, the nodes of the same list that it reads; bodies count with the names they read
/// from outside.
std::vector<std::vector<uint32_t>> dependencies(const std::vector<NodeProto>& nodes,
                                                FreeNames& free_names);

/// The GraphProto of an attribute of type graph; nullopt: it holds none.
std::optional<std::string_view> graph_of(const Attribute& attribute);

}  // namespace hone::onnx
