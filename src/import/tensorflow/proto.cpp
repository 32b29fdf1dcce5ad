#include "import/tensorflow/proto.hpp"

#include <algorithm>
#include <array>

#include "import/protobuf.hpp"
#include "import/report.hpp"

namespace hone::tensorflow {
namespace {

void check_count(size_t count, int64_t most, std::string_view what) {
  check(static_cast<int64_t>(count) <= most, Code::invalid_model, "more than ", most, " ", what);
}

/// An entry of a map: its key and its value.
std::pair<std::string_view, std::string_view> decode_entry(std::string_view message,
                                                           std::string_view what) {
  std::pair<std::string_view, std::string_view> entry;
  for (Message m(message, what); m.next();) {
    if (m.field() == 1) entry.first = m.bytes();
    else if (m.field() == 2) entry.second = m.bytes();
  }
  return entry;
}

NodeDef decode_node(std::string_view message, const Limits& limits) {
  NodeDef node;
  for (Message m(message, "NodeDef"); m.next();) switch (m.field()) {
      case 1: node.name = m.bytes(); break;
      case 2: node.op = m.bytes(); break;
      case 3: node.inputs.push_back(m.bytes()); break;
      case 5: node.attributes.push_back(decode_entry(m.bytes(), "NodeDef.attr")); break;
      default: break;
    }
  check(node.name.size() <= limits.name_bytes, Code::invalid_model, "a name of ", node.name.size(),
        " bytes");
  check_count(node.inputs.size(), limits.interface, "inputs of one node");
  return node;
}

Argument decode_argument(std::string_view message) {
  Argument argument;
  for (Message m(message, "OpDef.ArgDef"); m.next();) {
    if (m.field() == 1) argument.name = m.bytes();
    else if (m.field() == 3) argument.type = m.integer();
  }
  return argument;
}

/// The name and the inputs; outputs in the order of the signature, their edges still unknown.
void decode_function_signature(std::string_view message, GraphDef& function) {
  for (Message m(message, "OpDef"); m.next();) {
    if (m.field() == 1) function.name = m.bytes();
    else if (m.field() == 2) function.inputs.push_back(decode_argument(m.bytes()));
    else if (m.field() == 3) function.results.emplace_back(decode_argument(m.bytes()).name, "");
  }
}

/// Shapes of inputs as attributes of arguments state them (_output_shapes or _user_specified...).
void decode_argument_shape(std::string_view message, GraphDef& function, const Limits& limits) {
  int64_t index = 0;
  std::string_view attributes;
  for (Message m(message, "FunctionDef.arg_attr"); m.next();) {
    if (m.field() == 1) index = m.integer();
    else if (m.field() == 2) attributes = m.bytes();
  }
  if (index < 0 || index >= static_cast<int64_t>(function.inputs.size())) return;
  for (Message m(attributes, "ArgAttrs"); m.next();) {
    if (m.field() != 1) continue;
    const auto [name, value] = decode_entry(m.bytes(), "ArgAttrs.attr");
    if (name != "_output_shapes") continue;
    for (Message list(value, "AttrValue"); list.next();) {
      if (list.field() != 1) continue;
      for (Message shapes(list.bytes(), "AttrValue.ListValue"); shapes.next();)
        if (shapes.field() == 7)
          function.inputs[static_cast<size_t>(index)].shape = decode_shape(shapes.bytes(), limits);
    }
  }
}

GraphDef decode_function(std::string_view message, const Limits& limits) {
  GraphDef function;
  Messages edges;
  std::vector<std::string_view> shapes;
  for (Message m(message, "FunctionDef"); m.next();) switch (m.field()) {
      case 1: decode_function_signature(m.bytes(), function); break;
      case 3: function.nodes.push_back(decode_node(m.bytes(), limits)); break;
      case 4: edges.push_back(decode_entry(m.bytes(), "FunctionDef.ret")); break;
      case 7: shapes.push_back(m.bytes()); break;
      default: break;
    }
  check_count(function.inputs.size() + function.results.size(), limits.interface,
              "inputs and outputs of one function");
  for (const std::string_view shape : shapes) decode_argument_shape(shape, function, limits);
  for (auto& [name, edge] : function.results) {
    const auto found = std::find_if(edges.begin(), edges.end(),
                                    [&, of = name](const auto& each) { return each.first == of; });
    if (found != edges.end()) edge = found->second;
  }
  return function;
}

void decode_signature_side(std::string_view message, std::map<std::string_view, TensorInfo>& side,
                           const Limits& limits) {
  const auto [key, value] = decode_entry(message, "SignatureDef");
  TensorInfo& info = side[key];
  for (Message m(value, "TensorInfo"); m.next();) switch (m.field()) {
      case 1: info.name = m.bytes(); break;
      case 2: info.type = m.integer(); break;
      case 3: info.shape = decode_shape(m.bytes(), limits); break;
      default: break;
    }
}

void decode_signature(std::string_view message, MetaGraph& meta, const Limits& limits) {
  const auto [key, value] = decode_entry(message, "MetaGraphDef.signature_def");
  Signature& signature = meta.signatures[key];
  for (Message m(value, "SignatureDef"); m.next();) {
    if (m.field() == 1) decode_signature_side(m.bytes(), signature.inputs, limits);
    else if (m.field() == 2) decode_signature_side(m.bytes(), signature.outputs, limits);
  }
}

MetaGraph decode_meta_graph(std::string_view message, const Limits& limits) {
  MetaGraph meta;
  for (Message m(message, "MetaGraphDef"); m.next();) switch (m.field()) {
      case 1:
        for (Message info(m.bytes(), "MetaInfoDef"); info.next();) {
          if (info.field() == 4) meta.tags.push_back(info.bytes());
          else if (info.field() == 5) meta.version = info.bytes();
        }
        break;
      case 2: meta.graph = m.bytes(); break;
      case 3:
        for (Message saver(m.bytes(), "SaverDef"); saver.next();)
          if (saver.field() == 3) meta.restore_op = saver.bytes();
        break;
      case 5: decode_signature(m.bytes(), meta, limits); break;
      default: break;
    }
  return meta;
}

bool is_identifier(std::string_view text) {
  return !text.empty() && text.size() < 128 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

constexpr std::array<std::string_view, 31> kTypeNames = {"DT_INVALID",
                                                         "DT_FLOAT",
                                                         "DT_DOUBLE",
                                                         "DT_INT32",
                                                         "DT_UINT8",
                                                         "DT_INT16",
                                                         "DT_INT8",
                                                         "DT_STRING",
                                                         "DT_COMPLEX64",
                                                         "DT_INT64",
                                                         "DT_BOOL",
                                                         "DT_QINT8",
                                                         "DT_QUINT8",
                                                         "DT_QINT32",
                                                         "DT_BFLOAT16",
                                                         "DT_QINT16",
                                                         "DT_QUINT16",
                                                         "DT_UINT16",
                                                         "DT_COMPLEX128",
                                                         "DT_HALF",
                                                         "DT_RESOURCE",
                                                         "DT_VARIANT",
                                                         "DT_UINT32",
                                                         "DT_UINT64",
                                                         "DT_FLOAT8_E5M2",
                                                         "DT_FLOAT8_E4M3FN",
                                                         "DT_FLOAT8_E4M3FNUZ",
                                                         "DT_FLOAT8_E4M3B11FNUZ",
                                                         "DT_FLOAT8_E5M2FNUZ",
                                                         "DT_INT4",
                                                         "DT_UINT4"};

}  // namespace

std::optional<std::string_view> NodeDef::attribute(std::string_view wanted) const {
  for (const auto& [key, value] : attributes)
    if (key == wanted) return value;
  return std::nullopt;
}

StatedShape decode_shape(std::string_view message, const Limits& limits) {
  std::vector<int64_t> dims;
  bool is_known = true;
  for (Message m(message, "TensorShapeProto"); m.next();) {
    if (m.field() == 3) is_known = m.integer() == 0;
    if (m.field() != 2) continue;
    int64_t size = 0;
    for (Message dim(m.bytes(), "TensorShapeProto.Dim"); dim.next();)
      if (dim.field() == 1) size = dim.integer();
    check(size >= -1, Code::invalid_model, "a dimension of ", size);
    dims.push_back(size);
    check_count(dims.size(), limits.rank, "dimensions of one tensor");
  }
  return is_known ? StatedShape(std::move(dims)) : std::nullopt;
}

GraphFile decode_graph(std::string_view bytes, const Limits& limits) {
  GraphFile file;
  int64_t nodes = 0;
  for (Message m(bytes, "GraphDef"); m.next();) switch (m.field()) {
      case 1: file.graph.nodes.push_back(decode_node(m.bytes(), limits)); break;
      case 2:
        for (Message library(m.bytes(), "FunctionDefLibrary"); library.next();) {
          if (library.field() != 1) continue;
          file.functions.push_back(decode_function(library.bytes(), limits));
          nodes += static_cast<int64_t>(file.functions.back().nodes.size());
          check(nodes <= 4 * limits.nodes, Code::invalid_model, "more than ", 4 * limits.nodes,
                " nodes in functions");
        }
        break;
      case 4:
        for (Message versions(m.bytes(), "VersionDef"); versions.next();)
          if (versions.field() == 1) file.producer = versions.integer();
        break;
      default: break;
    }
  check_count(file.graph.nodes.size(), 4 * limits.nodes, "nodes");
  return file;
}

std::vector<MetaGraph> decode_saved_model(std::string_view bytes, const Limits& limits) {
  std::vector<MetaGraph> graphs;
  for (Message m(bytes, "SavedModel"); m.next();) {
    if (m.field() != 2) continue;
    graphs.push_back(decode_meta_graph(m.bytes(), limits));
    check_count(graphs.size(), 64, "graphs in a SavedModel");
  }
  return graphs;
}

bool looks_like_graph(std::string_view bytes) try {
  Message m(bytes, "GraphDef");
  if (!m.next() || m.field() != 1 || !m.is_packed()) return false;
  std::string_view name, op;
  Message node(m.bytes(), "NodeDef");
  while (node.next()) {
    if (!node.is_packed()) return false;
    if (node.field() == 1) name = node.bytes();
    else if (node.field() == 2) op = node.bytes();
    else if (node.field() > 7) return false;
  }
  return !name.empty() && is_identifier(op);
} catch (const Error&) {
  return false;
}

bool looks_like_saved_model(std::string_view bytes) try {
  Message m(bytes, "SavedModel");
  if (!m.next() || m.field() != 1 || m.is_packed() || m.integer() != 1) return false;
  if (!m.next() || m.field() != 2 || !m.is_packed()) return false;
  // Where ONNX has a text, there is a message whose first one is a message again.
  Message meta(m.bytes(), "MetaGraphDef");
  if (!meta.next() || meta.field() != 1 || !meta.is_packed()) return false;
  for (Message info(meta.bytes(), "MetaInfoDef"); info.next();)
    if (info.field() > 7) return false;
  return meta.next() && meta.field() == 2;
} catch (const Error&) {
  return false;
}

std::optional<DType> dtype_of(int64_t type) {
  switch (type > 100 ? type - 100 : type) {  // references count from 100
    case 1: return DType::f32;
    case 2: return DType::f64;
    case 3:
    case 13: return DType::i32;
    case 4:
    case 12: return DType::u8;
    case 5:
    case 15: return DType::i16;
    case 6:
    case 11: return DType::i8;
    case kString: return DType::string;
    case 8: return DType::c64;
    case 9: return DType::i64;
    case 10: return DType::boolean;
    case 14: return DType::bf16;
    case 16:
    case 17: return DType::u16;
    case 18: return DType::c128;
    case 19: return DType::f16;
    case 22: return DType::u32;
    case 23: return DType::u64;
    case 24: return DType::f8e5m2;
    case 25: return DType::f8e4m3fn;
    default: return std::nullopt;
  }
}

std::string_view type_name(int64_t type) {
  const int64_t plain = type > 100 ? type - 100 : type;
  const bool known = plain >= 0 && plain < static_cast<int64_t>(kTypeNames.size());
  return known ? kTypeNames[static_cast<size_t>(plain)] : "an unknown type";
}

}  // namespace hone::tensorflow
