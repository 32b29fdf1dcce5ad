#pragma once
// What the author of an op family sees of one ONNX node, and the table of functions that import
// nodes.
//
//   void import_leaky_relu(NodeReader& node) {
//     node.emit(LeakyRelu{.alpha = node.real("alpha", 0.01f)}, {node.input(0)});
//   }
//   void register_activations(Importers& importers) {
//     importers.add("LeakyRelu", import_leaky_relu);
//   }

#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "import/builder/node_builder.hpp"
#include "import/builder/stated_type.hpp"
#include "ir/graph.hpp"

namespace hone::onnx {

using builder::Bodies;
using builder::StatedType;

class NodeReader;
class GraphImport;  // a graph being imported (graph_import.hpp)
struct NodeProto;   // proto.hpp
struct Attribute;   // proto.hpp
struct GraphProto;  // proto.hpp
enum class AttributeType : uint8_t;
struct CallContext;  // graph_import.hpp

/// Imports one node: reads its attributes and inputs, emits nodes, binds every wanted output.
/// Error (from fail, infer or evaluation) becomes a problem of this node; the import goes on.
using ImportFunction = void (*)(NodeReader&);

/// Which function imports which operator.
class Importers {
 public:
  static constexpr int kAnyVersion = 9999;

  /// `f` understands the operator as opsets `from` ... `to` of `domain` define it ("" is the
  /// default domain, ai.onnx). One function may cover many versions and ask node.opset().
  /// Ranges of one operator must not overlap: Error(internal).
  void add(std::string_view op_type, ImportFunction f, int from = 1, int to = kAnyVersion,
           std::string_view domain = "");

  struct Found {
    ImportFunction f = nullptr;  // null: no function for this version
    bool known = false;          // the operator is known in some version
    int least = 0, most = 0;     // versions of the nearest range, when known
  };
  Found find(std::string_view domain, std::string_view op_type, int opset) const;
  /// Names of the operators of a domain, sorted.
  std::vector<std::string_view> names(std::string_view domain) const;

 private:
  struct Row {
    int from, to;
    ImportFunction f;
  };
  using Rows = std::map<std::string, std::vector<Row>, std::less<>>;  // by operator
  std::map<std::string, Rows, std::less<>> domains_;
};

/// Generated: calls register_<family>(Importers&) of every file in families/.
void register_all_importers(Importers& importers);

/// TensorProto.DataType to DType; nullopt for values that ONNX does not define.
std::optional<DType> dtype_of(int64_t onnx_data_type);

class NodeReader : public builder::NodeBuilder {
 public:
  NodeReader(GraphImport& import, const NodeProto& node, int opset, const CallContext* call);

  int opset() const { return opset_; }  // version of the node's domain
  std::string_view op_type() const;
  std::string_view domain() const;  // "" for ai.onnx

  // Attributes. Reading one with another type than the file gives is an error of the node.
  // Every attribute of the node must be read or ignored; what is left is reported as unknown.
  bool has(std::string_view name) const;  // does not count as reading
  int64_t integer(std::string_view name, int64_t otherwise);
  int64_t integer(std::string_view name);  // required
  std::optional<int64_t> optional_integer(std::string_view name);
  float real(std::string_view name, float otherwise);
  bool flag(std::string_view name, bool otherwise);  // an integer attribute: 0 is false
  std::string text(std::string_view name, std::string_view otherwise);
  DType dtype(std::string_view name, DType otherwise);  // of TensorProto.DataType numbers
  std::vector<int64_t> ints(std::string_view name, std::vector<int64_t> otherwise = {});
  /// For parameters that are a field of Dims or an operand: nullopt when the attribute is absent.
  std::optional<Dims> dims(std::string_view name);
  std::vector<float> reals(std::string_view name, std::vector<float> otherwise = {});
  std::vector<std::string> strings(std::string_view name, std::vector<std::string> otherwise = {});
  std::optional<Tensor> tensor(std::string_view name);         // TensorProto, dense
  std::optional<Tensor> sparse_tensor(std::string_view name);  // SparseTensorProto, made dense
  std::optional<Type> type(
      std::string_view name);  // TypeProto; sizes that are no numbers: unranked
  /// Imports the bodies named by graph attributes (all required), whose own inputs have `own_types`
  /// (builder::make_bodies). Leaves the node when a body has problems (they are in the report).
  Bodies bodies(std::initializer_list<std::string_view> names,
                const std::vector<Type>& own_types = {});
  /// What the body named by a graph attribute says of the types of its inputs and outputs (kind
  /// none: nothing). Does not count as reading.
  struct Signature {
    std::vector<StatedType> inputs, outputs;
  };
  Signature signature(std::string_view name);
  /// Imports a body into the surrounding graph, its own inputs being these values: its results.
  std::vector<Value*> inline_body(std::string_view name, const std::vector<Value*>& own = {});
  void ignore(std::string_view name);

  // For the importer of graphs.
  std::vector<std::string_view> unread_attributes() const;

 private:
  const Attribute* find(std::string_view name);
  const Attribute* find(std::string_view name, AttributeType type);
  GraphProto body_proto(std::string_view name);

  GraphImport& import_;
  const NodeProto& node_;
  const CallContext* call_;  // the function call this node stands in; null: none
  int opset_;
  std::vector<bool> read_;  // by attribute
};

}  // namespace hone::onnx
