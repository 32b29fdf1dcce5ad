// Calls of functions, which are written out where they are called.

#include "import/tensorflow/graph_import.hpp"
#include "import/tensorflow/node_reader.hpp"

namespace hone::tensorflow {
namespace {

void import_call(NodeReader& node) {
  const std::vector<Item> results =
      node.import().call(node.function("f"), node.frame(), node.items(), node.def().name);
  for (size_t i = 0; i < results.size(); ++i) node.give_item(static_cast<int>(i), results[i]);
}

/// It only says that something was done before; nothing reads it.
void import_nothing(NodeReader&) {}

}  // namespace

void register_call(Importers& importers) {
  for (const std::string_view op : {"PartitionedCall", "StatefulPartitionedCall"}) {
    importers.add(op, import_call);
    importers.add_complex(op, import_call);
  }
  importers.add("NoOp", import_nothing);
}

}  // namespace hone::tensorflow
