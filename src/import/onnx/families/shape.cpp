#include "ops/shape.hpp"

#include "import/onnx/node_reader.hpp"

namespace hone::onnx {
namespace {

void import_shape(NodeReader& node) {
  Shape op{.start = node.integer("start", 0), .end = node.optional_integer("end")};
  node.emit(op, {node.required(0)});
}

void import_size(NodeReader& node) { node.emit(Size{}, {node.required(0)}); }

/// Before opset 5 the shape is an attribute.
void import_reshape(NodeReader& node) {
  if (node.opset() < 5) {
    Reshape op{.shape = node.dims("shape")};
    node.check(op.shape.has_value(), "attribute shape is missing");
    node.emit(std::move(op), {node.required(0)});
    return;
  }
  Reshape op{.allowzero = node.flag("allowzero", false)};
  node.emit(op, {node.required(0), node.required(1)});
}

void import_flatten(NodeReader& node) {
  node.emit(Flatten{.axis = node.integer("axis", 1)}, {node.required(0)});
}

/// Before opset 13 the axes are an attribute, from then on an operand.
void import_squeeze(NodeReader& node) {
  if (node.opset() < 13) node.emit(Squeeze{.axes = node.dims("axes")}, {node.required(0)});
  else node.emit(Squeeze{}, {node.required(0), node.input(1)});
}

void import_unsqueeze(NodeReader& node) {
  if (node.opset() < 13) node.emit(Unsqueeze{.axes = node.dims("axes")}, {node.required(0)});
  else node.emit(Unsqueeze{}, {node.required(0), node.required(1)});
}

void import_expand(NodeReader& node) { node.emit(Expand{}, {node.required(0), node.required(1)}); }

void import_identity(NodeReader& node) { node.emit(Identity{}, {node.required(0)}); }

}  // namespace

void register_shape(Importers& importers) {
  importers.add("Shape", import_shape);
  importers.add("Size", import_size);
  importers.add("Reshape", import_reshape);
  importers.add("Flatten", import_flatten);
  importers.add("Squeeze", import_squeeze);
  importers.add("Unsqueeze", import_unsqueeze);
  importers.add("Expand", import_expand, 8);
  importers.add("Identity", import_identity);
}

}  // namespace hone::onnx
