#include "ops/unique.hpp"

#include "import/onnx/node_reader.hpp"

namespace hone::onnx {
namespace {

void import_unique(NodeReader& node) {
  const Unique op{.axis = node.optional_integer("axis"), .sorted = node.flag("sorted", true)};
  node.emit_all(op, {node.required(0)});
}

void import_trilu(NodeReader& node) {
  node.required(0);
  node.emit(Trilu{.upper = node.flag("upper", true)}, node.all_inputs());
}

void import_reverse_sequence(NodeReader& node) {
  const ReverseSequence op{.batch_axis = node.integer("batch_axis", 1),
                           .time_axis = node.integer("time_axis", 0)};
  node.emit(op, {node.required(0), node.required(1)});
}

}  // namespace

void register_unique(Importers& importers) {
  importers.add("Unique", import_unique, 11);
  importers.add("Trilu", import_trilu, 14);
  importers.add("ReverseSequence", import_reverse_sequence, 10);
}

}  // namespace hone::onnx
