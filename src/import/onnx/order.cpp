#include "import/onnx/order.hpp"

#include <algorithm>
#include <functional>
#include <queue>
#include <unordered_map>
#include <unordered_set>

#include "base/onnx_fields.hpp"
#include "import/protobuf.hpp"

namespace hone::onnx {
namespace {

using Names = std::unordered_set<std::string_view>;

/// For each node, the nodes of the same list that it reads.
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

/// Follows reads that are not ordered until a node comes again.
std::vector<uint32_t> find_cycle(const std::vector<std::vector<uint32_t>>& reads,
                                 const std::vector<bool>& done) {
  const auto first = std::find(done.begin(), done.end(), false);
  if (first == done.end()) return {};
  std::vector<uint32_t> path;
  std::vector<uint32_t> place(reads.size(), UINT32_MAX);
  auto at = static_cast<uint32_t>(first - done.begin());
  while (place[at] == UINT32_MAX) {
    place[at] = static_cast<uint32_t>(path.size());
    path.push_back(at);
    at = *std::find_if(reads[at].begin(), reads[at].end(), [&](uint32_t r) { return !done[r]; });
  }
  path.erase(path.begin(), path.begin() + place[at]);
  std::reverse(path.begin(), path.end());
  return path;
}

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

Order dependency_order(const std::vector<NodeProto>& nodes, FreeNames& free_names) {
  const auto reads = dependencies(nodes, free_names);
  Order order;
  order.nodes.reserve(nodes.size());
  std::vector<uint32_t> waiting(nodes.size());
  std::vector<std::vector<uint32_t>> readers(nodes.size());
  std::priority_queue<uint32_t, std::vector<uint32_t>, std::greater<>> ready;  // file order first
  for (uint32_t i = 0; i < nodes.size(); ++i) {
    waiting[i] = static_cast<uint32_t>(reads[i].size());
    for (const uint32_t read : reads[i]) readers[read].push_back(i);
    if (waiting[i] == 0) ready.push(i);
  }
  std::vector<bool> done(nodes.size(), false);
  while (!ready.empty()) {
    const uint32_t node = ready.top();
    ready.pop();
    done[node] = true;
    order.nodes.push_back(node);
    for (const uint32_t reader : readers[node])
      if (--waiting[reader] == 0) ready.push(reader);
  }
  order.cycle = find_cycle(reads, done);
  return order;
}

}  // namespace hone::onnx
