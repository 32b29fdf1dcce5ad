#include "ops/layout.hpp"

#include "import/onnx/enum_field.hpp"
#include "import/onnx/node_reader.hpp"

namespace hone::onnx {
namespace {

void import_transpose(NodeReader& node) {
  node.emit(Transpose{.perm = node.ints("perm")}, {node.required(0)});
}

void import_concat(NodeReader& node) {
  for (int i = 0; i < node.inputs(); ++i) node.required(i);
  node.emit(Concat{.axis = node.integer("axis")}, node.all_inputs());
}

/// Before opset 13 the sizes are an attribute; from opset 18 on num_outputs allows a smaller piece.
void import_split(NodeReader& node) {
  Split op{.axis = node.integer("axis", 0)};
  if (node.opset() < 13) {
    op.split = node.dims("split");
    node.emit_all(std::move(op), {node.required(0)});
    return;
  }
  op.num_outputs = node.integer("num_outputs", 0);
  node.check(op.num_outputs >= 0, "num_outputs is ", op.num_outputs);
  node.emit_all(std::move(op), {node.required(0), node.input(1)});
}

void import_tile(NodeReader& node) { node.emit(Tile{}, {node.required(0), node.required(1)}); }

void import_depth_to_space(NodeReader& node) {
  const int64_t blocksize = node.integer("blocksize");
  const auto mode = read_enum(node, "mode", DepthToSpace::kModes, DepthToSpace::Mode::DCR);
  node.emit(DepthToSpace{.blocksize = blocksize, .mode = mode}, {node.required(0)});
}

void import_space_to_depth(NodeReader& node) {
  node.emit(SpaceToDepth{.blocksize = node.integer("blocksize")}, {node.required(0)});
}

}  // namespace

void register_layout(Importers& importers) {
  importers.add("Transpose", import_transpose);
  importers.add("Concat", import_concat, 4);
  importers.add("Split", import_split, 2);
  importers.add("Tile", import_tile, 6);
  importers.add("DepthToSpace", import_depth_to_space);
  importers.add("SpaceToDepth", import_space_to_depth);
}

}  // namespace hone::onnx
