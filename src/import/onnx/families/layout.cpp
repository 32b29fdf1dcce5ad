#include "ops/layout.hpp"

#include <cmath>

#include "import/onnx/enum_field.hpp"
#include "import/onnx/node_reader.hpp"
#include "ops/cast.hpp"
#include "ops/shape.hpp"

namespace hone::onnx {
namespace {

void import_transpose(NodeReader& node) {
  node.emit(Transpose{.perm = node.ints("perm")}, {node.required(0)});
}

void import_concat(NodeReader& node) {
  for (int i = 0; i < node.inputs(); ++i) node.required(i);
  const int64_t axis = node.opset() < 4 ? node.integer("axis", 1) : node.integer("axis");
  node.emit(Concat{.axis = axis}, node.all_inputs());
}

/// Sizes are an attribute before opset 13, in opset 1 perhaps an operand, as they are today. From
/// opset 18 on num_outputs allows a smaller piece.
void import_split(NodeReader& node) {
  Split op{.axis = node.integer("axis", 0)};
  if (node.opset() < 13) {
    op.split = node.dims("split");
    node.check(node.input(1) == nullptr || (node.opset() < 2 && !op.split),
               "its sizes are given as attribute and as input");
    Value* sizes = node.input(1);
    if (sizes != nullptr) sizes = node.intermediate(Cast{.to = DType::i64}, {sizes}, "sizes");
    node.emit_all(std::move(op), {node.required(0), sizes});
    return;
  }
  op.num_outputs = node.integer("num_outputs", 0);
  node.check(op.num_outputs >= 0, "num_outputs is ", op.num_outputs);
  node.emit_all(std::move(op), {node.required(0), node.input(1)});
}

/// In opset 1: `tiles` copies along `axis`, both operands, and floats as the input is.
void import_tile_along_axis(NodeReader& node) {
  const auto rank = node.rank(0);
  const Tensor* axis_tensor = node.constant_tensor(2);
  if (!rank || axis_tensor == nullptr || axis_tensor->count() != 1)
    node.unsupported("Tile of opset 1 wants an input of known rank and a constant axis");
  const double axis = axis_tensor->number(0);
  node.check(axis >= 0 && axis < *rank && axis == std::floor(axis), "axis is ", axis,
             ", but the input has ", *rank, " dimensions");
  const auto ones = [&](int64_t count) {
    Tensor tensor(DType::i64, {count});
    for (int64_t i = 0; i < count; ++i) tensor.put(i, int64_t{1});
    return node.constant(std::move(tensor), "once");
  };
  Value* tiles = node.intermediate(Cast{.to = DType::i64}, {node.required(1)}, "tiles");
  tiles = node.intermediate(Reshape{.shape = Dims{1}}, {tiles}, "tile");
  const auto before = static_cast<int64_t>(axis);
  Value* repeats =
      node.intermediate(Concat{}, {ones(before), tiles, ones(*rank - before - 1)}, "repeats");
  node.emit(Tile{}, {node.required(0), repeats});
}

void import_tile(NodeReader& node) {
  if (node.opset() < 6) return import_tile_along_axis(node);
  node.emit(Tile{}, {node.required(0), node.required(1)});
}

void import_depth_to_space(NodeReader& node) {
  const int64_t blocksize = node.integer("blocksize");
  const auto mode = read_enum(node, "mode", DepthToSpace::kModes, DepthToSpace::Mode::DCR);
  node.emit(DepthToSpace{.blocksize = blocksize, .mode = mode}, {node.required(0)});
}

void import_space_to_depth(NodeReader& node) {
  const int64_t blocksize = node.integer("blocksize");
  const auto mode = read_enum(node, "mode", DepthToSpace::kModes, DepthToSpace::Mode::DCR);
  node.emit(SpaceToDepth{.blocksize = blocksize, .mode = mode}, {node.required(0)});
}

}  // namespace

void register_layout(Importers& importers) {
  importers.add("Transpose", import_transpose);
  importers.add("Concat", import_concat);
  importers.add("Split", import_split);
  importers.add("Tile", import_tile);
  importers.add("DepthToSpace", import_depth_to_space);
  importers.add("SpaceToDepth", import_space_to_depth);
}

}  // namespace hone::onnx
