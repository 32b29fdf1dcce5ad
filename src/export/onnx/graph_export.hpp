#pragma once
// A graph being turned into the model of an ONNX graph.

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "export/onnx/node_export.hpp"

namespace hone::onnx {

/// What the graphs of one model share.
struct ModelExport {
  const Exporters& exporters;
  std::set<std::string, std::less<>> value_names, node_names;  // of all graphs
  std::map<std::string, int> opsets;
  /// Why nodes cannot be written, and which.
  std::map<std::string, std::vector<std::string>> problems;
  std::vector<FunctionModel> functions;
  std::set<std::string, std::less<>> function_names;
};

class GraphExport {
 public:
  GraphExport(ModelExport& model, const Graph& graph, GraphExport* outer);
  GraphExport(const GraphExport&) = delete;
  GraphExport& operator=(const GraphExport&) = delete;

  /// The main graph.
  GraphModel main();
  /// A body whose inputs from the `own`th on stand for `captured` values of the file. `results`:
  /// what its outputs are to the node that holds it.
  GraphModel body(size_t own, const std::vector<std::string>& captured,
                  const std::vector<Type>& results);

  /// A function of the file, known by the name that comes back. `sizes`: gets the symbols that it
  /// takes as operands behind the graph's inputs, each an i64 vector of one element.
  std::string function(std::string_view wanted, std::vector<std::string>& sizes);

  const std::string& name(const Value* value) const;
  NodeModel& add(NodeModel node);
  /// A name that no value of the file has.
  std::string fresh(std::string_view wanted);
  std::string node_name(const Node& node);
  std::string constant(Tensor tensor, std::string_view wanted);
  /// An i64 vector.
  std::string dims(const Dims& dims, std::string_view wanted);
  std::string dim(const Dim& dim);
  ModelExport& model() { return model_; }

 private:
  void name_outputs();
  void name_value(const Value* value);
  bool is_taken(std::string_view name) const;  // here or in a graph around
  bool find_constant_outside(const Value* value);
  void export_nodes();
  void need_versions(size_t first_node);
  void export_outputs();
  std::string wrapped(std::string_view name);
  void problem(const Node& node, std::string_view why);

  // Dimensions as i64 vectors of one element.
  std::string symbol(std::string_view name);
  std::string sum(const Dim& dim);
  std::string arithmetic(std::string_view op_type, std::vector<std::string> inputs);
  std::string numbers(std::vector<int64_t> values);

  ModelExport& model_;
  const Graph& graph_;
  GraphExport* outer_;
  GraphModel made_;
  std::unordered_map<const Value*, std::string> names_;
  std::set<std::string, std::less<>> taken_;
  std::map<std::string, SymbolDefinition, std::less<>> symbols_;
  std::map<std::string, std::string> dims_;  // names of computed dimensions, by text
  std::map<std::vector<int64_t>, std::string> numbers_;
  std::vector<Type> results_;                  // of the node that holds this body
  std::vector<std::string>* sizes_ = nullptr;  // a function: symbols that it takes as operands
};

}  // namespace hone::onnx
