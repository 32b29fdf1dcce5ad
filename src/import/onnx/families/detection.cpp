#include "ops/detection.hpp"

#include "import/onnx/enum_field.hpp"
#include "import/onnx/node_reader.hpp"

namespace hone::onnx {
namespace {

/// Opset 10 has no choice of coordinates: pixels lie at whole numbers.
void import_roi_align(NodeReader& node) {
  RoiAlign op;
  op.mode = read_enum(node, "mode", RoiAlign::kModes, op.mode);
  if (node.opset() < 16)
    op.coordinate_transformation_mode = RoiAlign::Coordinates::output_half_pixel;
  else
    op.coordinate_transformation_mode =
        read_enum(node, "coordinate_transformation_mode", RoiAlign::kCoordinates,
                  op.coordinate_transformation_mode);
  op.output_height = node.integer("output_height", op.output_height);
  op.output_width = node.integer("output_width", op.output_width);
  op.sampling_ratio = node.integer("sampling_ratio", op.sampling_ratio);
  op.spatial_scale = node.real("spatial_scale", op.spatial_scale);
  node.emit(op, {node.required(0), node.required(1), node.required(2)});
}

void import_max_roi_pool(NodeReader& node) {
  MaxRoiPool op{.pooled_shape = node.ints("pooled_shape"),
                .spatial_scale = node.real("spatial_scale", 1)};
  node.emit(std::move(op), {node.required(0), node.required(1)});
}

void import_non_max_suppression(NodeReader& node) {
  NonMaxSuppression op;
  op.center_point_box = node.flag("center_point_box", op.center_point_box);
  node.required(0), node.required(1);
  node.emit(std::move(op), node.all_inputs());
}

}  // namespace

void register_detection(Importers& importers) {
  importers.add("RoiAlign", import_roi_align, 10);
  importers.add("MaxRoiPool", import_max_roi_pool);
  importers.add("NonMaxSuppression", import_non_max_suppression, 10);
}

}  // namespace hone::onnx
