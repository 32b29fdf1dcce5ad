#pragma once

#include "import/onnx/node_reader.hpp"

namespace hone::onnx {

/// Imports an operator that is op T with default fields and the same operands.
template <class T>
void import_plain(NodeReader& node) {
  node.emit(T{}, node.all_inputs());
}

/// Adds T under its own name, from `from` on.
template <class T>
void add_plain(Importers& importers, int from = 1) {
  importers.add(T::kName, import_plain<T>, from);
}

}  // namespace hone::onnx
