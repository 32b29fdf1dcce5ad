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
#include "ir/graph.hpp"

namespace hone::onnx {

class NodeReader;
class GraphImport;  // a graph being imported (graph_import.hpp)
struct NodeProto;   // proto.hpp
struct Attribute;   // proto.hpp
struct GraphProto;  // proto.hpp
struct StatedType;  // proto.hpp
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

/// The closed bodies of a control flow node. Every body takes `captures` after its own inputs.
struct Bodies {
  std::vector<Body> bodies;      // in the order asked
  std::vector<Value*> captures;  // operands of the node for what the bodies read from outside
};

/// TensorProto.DataType to DType; nullopt for values that ONNX does not define.
std::optional<DType> dtype_of(int64_t onnx_data_type);

class NodeReader {
 public:
  NodeReader(GraphImport& import, const NodeProto& node, int opset, const CallContext* call);
  NodeReader(const NodeReader&) = delete;
  NodeReader& operator=(const NodeReader&) = delete;

  int opset() const { return opset_; }  // version of the node's domain
  std::string_view op_type() const;
  std::string_view domain() const;                       // "" for ai.onnx
  const std::string& origin() const { return origin_; }  // the node's name for people
  Graph& graph() const;

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
  /// Imports the bodies named by graph attributes (all required). What they read from outside
  /// becomes inputs after each body's own ones, which have `own_types`; large constants too; small
  /// ones are copied in. Leaves the node when a body has problems (they are in the report then).
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

  // Inputs: of the ONNX node, trailing absent ones not counted.
  int inputs() const { return static_cast<int>(inputs_.size()); }
  Value* input(int i) const;     // null: absent
  Value* required(int i) const;  // Error(invalid_model) when absent
  std::vector<Value*> all_inputs() const { return inputs_; }
  /// Element type of a tensor input; nullopt: absent or no tensor.
  std::optional<DType> dtype_in(int i) const;
  std::optional<int> rank(int i) const;  // nullopt: absent or unknown
  /// Contents of a constant integer tensor, of any constant tensor that is here.
  std::optional<std::vector<int64_t>> constant_ints(int i) const;
  /// The one element of an integer or bool operand, constant or known by inference.
  std::optional<int64_t> known_scalar(int i) const;
  const Tensor* constant_tensor(int i) const;  // null: not a constant, or its data is elsewhere

  // Outputs: how many the ONNX node has (trailing absent ones not counted).
  int outputs() const;
  bool wants(int i) const;  // output i has a name

  /// A node with one result, bound to ONNX output 0. Types are inferred at once.
  Value* emit(Op op, std::vector<Value*> inputs);
  /// A node with as many results as the ONNX node has outputs (or `results`, if more), each bound
  /// (null: nobody wants it).
  std::vector<Value*> emit_all(Op op, std::vector<Value*> inputs, int results = 0);
  /// A node with one result that is bound to no output; `hint` makes part of its name.
  Value* intermediate(Op op, std::vector<Value*> inputs, std::string_view hint);
  std::vector<Value*> intermediates(Op op, std::vector<Value*> inputs, int results,
                                    std::string_view hint);
  /// A constant; small ones print as literals.
  Value* constant(Tensor tensor, std::string_view hint);
  /// Binds ONNX output i to a value that exists.
  void give(int i, Value* value);

  /// Reports that Hone cannot run this node (Code::unsupported): what is the matter, and what the
  /// user may do. The import function should then return; its outputs count as failed.
  void problem(std::string what, std::string suggestion = {});
  /// Leaves the node with Error(unsupported), Error(invalid_model).
  template <class... Parts>
  [[noreturn]] void unsupported(const Parts&... parts) const {
    hone::fail(Code::unsupported, parts...);
  }
  template <class... Parts>
  [[noreturn]] void invalid(const Parts&... parts) const {
    hone::fail(Code::invalid_model, parts...);
  }
  template <class... Parts>
  void check(bool condition, const Parts&... parts) const {
    if (!condition) [[unlikely]]
      invalid(parts...);
  }

  // For the importer of graphs.
  bool failed() const { return failed_; }
  std::vector<std::string_view> unread_attributes() const;
  Value* bound(int i) const { return bound_[static_cast<size_t>(i)]; }

 private:
  const Attribute* find(std::string_view name);
  const Attribute* find(std::string_view name, AttributeType type);
  GraphProto body_proto(std::string_view name);
  std::string output_name(int i) const;
  Node* add(Op op, std::vector<Value*> inputs, const std::vector<std::string>& names);

  GraphImport& import_;
  const NodeProto& node_;
  const CallContext* call_;  // the function call this node stands in; null: none
  int opset_;
  std::string origin_;
  std::vector<Value*> inputs_, bound_;
  std::vector<bool> read_;  // by attribute
  bool failed_ = false;
};

}  // namespace hone::onnx
