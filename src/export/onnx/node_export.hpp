#pragma once
// What the author of an op family sees of one node to be written as ONNX, and the table of
// functions that write nodes. An op without a row is written as the operator of its name: changed
// fields are attributes, parameters are operands. A row is needed where the two spell it
// differently.
//
//   void export_split(NodeExport& node) { node.plain().set("num_outputs", ...); }
//   void register_split(Exporters& exporters) { exporters.add("Split", export_split); }

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "export/onnx/model.hpp"

namespace hone::onnx {

class GraphExport;
class NodeExport;

using ExportFunction = void (*)(NodeExport&);

class Exporters {
 public:
  /// How ops of this name are written.
  void add(std::string_view op, ExportFunction f);
  /// Operand `field` of the op, known as a number, is a tensor of rank 0 there.
  void scalar(std::string_view op, std::string_view field);
  /// Versions before `version` take the same attributes and mean something else.
  void since(std::string_view op, int version);

  ExportFunction find(std::string_view op) const;  // null: no row
  bool is_scalar(std::string_view op, std::string_view field) const;
  int since(std::string_view op) const;  // 1 unless said

 private:
  std::map<std::string, ExportFunction, std::less<>> functions_;
  std::set<std::pair<std::string, std::string>> scalars_;  // op, field
  std::map<std::string, int, std::less<>> versions_;
};

/// Generated: calls register_<family>(Exporters&) of every file in families/.
void register_all_exporters(Exporters& exporters);

class NodeExport {
 public:
  NodeExport(GraphExport& graph, const Node& node, int since)
      : graph_(graph), node_(node), since_(since) {}
  NodeExport(const NodeExport&) = delete;
  NodeExport& operator=(const NodeExport&) = delete;

  const Node& node() const { return node_; }
  template <class T>
  const T& op() const {
    return *node_.op.as<T>();
  }
  size_t inputs() const { return node_.inputs.size(); }
  std::string input(size_t i) const;  // the file's name; "": absent
  std::string output(size_t i = 0) const;
  std::optional<DType> dtype_in(size_t i) const;
  std::optional<int> rank_in(size_t i) const;

  /// The node as the op of the same name and operands. What comes back may be changed until the
  /// next node is added. "" as the domain: that of the operators with this name, ai.onnx first.
  NodeModel& plain(std::string_view op_type = {}, std::string_view domain = {});
  /// A node with these operands that gives output `i`; by itself it has no attributes.
  NodeModel& add(std::string_view op_type, std::vector<std::string> inputs, size_t output = 0);
  /// A node before the others; its result's name is the first output's with `hint`.
  std::string intermediate(std::string_view op_type, std::vector<std::string> inputs,
                           std::vector<AttributeModel> attributes, std::string_view hint);
  std::string constant(Tensor tensor, std::string_view hint);
  /// An i64 vector of these dims: a constant, or computed from shapes.
  std::string dims(const Dims& dims, std::string_view hint);
  /// An i64 scalar.
  std::string scalar(const Dim& dim, std::string_view hint);
  /// Attribute `name` as a graph: what the body reads from outside are operands from `first` on;
  /// inputs of its own come before those. Its outputs from `result` on are the node's.
  AttributeModel::Data body(const Body& body, size_t first, size_t own_inputs = 0,
                            size_t result = 0);

  /// A call of a function of the file that does what `body` does, a region's.
  NodeModel& call(const Graph& body);

  template <class... Parts>
  [[noreturn]] void unsupported(const Parts&... parts) const {
    fail(Code::unsupported, parts...);
  }

 private:
  void add_fields(NodeModel& model);

  GraphExport& graph_;
  const Node& node_;
  int since_;
};

}  // namespace hone::onnx
