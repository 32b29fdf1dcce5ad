#include "ops/resize.hpp"

#include "import/onnx/enum_field.hpp"
#include "import/onnx/node_reader.hpp"

namespace hone::onnx {
namespace {

/// Upsample and Resize of opset 10 say only how to interpolate: places are mapped asymmetrically.
Resize asymmetric(NodeReader& node, Resize::Nearest nearest_mode) {
  Resize op;
  constexpr std::string_view kFirstModes[] = {"nearest", "bilinear"};
  const auto names = node.opset() < 7 ? std::span<const std::string_view>(kFirstModes)
                                      : std::span<const std::string_view>(Resize::kModes);
  op.mode = read_enum(node, "mode", names, Resize::Mode::nearest);
  op.coordinate_transformation_mode = Resize::Coordinates::asymmetric;
  op.nearest_mode = nearest_mode;
  return op;
}

void import_resize(NodeReader& node) {
  if (node.opset() < 11) {
    node.emit(asymmetric(node, Resize::Nearest::simple),
              {node.required(0), nullptr, node.required(1)});
    return;
  }
  Resize op;
  op.axes = node.ints("axes");
  op.mode = read_enum(node, "mode", Resize::kModes, op.mode);
  op.coordinate_transformation_mode =
      read_enum(node, "coordinate_transformation_mode", Resize::kCoordinates,
                op.coordinate_transformation_mode);
  // The last name is ours, for opset 10.
  const auto nearest_names = std::span(Resize::kNearest).first(std::size(Resize::kNearest) - 1);
  op.nearest_mode = read_enum(node, "nearest_mode", nearest_names, op.nearest_mode);
  op.keep_aspect_ratio_policy =
      read_enum(node, "keep_aspect_ratio_policy", Resize::kAspects, op.keep_aspect_ratio_policy);
  op.cubic_coeff_a = node.real("cubic_coeff_a", op.cubic_coeff_a);
  op.extrapolation_value = node.real("extrapolation_value", op.extrapolation_value);
  op.antialias = node.flag("antialias", op.antialias);
  op.exclude_outside = node.flag("exclude_outside", op.exclude_outside);
  node.required(0);
  node.emit(std::move(op), node.all_inputs());
}

/// Scales of the last two of four axes.
std::vector<float> plane_scales(NodeReader& node) {
  node.check(node.has("height_scale") && node.has("width_scale"),
             "attribute height_scale or width_scale is missing");
  return {1, 1, node.real("height_scale", 1), node.real("width_scale", 1)};
}

/// Opset 1 scales a plane by two attributes and calls linear bilinear. Opset 7 has the scales as
/// one attribute, opset 9 as an operand.
void import_upsample(NodeReader& node) {
  Resize op = asymmetric(node, Resize::Nearest::floor);
  Value* scales = nullptr;
  if (node.opset() < 9) {
    const std::vector<float> given = node.opset() < 7 ? plane_scales(node) : node.reals("scales");
    node.check(!given.empty(), "attribute scales is missing");
    Tensor tensor(DType::f32, {static_cast<int64_t>(given.size())});
    for (size_t i = 0; i < given.size(); ++i) tensor.put(static_cast<int64_t>(i), given[i]);
    scales = node.constant(std::move(tensor), "scales");
  } else {
    scales = node.required(1);
  }
  node.emit(std::move(op), {node.required(0), nullptr, scales});
}

}  // namespace

void register_resize(Importers& importers) {
  importers.add("Resize", import_resize, 10);
  importers.add("Upsample", import_upsample, 1, 9);
}

}  // namespace hone::onnx
