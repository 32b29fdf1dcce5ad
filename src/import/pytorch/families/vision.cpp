// Operators of torchvision: boxes, regions, convolutions whose taps move.
// (Source: torchvision 0.26, torchvision/csrc/ops.)

#include "import/pytorch/windows.hpp"
#include "ops/deformable.hpp"
#include "ops/detection.hpp"
#include "ops/gather.hpp"
#include "ops/layout.hpp"
#include "ops/shape.hpp"
#include "ops/slice.hpp"

namespace hone::pytorch {
namespace {

/// Places of the boxes that are kept, best score first. Which of x and y comes first is the same
/// to an overlap.
void import_nms(Call& call) {
  Value *boxes = call.tensor("dets"), *scores = call.tensor("scores");
  call.check(Call::rank(boxes) == 2 && Call::rank(scores) == 1, "boxes of ", Call::rank(boxes),
             " axes, scores of ", Call::rank(scores), ", wanted 2 and 1");
  const Dim count = Call::shape(boxes)[0];
  boxes = call.intermediate(Unsqueeze{.axes = Dims{Dim(0)}}, {boxes}, "boxes");
  scores = call.intermediate(Unsqueeze{.axes = Dims{Dim(0), Dim(1)}}, {scores}, "scores");
  Value* most = call.number(DType::f32, call.real("iou_threshold"), "most");
  NonMaxSuppression op;
  std::vector<Value*> inputs{call.cast(boxes, DType::f32), call.cast(scores, DType::f32)};
  if (count.is_constant()) op.max_output_boxes_per_class = Dims{count};
  inputs.push_back(count.is_constant() ? nullptr : call.late(count));
  inputs.push_back(most);
  Value* rows = call.intermediate(op, inputs, "rows");
  call.emit(Gather{.axis = 1}, {rows, call.number(DType::i64, 2, "box")});
}

/// Columns `from` to `to` of rows of an image and a box.
Value* columns(Call& call, Value* rows, int64_t from, int64_t to) {
  return call.intermediate(
      Slice{.starts = Dims{Dim(from)}, .ends = Dims{Dim(to)}, .axes = Dims{Dim(1)}}, {rows},
      "columns");
}

void import_roi_align(Call& call) {
  Value *images = call.tensor("input"), *rows = call.tensor("rois");
  call.check(Call::rank(rows) == 2, "regions of ", Call::rank(rows), " axes, wanted 2");
  const bool half = call.flag("aligned");
  RoiAlign op{.coordinate_transformation_mode = half ? RoiAlign::Coordinates::half_pixel
                                                     : RoiAlign::Coordinates::output_half_pixel,
              .output_height = call.integer("pooled_height"),
              .output_width = call.integer("pooled_width"),
              .sampling_ratio = std::max<int64_t>(call.integer("sampling_ratio"), 0),
              .spatial_scale = static_cast<float>(call.real("spatial_scale"))};
  Value* image =
      call.intermediate(Squeeze{.axes = Dims{Dim(1)}}, {columns(call, rows, 0, 1)}, "image");
  call.emit(op, {images, columns(call, rows, 1, 5), call.cast(image, DType::i64, "image")});
}

void import_roi_pool(Call& call) {
  if (call.wants(1)) call.unsupported("the places of the largest");
  const MaxRoiPool op{{call.integer("pooled_height"), call.integer("pooled_width")},
                      static_cast<float>(call.real("spatial_scale"))};
  call.emit(op, {call.tensor("input"), call.tensor("rois")});
  call.give_nothing();
}

void import_deform_conv(Call& call) {
  const auto pair = [&](std::string_view name) {
    return std::vector<int64_t>{call.integer(cat(name, "_h")), call.integer(cat(name, "_w"))};
  };
  const auto pads = pair("pad");
  DeformConv op{.window = {.strides = pair("stride"),
                           .dilations = pair("dilation"),
                           .pads = {pads[0], pads[1], pads[0], pads[1]}},
                .group = call.integer("groups"),
                .offset_group = call.integer("offset_groups")};
  op.window = builder::plain_window(std::move(op.window));
  std::vector<Value*> inputs{call.tensor("input"), call.tensor("weight"), call.tensor("offset"),
                             call.tensor("bias")};
  if (call.flag("use_mask")) inputs.push_back(call.tensor("mask"));
  call.emit(std::move(op), inputs);
}

}  // namespace

void register_vision(Importers& importers) {
  importers.add("torchvision::nms(T dets, T scores, f iou_threshold)", import_nms);
  importers.add(
      "torchvision::roi_align(T input, T rois, f spatial_scale, i pooled_height, i pooled_width, "
      "i sampling_ratio, b aligned)",
      import_roi_align);
  importers.add(
      "torchvision::roi_pool(T input, T rois, f spatial_scale, i pooled_height, i pooled_width)",
      import_roi_pool);
  importers.add(
      "torchvision::deform_conv2d(T input, T weight, T offset, T mask, T bias, i stride_h, "
      "i stride_w, i pad_h, i pad_w, i dilation_h, i dilation_w, i groups, i offset_groups, "
      "b use_mask)",
      import_deform_conv);
}

}  // namespace hone::pytorch
