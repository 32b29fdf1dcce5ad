#pragma once
// Messages of TensorFlow, decoded as far as an import needs them; texts point into the file.
// (Source: tensorflow/core/framework and tensorflow/core/protobuf, the .proto files.)

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/dtype.hpp"
#include "ir/limits.hpp"

namespace hone::tensorflow {

using Messages = std::vector<std::pair<std::string_view, std::string_view>>;  // by key

struct NodeDef {
  std::string_view name, op;
  std::vector<std::string_view> inputs;  // "node", "node:1", "^node"
  Messages attributes;                   // AttrValue by name

  /// The AttrValue; nullopt: it has none of this name.
  std::optional<std::string_view> attribute(std::string_view wanted) const;
};

/// A size of -1 is open; nullopt: even the rank is.
using StatedShape = std::optional<std::vector<int64_t>>;

struct Argument {
  std::string_view name;
  int64_t type = 0;  // DataType; 0: an attribute of the call says it
  StatedShape shape;
  size_t place = 0;  // which result of a node of this name it stands for
};

/// The nodes of a graph or of a function in the order of the file.
struct GraphDef {
  std::string_view name;  // of a function
  std::vector<NodeDef> nodes;
  std::vector<Argument> inputs;                                        // of a function
  std::vector<std::pair<std::string_view, std::string_view>> results;  // of a function: name, edge
  bool keeps_names = false;  // its nodes are those of the graph around, names and all
};

/// A GraphDef's own nodes and its library.
struct GraphFile {
  GraphDef graph;
  std::vector<GraphDef> functions;
  int64_t producer = 0;
  std::deque<std::string> made;  // texts that stand in no file
};

struct TensorInfo {
  std::string_view name;  // of the value: "dense/Softmax:0"
  int64_t type = 0;
  StatedShape shape;
};

/// By the names that callers use.
struct Signature {
  std::map<std::string_view, TensorInfo> inputs, outputs;
};

/// A MetaGraphDef, its graph not decoded.
struct MetaGraph {
  std::vector<std::string_view> tags;
  std::string_view version;  // of TensorFlow
  std::string_view graph;
  std::string_view restore_op;
  std::map<std::string_view, Signature> signatures;
};

/// Error(invalid_model) naming the message that is damaged, or that is larger than the limits.
GraphFile decode_graph(std::string_view bytes, const Limits& limits);
std::vector<MetaGraph> decode_saved_model(std::string_view bytes, const Limits& limits);
StatedShape decode_shape(std::string_view message, const Limits& limits);

/// Its first node has the name of an operator.
bool looks_like_graph(std::string_view bytes);
bool looks_like_saved_model(std::string_view bytes);

/// Of a DataType; quantized types are the integers that they are stored as. nullopt: Hone has none.
std::optional<DType> dtype_of(int64_t type);
/// "DT_RESOURCE", for messages.
std::string_view type_name(int64_t type);
inline constexpr int64_t kString = 7, kResource = 20, kVariant = 21;

}  // namespace hone::tensorflow
