#include "ops/select.hpp"

#include "import/onnx/node_reader.hpp"

namespace hone::onnx {
namespace {

void import_non_zero(NodeReader& node) { node.emit(NonZero{}, {node.required(0)}); }

void import_compress(NodeReader& node) {
  Compress op{.axis = node.optional_integer("axis")};
  node.emit(op, {node.required(0), node.required(1)});
}

void import_one_hot(NodeReader& node) {
  OneHot op{.axis = node.integer("axis", -1)};
  node.emit(op, {node.required(0), node.required(1), node.required(2)});
}

/// Before opset 10 k is an attribute.
void import_top_k(NodeReader& node) {
  TopK op{.axis = node.integer("axis", -1)};
  if (node.opset() < 10) {
    op.k = Dims{Dim(node.integer("k"))};
    node.emit_all(std::move(op), {node.required(0)});
    return;
  }
  op.largest = node.flag("largest", true);
  op.sorted = node.flag("sorted", true);
  node.emit_all(std::move(op), {node.required(0), node.required(1)});
}

void import_eye_like(NodeReader& node) {
  EyeLike op{.k = node.integer("k", 0)};
  op.dtype = node.dtype("dtype", node.dtype_in(0).value_or(DType::f32));
  node.emit(op, {node.required(0)});
}

}  // namespace

void register_select(Importers& importers) {
  importers.add("NonZero", import_non_zero, 9);
  importers.add("Compress", import_compress, 9);
  importers.add("OneHot", import_one_hot, 9);
  importers.add("TopK", import_top_k);
  importers.add("EyeLike", import_eye_like, 9);
}

}  // namespace hone::onnx
