#pragma once
// A graph or a call of a function being imported: names of nodes on one side, values on the other.
// Only what the wanted results need is imported: the rest of a file trains and saves the network.

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "import/builder/frame.hpp"
#include "import/builder/node_builder.hpp"
#include "import/tensorflow/edge.hpp"
#include "import/tensorflow/item.hpp"
#include "import/tensorflow/node_reader.hpp"
#include "import/tensorflow/proto.hpp"

namespace hone::tensorflow {

using NodeIndex = std::unordered_map<std::string_view, uint32_t>;

/// What all graphs and functions of a file share.
class ModelContext {
 public:
  /// `variable`: the contents of a variable by the name of its handle's node.
  using Variable = std::function<StoredVariable(std::string_view node)>;

  ModelContext(const Importers& importers, const GraphFile& file, builder::Frame& root,
               Variable variable);
  ModelContext(const ModelContext&) = delete;
  ModelContext& operator=(const ModelContext&) = delete;

  const Importers& importers() const { return importers_; }
  const GraphDef* function(std::string_view name) const;  // null: none
  /// The first by name of the functions' nodes whose operator begins so; "": none.
  std::string_view node_of(std::string_view op) const;
  /// Nodes by their names. Error(invalid_model): two have one.
  const NodeIndex& index(const GraphDef& graph);
  /// A variable's contents as a value of the outermost graph, made once.
  Item variable(std::string_view node);

 private:
  const Importers& importers_;
  builder::Frame& root_;
  Variable variable_;
  std::unordered_map<std::string_view, const GraphDef*> functions_;
  std::unordered_map<const GraphDef*, NodeIndex> indices_;
  std::unordered_map<std::string_view, Item> variables_;
};

class GraphImport {
 public:
  /// `prefix` stands before the names of nodes; `depth`: how many calls and bodies are around.
  GraphImport(ModelContext& context, builder::Frame& frame, const GraphDef& graph,
              std::string prefix, int depth);
  GraphImport(const GraphImport&) = delete;
  GraphImport& operator=(const GraphImport&) = delete;

  /// The results of a node, or a function's input, whatever the file says of it.
  void define(std::string_view name, std::vector<Item> results);
  /// The nodes that these edges need, in the order of the file.
  std::vector<uint32_t> needed(const std::vector<std::string_view>& edges);
  /// Imports these nodes, and gives what the edges stand for.
  std::vector<Item> import(const std::vector<std::string_view>& edges);
  /// Results of a function for these inputs, its nodes written into `frame`.
  std::vector<Item> call(std::string_view function, builder::Frame& frame,
                         const std::vector<Item>& inputs, std::string_view caller);

  ModelContext& context() const { return context_; }
  builder::Frame& frame() const { return frame_; }
  const GraphDef& graph() const { return graph_; }
  /// The item's value as this frame's graph sees it; null: it is none.
  Value* value_of(const Item& item) const;
  /// The name of result `i` of a node.
  std::string value_name(std::string_view node, size_t i) const;

 private:
  /// A node on its way: results are as many as are read.
  struct State {
    bool is_defined = false;
    size_t wanted = 0;
    std::vector<Item> results;
  };
  const NodeDef& node(uint32_t i) const { return graph_.nodes[i]; }
  std::vector<Edge> reads(uint32_t i) const;
  bool follows_control(const Edge& edge) const;
  const NodeDef* find_node(std::string_view name) const;
  size_t flat_index(const Edge& edge) const;
  void want(const Edge& edge);
  Item find(const Edge& edge) const;
  void import_node(uint32_t i);
  std::vector<Item> results_of(uint32_t i);
  builder::NodePlace place(const NodeDef& def, const std::vector<Item>& items, size_t results);
  std::string origin(const NodeDef& def) const;
  std::string full_name(std::string_view name) const;
  void report_cycle(const std::vector<uint32_t>& cycle);

  ModelContext& context_;
  builder::Frame& frame_;
  const GraphDef& graph_;
  std::string prefix_;
  int depth_;
  const NodeIndex& index_;
  std::unordered_map<std::string_view, std::vector<Item>> defined_;
  std::unordered_map<uint32_t, State> states_;
};

}  // namespace hone::tensorflow
