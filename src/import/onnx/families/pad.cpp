#include "ops/pad.hpp"

#include "import/onnx/enum_field.hpp"
#include "import/onnx/node_reader.hpp"

namespace hone::onnx {
namespace {

/// Before opset 11 pads (called paddings in opset 1) and the value are attributes.
void import_pad(NodeReader& node) {
  Pad op{.mode = read_enum(node, "mode", Pad::kModes, Pad::Mode::constant)};
  if (node.opset() >= 11) {
    node.required(0), node.required(1);
    node.emit(std::move(op), node.all_inputs());
    return;
  }
  const std::string_view name = node.opset() < 2 ? "paddings" : "pads";
  op.pads = node.dims(name);
  node.check(op.pads.has_value(), "attribute ", name, " is missing");
  const float value = node.real("value", 0);
  Value* padding = nullptr;
  if (value != 0)
    padding = node.constant(
        Tensor::scalar(node.dtype_in(0).value_or(DType::f32), static_cast<double>(value)), "value");
  node.emit(std::move(op), {node.required(0), nullptr, padding});
}

void import_center_crop_pad(NodeReader& node) {
  CenterCropPad op;
  op.axes = node.ints("axes");
  node.emit(std::move(op), {node.required(0), node.required(1)});
}

}  // namespace

void register_pad(Importers& importers) {
  importers.add("Pad", import_pad);
  importers.add("CenterCropPad", import_center_crop_pad, 18);
}

}  // namespace hone::onnx
