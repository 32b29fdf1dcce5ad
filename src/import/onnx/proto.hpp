#pragma once
// The messages of an ONNX file that Hone reads, decoded one level at a time: views into the file.

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/dtype.hpp"
#include "import/builder/stated_type.hpp"
#include "ir/limits.hpp"
#include "ir/type.hpp"

namespace hone::onnx {

using builder::StatedDim;
using builder::StatedType;

/// AttributeProto.AttributeType
enum class AttributeType : uint8_t {
  undefined,
  real,
  integer,
  text,
  tensor,
  graph,
  reals,
  integers,
  texts,
  tensors,
  graphs,
  sparse_tensor,
  sparse_tensors,
  type,
  types,
};
/// "an integer", "a list of floats" ...
std::string_view describe(AttributeType type);

struct Attribute {
  std::string_view name;
  std::string_view reference;  // an attribute of the function this node stands in
  AttributeType type = AttributeType::undefined;
  std::string_view message;  // the whole AttributeProto, for the value
};

struct NodeProto {
  std::string_view name, op_type, domain, overload;
  std::vector<std::string_view> inputs, outputs;  // "": absent
  std::vector<Attribute> attributes;
};

struct NamedType {
  std::string_view name;
  std::string_view type;  // TypeProto
};

struct GraphProto {
  std::string_view name;
  std::vector<NodeProto> nodes;
  std::vector<std::string_view> tensors;         // initializers, TensorProto
  std::vector<std::string_view> sparse_tensors;  // SparseTensorProto
  std::vector<NamedType> inputs, outputs;
  std::vector<NamedType> values;  // value_info: what the file states of results
};

struct OpsetId {
  std::string_view domain;
  int64_t version = 0;
};

struct FunctionProto {
  std::string_view name, domain, overload;
  std::vector<std::string_view> inputs, outputs;
  std::vector<std::string_view> attributes;  // without a default
  std::vector<Attribute> defaults;
  std::vector<OpsetId> opsets;
  std::vector<NodeProto> nodes;
};

struct ModelProto {
  int64_t ir_version = 0;
  std::string_view producer, producer_version;
  std::vector<OpsetId> opsets;
  std::optional<std::string_view> graph;
  std::vector<std::string_view> functions;  // FunctionProto
  std::vector<std::pair<std::string_view, std::string_view>> metadata;
};

/// Where a tensor's bytes lie in another file.
struct ExternalPlace {
  std::string_view location, offset, length;  // numbers as text; "": not given
};

struct TensorProto {
  std::string_view name;
  int64_t data_type = 0;
  std::vector<int64_t> dims;
  std::optional<std::string_view> raw;
  bool is_external = false, is_segment = false;
  ExternalPlace external;
  std::string_view message;  // the whole TensorProto, for typed data
};

struct SparseTensorProto {
  TensorProto values, indices;
  std::vector<int64_t> dims;
};

/// Each Error(invalid_model) names the message that is damaged or beyond a limit.
ModelProto decode_model(std::string_view message);
GraphProto decode_graph(std::string_view message, const Limits& limits);
FunctionProto decode_function(std::string_view message, const Limits& limits);
/// Of a TensorProto that may be damaged; "" when it cannot be told.
std::string_view name_of_tensor(std::string_view message);
TensorProto decode_tensor(std::string_view message, const Limits& limits);
SparseTensorProto decode_sparse_tensor(std::string_view message, const Limits& limits);

/// What TensorProto's typed data fields hold, all chunks of all fields together.
struct TypedData {
  std::vector<float> floats;
  std::vector<double> doubles;
  std::vector<int64_t> integers;          // int32_data, int64_data or uint64_data
  std::vector<std::string_view> strings;  // string_data
  std::string_view packed_floats;         // instead of `floats`: one packed chunk, 4-byte floats
};
/// At most `most` numbers or strings.
TypedData decode_typed_data(std::string_view tensor_message, size_t most);

/// Error(unsupported) for maps, sparse and opaque types; Error(invalid_model) for damage.
StatedType decode_type(std::string_view message, const Limits& limits, int depth = 0);

}  // namespace hone::onnx
