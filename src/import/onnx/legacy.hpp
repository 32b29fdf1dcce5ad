#pragma once
// What operators said in their own way before opset 7.

#include <vector>

#include "import/onnx/node_reader.hpp"

namespace hone::onnx {

/// The operands of an elementwise operator of two. Before opset 7 the second one broadcasts on
/// request only (attribute `broadcast`) and stands where attribute `axis` says: it gets the
/// dimensions of 1 that today's rule wants.
std::vector<Value*> broadcast_operands(NodeReader& node);

/// Input 1 with dimensions of 1 appended, so that its first axis lies at `axis` of input 0.
Value* aligned_operand(NodeReader& node, int64_t axis);

/// Operators of two operands that broadcast.
template <class T>
void import_broadcasting(NodeReader& node) {
  node.emit(T{}, broadcast_operands(node));
}
template <class T>
void add_broadcasting(Importers& importers) {
  importers.add(T::kName, import_broadcasting<T>);
}

/// The element type that a TensorProto.DataType's name stands for: "FLOAT". Error of the node.
DType dtype_of_name(const NodeReader& node, std::string_view name);

}  // namespace hone::onnx
