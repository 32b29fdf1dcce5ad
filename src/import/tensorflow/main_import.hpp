#pragma once
// The graph of a file as a network: its inputs, its outputs, what is between them.

#include <string>
#include <string_view>
#include <vector>

#include "import/builder/stated_type.hpp"
#include "import/tensorflow/graph_import.hpp"

namespace hone::tensorflow {

class MainImport {
 public:
  MainImport(ModelContext& context, builder::Frame& frame, const GraphFile& file);

  /// An input that a signature names: what the edge `info.name` gives.
  void add_input(std::string_view name, const TensorInfo& info);
  /// Inputs are the Placeholders that these results need, outputs have the names in front.
  void import(const std::vector<std::pair<std::string, std::string_view>>& outputs);

 private:
  void add_sound(const NodeDef& decoder);
  void add_placeholder(const NodeDef& placeholder);
  Item input(std::string_view name, int64_t type, const StatedShape& shape);
  void add_output(const std::string& name, const Item& item);

  ModelContext& context_;
  builder::Frame& frame_;
  const GraphFile& file_;
  GraphImport graph_;
  builder::SymbolNames symbols_;
};

/// All that there are.
const Importers& importers();

/// Results that no node reads, in the order of the file; what only trains, saves or tells is none,
/// nor what other nodes only wait for, where there are others.
std::vector<std::string_view> unread_results(const GraphDef& graph);

}  // namespace hone::tensorflow
