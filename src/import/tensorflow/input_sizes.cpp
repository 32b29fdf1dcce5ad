#include "import/tensorflow/input_sizes.hpp"

#include <algorithm>

#include "import/protobuf.hpp"
#include "import/tensorflow/attribute.hpp"

namespace hone::tensorflow {
namespace {

StatedShape stated(const NodeDef& input, const Limits& limits, int64_t producer) {
  if (const auto message = input.attribute("shape")) {
    const auto shape = decode_attribute(*message, limits).shape;
    // Before version 24 of graphs nothing told a shape that is not known from a single number.
    constexpr int64_t kTellsUnknown = 24;
    const bool is_vague = producer < kTellsUnknown && shape && *shape && (*shape)->empty();
    if (shape && *shape && !is_vague) return *shape;
  }
  if (const auto message = input.attribute("_output_shapes")) {
    const auto shapes = decode_attribute(*message, limits).shapes;
    if (!shapes.empty() && shapes.front()) return shapes.front();
  }
  return std::nullopt;
}

/// The sizes of a constant, be it behind an Identity; empty: it is none.
std::vector<int64_t> sizes_of_constant(const GraphDef& graph, const NodeIndex& index,
                                       std::string_view edge, const Limits& limits) {
  for (int steps = 0; steps < 4; ++steps) {
    const auto found = index.find(parse_edge(edge).node);
    if (found == index.end()) return {};
    const NodeDef& node = graph.nodes[found->second];
    if (node.op == "Identity" && !node.inputs.empty()) {
      edge = node.inputs.front();
      continue;
    }
    const auto message = node.attribute("value");
    if (node.op != "Const" || !message) return {};
    const auto tensor = decode_attribute(*message, limits).tensor;
    if (!tensor) return {};
    for (Message m(*tensor, "TensorProto"); m.next();)
      if (m.field() == 2) return decode_shape(m.bytes(), limits).value_or(std::vector<int64_t>());
    return {};
  }
  return {};
}

bool is_one_of(std::string_view op, std::initializer_list<std::string_view> ops) {
  return std::find(ops.begin(), ops.end(), op) != ops.end();
}

/// What one node that reads the input as its first tells of it.
StatedShape told_by(const GraphDef& graph, const NodeIndex& index, const NodeDef& reader,
                    const Limits& limits) {
  const auto format = reader.attribute("data_format");
  const std::string_view layout =
      format ? decode_attribute(*format, limits).text.value_or("NHWC") : "NHWC";
  std::vector<int64_t> weights;
  if (reader.inputs.size() > 1) weights = sizes_of_constant(graph, index, reader.inputs[1], limits);
  const size_t channels = layout.starts_with("NC") ? 1 : 3;
  if (is_one_of(reader.op, {"Conv2D", "DepthwiseConv2dNative"})) {
    std::vector<int64_t> sizes(4, -1);
    if (weights.size() == 4) sizes[channels] = weights[2];
    return sizes;
  }
  if (is_one_of(reader.op, {"MaxPool", "AvgPool", "FusedBatchNorm", "FusedBatchNormV3",
                            "ResizeBilinear", "ResizeNearestNeighbor", "SpaceToDepth"}))
    return std::vector<int64_t>(4, -1);
  if (reader.op == "MatMul" && weights.size() == 2) return std::vector<int64_t>{-1, weights[0]};
  if (reader.op == "Transpose" && weights.size() == 1 && weights[0] > 0 &&
      weights[0] <= limits.rank)
    return std::vector<int64_t>(static_cast<size_t>(weights[0]), -1);
  return std::nullopt;
}

}  // namespace

std::vector<int64_t> without_pairs(std::vector<int64_t> sizes, int64_t type) {
  const auto dtype = dtype_of(type);
  if (!dtype || !is_complex(*dtype)) return sizes;
  check(!sizes.empty() && sizes.back() == 2, Code::usage, "--shape of complex numbers ends with 2");
  sizes.pop_back();
  return sizes;
}

StatedShape sizes_of_input(const GraphDef& graph, const NodeIndex& index, const NodeDef& input,
                           const ImportOptions& options, int64_t producer) {
  const Limits& limits = options.limits;
  if (auto shape = stated(input, limits, producer)) return shape;
  const auto message = input.attribute("dtype");
  const int64_t type = message ? decode_attribute(*message, limits).type.value_or(0) : 0;
  for (const std::string_view name : {input.name, std::string_view()})
    if (const auto given = options.shapes.find(name); given != options.shapes.end())
      return without_pairs(given->second, type);
  for (const NodeDef& reader : graph.nodes) {
    if (reader.inputs.empty() || reader.inputs.front() != input.name) continue;
    if (auto told = told_by(graph, index, reader, limits)) return told;
  }
  return std::nullopt;
}

}  // namespace hone::tensorflow
