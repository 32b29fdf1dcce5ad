#include "import/onnx/proto.hpp"

#include <array>

#include "base/onnx_fields.hpp"
#include "import/onnx/node_reader.hpp"
#include "import/protobuf.hpp"

namespace hone::onnx {
namespace {

std::string_view decode_name(Message& message, const Limits& limits) {
  const std::string_view name = message.bytes();
  if (name.size() > limits.name_bytes)
    fail(Code::invalid_model, "a name of ", name.size(), " bytes (at most ", limits.name_bytes,
         "): ", name.substr(0, 40), "...");
  return name;
}

/// The value field that a file without AttributeProto.type carries (written before IR version 2).
AttributeType type_of_field(uint32_t field) {
  constexpr std::array<AttributeType, 12> kByField = {
      AttributeType::undefined, AttributeType::undefined, AttributeType::real,
      AttributeType::integer,   AttributeType::text,      AttributeType::tensor,
      AttributeType::graph,     AttributeType::reals,     AttributeType::integers,
      AttributeType::texts,     AttributeType::tensors,   AttributeType::graphs};
  return field < kByField.size() ? kByField[field] : AttributeType::undefined;
}

Attribute decode_attribute(std::string_view message, const Limits& limits) {
  Attribute attribute;
  attribute.message = message;
  AttributeType seen = AttributeType::undefined;
  for (Message m(message, "AttributeProto"); m.next();) {
    switch (m.field()) {
      case AttributeField::name: attribute.name = decode_name(m, limits); break;
      case AttributeField::reference: attribute.reference = decode_name(m, limits); break;
      case AttributeField::type: {
        const int64_t type = m.integer();
        if (type < 0 || type > static_cast<int64_t>(AttributeType::types))
          fail(Code::invalid_model, "AttributeProto: type ", type, " does not exist");
        attribute.type = static_cast<AttributeType>(type);
        break;
      }
      default:
        if (type_of_field(m.field()) != AttributeType::undefined) seen = type_of_field(m.field());
    }
  }
  if (attribute.type == AttributeType::undefined) attribute.type = seen;
  return attribute;
}

NodeProto decode_node(std::string_view message, const Limits& limits) {
  NodeProto node;
  for (Message m(message, "NodeProto"); m.next();) {
    switch (m.field()) {
      case NodeField::input: node.inputs.push_back(decode_name(m, limits)); break;
      case NodeField::output: node.outputs.push_back(decode_name(m, limits)); break;
      case NodeField::name: node.name = decode_name(m, limits); break;
      case NodeField::op_type: node.op_type = decode_name(m, limits); break;
      case NodeField::domain: node.domain = decode_name(m, limits); break;
      case NodeField::overload: node.overload = decode_name(m, limits); break;
      case NodeField::attribute:
        node.attributes.push_back(decode_attribute(m.bytes(), limits));
        break;
      default: break;
    }
  }
  if (node.domain == "ai.onnx") node.domain = {};
  while (!node.inputs.empty() && node.inputs.back().empty()) node.inputs.pop_back();
  while (!node.outputs.empty() && node.outputs.back().empty()) node.outputs.pop_back();
  return node;
}

void decode_node_into(std::vector<NodeProto>& nodes, std::string_view message,
                      const Limits& limits) try {
  check(static_cast<int64_t>(nodes.size()) < limits.nodes, Code::invalid_model,
        "a graph of more than ", limits.nodes, " nodes");
  nodes.push_back(decode_node(message, limits));
} catch (const Error& error) {
  throw error.with("node ", nodes.size(), " of its graph");
}

OpsetId decode_opset(std::string_view message) {
  OpsetId opset;
  for (Message m(message, "OperatorSetIdProto"); m.next();) {
    if (m.field() == OpsetField::domain) opset.domain = m.bytes();
    else if (m.field() == OpsetField::version) opset.version = m.integer();
  }
  if (opset.domain == "ai.onnx") opset.domain = {};
  return opset;
}

std::pair<std::string_view, std::string_view> decode_entry(std::string_view message) {
  std::pair<std::string_view, std::string_view> entry;
  for (Message m(message, "StringStringEntryProto"); m.next();) {
    if (m.field() == EntryField::key) entry.first = m.bytes();
    else if (m.field() == EntryField::value) entry.second = m.bytes();
  }
  return entry;
}

NamedType decode_info(std::string_view message, const Limits& limits) {
  NamedType info;
  for (Message m(message, "ValueInfoProto"); m.next();) {
    if (m.field() == InfoField::name) info.name = decode_name(m, limits);
    else if (m.field() == InfoField::type) info.type = m.bytes();
  }
  return info;
}

StatedDim decode_dim(std::string_view message, const Limits& limits) {
  StatedDim dim;
  for (Message m(message, "TensorShapeProto.Dimension"); m.next();) {
    if (m.field() == DimField::value) dim.value = m.integer();
    else if (m.field() == DimField::name) dim.name = decode_name(m, limits);
  }
  if (dim.value && *dim.value < -1)
    fail(Code::invalid_model, "TypeProto: a dimension of ", *dim.value);
  if (dim.value == -1) dim.value.reset();  // some exporters write an unknown size so
  return dim;
}

void decode_tensor_type(std::string_view message, const Limits& limits, StatedType& type) {
  int64_t element = 0;
  for (Message m(message, "TypeProto.Tensor"); m.next();) {
    if (m.field() == TensorTypeField::element) {
      element = m.integer();
    } else if (m.field() == TensorTypeField::shape) {
      type.dims.emplace();
      for (Message s(m.bytes(), "TensorShapeProto"); s.next();) {
        if (s.field() != ShapeField::dim) continue;
        type.dims->push_back(decode_dim(s.bytes(), limits));
        check(type.dims->size() <= static_cast<size_t>(limits.rank), Code::invalid_model,
              "TypeProto: more than ", limits.rank, " dimensions");
      }
    }
  }
  const auto dtype = dtype_of(element);
  check(dtype.has_value(), Code::invalid_model, "TypeProto: element type ", element,
        element == 0 ? " (undefined)" : " is not one of ONNX");
  type.dtype = *dtype;
}

}  // namespace

std::string_view describe(AttributeType type) {
  constexpr std::array<std::string_view, 15> kNames = {"nothing",
                                                       "a float",
                                                       "an integer",
                                                       "a string",
                                                       "a tensor",
                                                       "a graph",
                                                       "a list of floats",
                                                       "a list of integers",
                                                       "a list of strings",
                                                       "a list of tensors",
                                                       "a list of graphs",
                                                       "a sparse tensor",
                                                       "a list of sparse tensors",
                                                       "a type",
                                                       "a list of types"};
  return kNames[static_cast<size_t>(type)];
}

std::optional<DType> dtype_of(int64_t onnx_data_type) {
  if (onnx_data_type < 1 || onnx_data_type >= static_cast<int64_t>(kDataTypes.size()))
    return std::nullopt;
  return kDataTypes[static_cast<size_t>(onnx_data_type)];
}

ModelProto decode_model(std::string_view message) {
  ModelProto model;
  for (Message m(message, "ModelProto"); m.next();) {
    switch (m.field()) {
      case ModelField::ir_version: model.ir_version = m.integer(); break;
      case ModelField::producer: model.producer = m.bytes(); break;
      case ModelField::producer_version: model.producer_version = m.bytes(); break;
      case ModelField::graph: model.graph = m.bytes(); break;
      case ModelField::opset: model.opsets.push_back(decode_opset(m.bytes())); break;
      case ModelField::metadata: model.metadata.push_back(decode_entry(m.bytes())); break;
      case ModelField::function: model.functions.push_back(m.bytes()); break;
      default: break;
    }
  }
  return model;
}

GraphProto decode_graph(std::string_view message, const Limits& limits) {
  GraphProto graph;
  for (Message m(message, "GraphProto"); m.next();) {
    switch (m.field()) {
      case GraphField::node: decode_node_into(graph.nodes, m.bytes(), limits); break;
      case GraphField::name: graph.name = decode_name(m, limits); break;
      case GraphField::tensor: graph.tensors.push_back(m.bytes()); break;
      case GraphField::sparse_tensor: graph.sparse_tensors.push_back(m.bytes()); break;
      case GraphField::input: graph.inputs.push_back(decode_info(m.bytes(), limits)); break;
      case GraphField::value: graph.values.push_back(decode_info(m.bytes(), limits)); break;
      case GraphField::output: graph.outputs.push_back(decode_info(m.bytes(), limits)); break;
      default: break;
    }
    check(
        static_cast<int64_t>(graph.tensors.size() + graph.sparse_tensors.size()) <= limits.tensors,
        Code::invalid_model, "a graph of more than ", limits.tensors, " initializers");
    check(static_cast<int64_t>(graph.inputs.size() + graph.outputs.size()) <= limits.interface,
          Code::invalid_model, "a graph of more than ", limits.interface, " inputs and outputs");
  }
  return graph;
}

FunctionProto decode_function(std::string_view message, const Limits& limits) {
  FunctionProto function;
  for (Message m(message, "FunctionProto"); m.next();) {
    switch (m.field()) {
      case FunctionField::name: function.name = decode_name(m, limits); break;
      case FunctionField::domain: function.domain = decode_name(m, limits); break;
      case FunctionField::overload: function.overload = decode_name(m, limits); break;
      case FunctionField::input: function.inputs.push_back(decode_name(m, limits)); break;
      case FunctionField::output: function.outputs.push_back(decode_name(m, limits)); break;
      case FunctionField::attribute: function.attributes.push_back(decode_name(m, limits)); break;
      case FunctionField::default_attribute:
        function.defaults.push_back(decode_attribute(m.bytes(), limits));
        break;
      case FunctionField::opset: function.opsets.push_back(decode_opset(m.bytes())); break;
      case FunctionField::node: decode_node_into(function.nodes, m.bytes(), limits); break;
      default: break;
    }
  }
  if (function.domain == "ai.onnx") function.domain = {};
  return function;
}

TensorProto decode_tensor(std::string_view message, const Limits& limits) {
  TensorProto tensor;
  tensor.message = message;
  for (Message m(message, "TensorProto"); m.next();) {
    switch (m.field()) {
      case TensorField::dims:
        m.integers(tensor.dims, static_cast<size_t>(limits.rank), "dimensions");
        break;
      case TensorField::data_type: tensor.data_type = m.integer(); break;
      case TensorField::segment: tensor.is_segment = true; break;
      case TensorField::name: tensor.name = decode_name(m, limits); break;
      case TensorField::raw: tensor.raw = m.bytes(); break;
      case TensorField::location: tensor.is_external = m.integer() == 1; break;
      case TensorField::external: {
        const auto [key, value] = decode_entry(m.bytes());
        if (key == "location") tensor.external.location = value;
        else if (key == "offset") tensor.external.offset = value;
        else if (key == "length") tensor.external.length = value;
        break;
      }
      default: break;
    }
  }
  return tensor;
}

std::string_view name_of_tensor(std::string_view message) try {
  std::string_view name;
  for (Message m(message, "TensorProto"); m.next();)
    if (m.field() == TensorField::name) name = m.bytes();
  return name;
} catch (const Error&) {
  return {};
}

SparseTensorProto decode_sparse_tensor(std::string_view message, const Limits& limits) {
  SparseTensorProto tensor;
  for (Message m(message, "SparseTensorProto"); m.next();) {
    if (m.field() == SparseField::values) tensor.values = decode_tensor(m.bytes(), limits);
    else if (m.field() == SparseField::indices) tensor.indices = decode_tensor(m.bytes(), limits);
    else if (m.field() == SparseField::dims)
      m.integers(tensor.dims, static_cast<size_t>(limits.rank), "dimensions");
  }
  return tensor;
}

TypedData decode_typed_data(std::string_view tensor_message, size_t most) {
  TypedData data;
  bool first = true;
  for (Message m(tensor_message, "TensorProto"); m.next();) {
    switch (m.field()) {
      case TensorField::floats:
        if (first && m.is_packed()) {
          data.packed_floats = m.bytes();  // the usual case: all of them in one piece
          first = false;
          break;
        }
        if (!data.packed_floats.empty()) m.fail("float_data in several pieces");
        m.reals(data.floats);
        first = false;
        break;
      case TensorField::doubles: m.doubles(data.doubles); break;
      case TensorField::int32s:
      case TensorField::int64s:
      case TensorField::uint64s: m.integers(data.integers, most); break;
      case TensorField::strings:
        if (data.strings.size() >= most) m.fail("more strings than the shape has elements");
        data.strings.push_back(m.bytes());
        break;
      default: break;
    }
  }
  return data;
}

StatedType decode_type(std::string_view message, const Limits& limits, int depth) {
  check(depth <= limits.depth, Code::invalid_model, "TypeProto: nested deeper than ", limits.depth);
  StatedType type;
  for (Message m(message, "TypeProto"); m.next();) {
    switch (m.field()) {
      case TypeField::tensor:
        type.kind = Type::Kind::tensor;
        decode_tensor_type(m.bytes(), limits, type);
        break;
      case TypeField::sequence:
      case TypeField::optional: {
        type.kind = m.field() == TypeField::sequence ? Type::Kind::sequence : Type::Kind::optional;
        type.element.clear();
        for (Message e(m.bytes(), "TypeProto"); e.next();)
          if (e.field() == ElementField::type)
            type.element = {decode_type(e.bytes(), limits, depth + 1)};
        check(!type.element.empty(), Code::invalid_model, "TypeProto: no element type");
        break;
      }
      case TypeField::map: fail(Code::unsupported, "a map");
      case TypeField::opaque: fail(Code::unsupported, "an opaque type");
      case TypeField::sparse: fail(Code::unsupported, "a sparse tensor");
      default: break;
    }
  }
  return type;
}

}  // namespace hone::onnx
