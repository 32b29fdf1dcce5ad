#include "import/onnx/free_names.hpp"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "base/onnx_fields.hpp"
#include "import/protobuf.hpp"

namespace hone::onnx {
namespace {

using Names = std::unordered_set<std::string_view>;

}  // namespace

std::optional<std::string_view> graph_of(const Attribute& attribute) {
  if (attribute.type != AttributeType::graph) return std::nullopt;
  std::optional<std::string_view> graph;
  for (Message m(attribute.message, "AttributeProto"); m.next();)
    if (m.field() == AttributeField::graph) graph = m.bytes();
  return graph;
}

const std::vector<std::string_view>& FreeNames::of(std::string_view graph_message, int depth) {
  check(depth <= limits_.depth, Code::invalid_model, "bodies are nested deeper than ",
        limits_.depth);
  // A graph lies within others but begins where none of them does. One of no bytes has no names.
  if (const auto found = found_.find(graph_message.data()); found != found_.end())
    return found->second;
  const GraphProto graph = decode_graph(graph_message, limits_);
  Names defined, read;
  for (const NamedType& input : graph.inputs) defined.insert(input.name);
  for (const std::string_view tensor : graph.tensors)
    defined.insert(decode_tensor(tensor, limits_).name);
  for (const NodeProto& node : graph.nodes) {
    defined.insert(node.outputs.begin(), node.outputs.end());
    read.insert(node.inputs.begin(), node.inputs.end());
    for (const Attribute& attribute : node.attributes)
      if (const auto body = graph_of(attribute)) {
        const auto& inner = of(*body, depth + 1);
        read.insert(inner.begin(), inner.end());
      }
  }
  for (const NamedType& output : graph.outputs) read.insert(output.name);
  std::vector<std::string_view> free;
  for (const std::string_view name : read)
    if (!name.empty() && !defined.contains(name)) free.push_back(name);
  return found_[graph_message.data()] = std::move(free);
}

std::vector<std::vector<uint32_t>> dependencies(const std::vector<NodeProto>& nodes,
                                                FreeNames& free_names) {
  std::unordered_map<std::string_view, uint32_t> producers;
  producers.reserve(nodes.size() * 2);
  for (uint32_t i = 0; i < nodes.size(); ++i)
    for (const std::string_view name : nodes[i].outputs)
      if (!name.empty()) producers.emplace(name, i);
  std::vector<std::vector<uint32_t>> reads(nodes.size());
  for (uint32_t i = 0; i < nodes.size(); ++i) {
    const auto read = [&](std::string_view name) {
      if (const auto found = producers.find(name); found != producers.end())
        reads[i].push_back(found->second);
    };
    for (const std::string_view name : nodes[i].inputs) read(name);
    for (const Attribute& attribute : nodes[i].attributes)
      if (const auto body = graph_of(attribute))
        for (const std::string_view name : free_names.of(*body, 1)) read(name);
    std::sort(reads[i].begin(), reads[i].end());
    reads[i].erase(std::unique(reads[i].begin(), reads[i].end()), reads[i].end());
  }
  return reads;
}

}  // namespace hone::onnx
