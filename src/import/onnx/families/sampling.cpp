#include "ops/sampling.hpp"

#include "import/onnx/enum_field.hpp"
#include "import/onnx/node_reader.hpp"

namespace hone::onnx {
namespace {

/// Before opset 20 two modes have other names, and data other than images was not allowed.
void import_grid_sample(NodeReader& node) {
  constexpr std::string_view kOldModes[] = {"bilinear", "nearest", "bicubic"};
  GridSample op;
  op.mode = read_enum(node, "mode",
                      node.opset() < 20 ? std::span<const std::string_view>(kOldModes)
                                        : std::span<const std::string_view>(GridSample::kModes),
                      op.mode);
  op.padding_mode = read_enum(node, "padding_mode", GridSample::kPaddings, op.padding_mode);
  op.align_corners = node.flag("align_corners", op.align_corners);
  node.emit(op, {node.required(0), node.required(1)});
}

void import_affine_grid(NodeReader& node) {
  AffineGrid op;
  op.align_corners = node.flag("align_corners", op.align_corners);
  node.emit(std::move(op), {node.required(0), node.required(1)});
}

}  // namespace

void register_sampling(Importers& importers) {
  importers.add("GridSample", import_grid_sample, 16);
  importers.add("AffineGrid", import_affine_grid, 20);
}

}  // namespace hone::onnx
