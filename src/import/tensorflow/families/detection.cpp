// Boxes, and pieces cut out of images.

#include "ops/detection.hpp"

#include <algorithm>

#include "import/builder/batch_gather.hpp"
#include "import/builder/channels_last.hpp"
#include "import/tensorflow/images.hpp"
#include "ops/activation.hpp"
#include "ops/arithmetic.hpp"
#include "ops/compare.hpp"
#include "ops/convolution.hpp"
#include "ops/gather.hpp"
#include "ops/layout.hpp"
#include "ops/logic.hpp"
#include "ops/math.hpp"
#include "ops/pad.hpp"
#include "ops/reduction.hpp"
#include "ops/sampling.hpp"
#include "ops/scatter.hpp"
#include "ops/select.hpp"
#include "ops/shape.hpp"
#include "ops/slice.hpp"

namespace hone::tensorflow {
namespace {

/// Places (i64) of the boxes that are left. Inputs: boxes, scores, how many at most, then the
/// threshold of overlap and that of scores, where there are such.
Value* boxes_left(NodeReader& node, Value* overlap, Value* score) {
  Value* boxes = node.intermediate(Unsqueeze{.axes = Dims{Dim(0)}}, {node.required(0)}, "batch");
  Value* scores = node.intermediate(Unsqueeze{.axes = Dims{0, 1}}, {node.required(1)}, "classes");
  Value* most = node.reshaped(node.as_i64(2), Dims{}, "most");
  std::vector<Value*> inputs{node.cast(boxes, DType::f32, "boxes"),
                             node.cast(scores, DType::f32, "scores"), most,
                             node.cast(overlap, DType::f32, "overlap")};
  if (score != nullptr) inputs.push_back(node.cast(score, DType::f32, "least_score"));
  Value* found = node.intermediate(NonMaxSuppression{}, inputs, "rows");
  Value* column = node.intermediate(
      Slice{.starts = Dims{Dim(2)}, .ends = Dims{Dim(3)}, .axes = Dims{Dim(1)}}, {found}, "column");
  return node.reshaped(column, Dims{Dim(-1)}, "places");
}

void import_non_max_suppression(NodeReader& node) {
  Value* overlap = node.inputs() > 3 ? node.required(3)
                                     : node.number(double{node.real("iou_threshold", 0.5F)},
                                                   DType::f32, "threshold");
  node.give(0, node.cast(boxes_left(node, overlap, node.input(4)), DType::i32, "indices"));
}

/// Results of a fixed size where that is asked for: zeros behind those that there are.
Value* filled_up(NodeReader& node, Value* list, DType type, std::string_view hint) {
  if (!node.flag("pad_to_max_output_size", false)) return list;
  const int64_t most = node.one_int(2);
  node.check(most >= 0 && most < (1 << 20), most, " boxes");
  Value* zeros = node.constant(Tensor(type, {most}), cat(hint, "_zeros"));
  Value* all = node.intermediate(Concat{.axis = 0}, {list, zeros}, cat(hint, "_all"));
  return node.intermediate(
      Slice{.starts = Dims{Dim(0)}, .ends = Dims{Dim(most)}, .axes = Dims{Dim(0)}}, {all},
      cat(hint, "_fixed"));
}

Value* count_of(NodeReader& node, Value* list) {
  Value* sizes = node.intermediate(Shape{}, {list}, "sizes");
  return node.cast(node.reshaped(sizes, Dims{}, "size"), DType::i32, "count");
}

void import_non_max_suppression_v4(NodeReader& node) {
  Value* places = boxes_left(node, node.required(3), node.required(4));
  Value* indices = node.cast(places, DType::i32, "indices");
  if (node.wants(0)) node.give(0, filled_up(node, indices, DType::i32, "indices"));
  if (node.wants(1)) node.give(1, count_of(node, places));
}

/// With scores that fall with the overlap, where input 5 is not 0, which is not read.
void import_non_max_suppression_v5(NodeReader& node) {
  const Tensor* sigma = node.constant_tensor(5);
  if (sigma == nullptr || sigma->count() != 1 || sigma->number(0) != 0)
    node.unsupported("scores that fall with the overlap (soft_nms_sigma)");
  Value* places = boxes_left(node, node.required(3), node.required(4));
  Value* indices = node.cast(places, DType::i32, "indices");
  if (node.wants(0)) node.give(0, filled_up(node, indices, DType::i32, "indices"));
  if (node.wants(1)) {
    Value* scores = node.intermediate(Gather{}, {node.required(1), places}, "chosen");
    node.give(1, filled_up(node, scores, node.type_of(1), "chosen"));
  }
  if (node.wants(2)) node.give(2, count_of(node, places));
}

/// The best boxes of all classes of each image. Inputs: boxes [batch, n, 1 or classes, 4], scores
/// [batch, n, classes], how many a class and in all, the thresholds of overlap and of scores.
/// Results: boxes, scores, classes, how many there are; zeros behind them.
void import_combined_non_max_suppression(NodeReader& node) {
  const Dims& boxes = node.dims(0);
  const Dims& scores = node.dims(1);
  node.check(boxes.size() == 4 && scores.size() == 3, "boxes of rank ", boxes.size(),
             " and scores of rank ", scores.size(), ", wanted 4 and 3");
  const auto n = scores[1].constant(), classes = scores[2].constant();
  if (!n || !classes) node.unsupported("a number of boxes or classes that is not known");
  if (!boxes[2].is(1)) node.unsupported("boxes of each class's own");
  if (node.flag("pad_per_class", false))
    node.unsupported("results as many as all classes together");
  const int64_t each = node.one_int(2), most = node.one_int(3);
  node.check(*n > 0 && *classes > 0 && *n < (1 << 20) && *classes < (1 << 16) && most > 0 &&
                 most < (1 << 20) && each > 0,
             most, " of ", *n, " boxes");
  const auto add = [&](Op op, std::vector<Value*> inputs, std::string_view hint) {
    return node.intermediate(std::move(op), std::move(inputs), hint);
  };
  const auto real = [&](double value, std::string_view hint) {
    return node.number(value, DType::f32, hint);
  };
  Value* flat = node.reshaped(node.required(0), Dims{boxes[0], *n, 4}, "flat");
  Value* by_class = add(Transpose{.perm = {0, 2, 1}}, {node.required(1)}, "by_class");
  Value* kept = add(NonMaxSuppression{.max_output_boxes_per_class = Dims{Dim(each)}},
                    {flat, by_class, nullptr, node.required(4), node.required(5)}, "kept");
  // Scores of what is left; below all of them elsewhere, and as many more as are wanted.
  const double none = -1e30;
  Value* low = add(Expand{}, {real(none, "none"), add(Shape{}, {by_class}, "sizes")}, "low");
  Value* found = add(GatherND{}, {by_class, kept}, "found");
  Value* left = add(ScatterND{}, {low, kept, found}, "left");
  Value* list = node.reshaped(left, Dims{boxes[0], *n * *classes}, "list");
  if (*n * *classes < most)
    list = add(Pad{.pads = Dims{0, 0, 0, most - *n * *classes}}, {list, nullptr, real(none, "pad")},
               "padded");
  const auto top = node.intermediates(TopK{.k = Dims{Dim(most)}}, {list}, 2, "top");
  Value* counts = add(Greater{}, {top[0], real(none / 2, "real")}, "counts");
  const auto unless_none = [&](Value* when, Value* value, std::string_view hint) {
    return add(Where{}, {when, value, real(0, cat(hint, "_zero"))}, hint);
  };
  Value* per_class = node.number(static_cast<double>(*n), DType::i64, "boxes_a_class");
  Value* zero = node.number(0, DType::i64, "first");
  Value* valid = add(Where{}, {counts, top[1], zero}, "valid");
  if (node.wants(0)) {
    Value* place = add(Mod{}, {valid, per_class}, "place");
    Value* picked = builder::gather_in_batches(node, flat, place, 1, 1);
    if (node.flag("clip_boxes", true))
      picked = add(Clip{}, {picked, real(0, "least"), real(1, "most")}, "clipped");
    Value* column = add(Unsqueeze{.axes = Dims{Dim(2)}}, {counts}, "column");
    node.give(0, unless_none(column, picked, "boxes"));
  }
  if (node.wants(1)) node.give(1, unless_none(counts, top[0], "best"));
  if (node.wants(2)) {
    Value* number = node.cast(add(Div{}, {valid, per_class}, "class"), DType::f32, "class_number");
    node.give(2, unless_none(counts, number, "classes"));
  }
  if (node.wants(3))
    node.give(3, add(ReduceSum{.axes = Dims{Dim(1)}, .keepdims = false},
                     {node.cast(counts, DType::i32, "ones")}, "number"));
}

/// Where `count` samples of an axis lie between the box' edges, from -1 to 1 over the image.
Value* places_between(NodeReader& node, Value* begin, Value* end, int64_t count, int axis) {
  Tensor shares(DType::f32, {count});
  for (int64_t i = 0; i < count; ++i)
    shares.put(i, count > 1 ? static_cast<float>(i) / static_cast<float>(count - 1) : 0.5F);
  const auto name = [&](std::string_view hint) { return cat(hint, axis); };
  Value* length = node.intermediate(Sub{}, {end, begin}, name("length"));
  Value* ahead = node.intermediate(
      Mul{}, {length, node.constant(std::move(shares), name("shares"))}, name("ahead"));
  Value* at = node.intermediate(Add{}, {begin, ahead}, name("at"));
  Value* twice = node.intermediate(Add{}, {at, at}, name("twice"));
  return node.intermediate(Sub{}, {twice, node.number(1, DType::f32, name("one"))}, name("place"));
}

/// Inputs: images, boxes [n, 4] as y1, x1, y2, x2 in shares of the image, the image of each box,
/// the size of a piece.
void import_crop_and_resize(NodeReader& node) {
  if (node.word("method", "bilinear") != "bilinear") node.unsupported("the nearest pixels");
  const std::vector<int64_t> size = node.ints(3);
  node.check(size.size() == 2 && size[0] > 0 && size[1] > 0 && size[0] < (1 << 16) &&
                 size[1] < (1 << 16) && node.rank_of(0) == 4,
             "pieces of ", uint64_t{size.size()}, " sizes");
  Value* images = node.cast(node.required(0), DType::f32, "reals");
  images = builder::channels_first(node, images, 4);
  Value* chosen = node.intermediate(Gather{}, {images, node.required(2)}, "chosen");
  const auto edges =
      node.intermediates(Split{.axis = 1, .num_outputs = 4}, {node.required(1)}, 4, "edge");
  Value* places[2];  // [n, rows], [n, columns]
  for (int axis = 0; axis < 2; ++axis)
    places[axis] =
        places_between(node, edges[static_cast<size_t>(axis)], edges[static_cast<size_t>(axis) + 2],
                       size[static_cast<size_t>(axis)], axis);
  Value* one = node.number(1, DType::f32, "edge_of_image");
  const Dims full{1, size[0], size[1], 1};
  std::vector<Value*> parts, inside;  // columns before rows
  for (int axis = 1; axis >= 0; --axis) {
    Value* column = node.intermediate(Unsqueeze{.axes = axis == 0 ? Dims{2, 3} : Dims{1, 3}},
                                      {places[axis]}, cat("axis", axis));
    parts.push_back(node.intermediate(Expand{.shape = full}, {column}, cat("spread", axis)));
    Value* distance = node.intermediate(Abs{}, {column}, cat("distance", axis));
    inside.push_back(node.intermediate(LessOrEqual{}, {distance, one}, cat("inside", axis)));
  }
  Value* grid = node.intermediate(Concat{.axis = 3}, parts, "grid");
  GridSample sample{.padding_mode = GridSample::Padding::border, .align_corners = true};
  Value* pieces = node.intermediate(sample, {chosen, grid}, "pieces");
  pieces = builder::channels_last(node, pieces, 4);
  Value* within = node.intermediate(And{}, {inside[0], inside[1]}, "within");
  Value* otherwise =
      node.number(double{node.real("extrapolation_value", 0)}, DType::f32, "outside");
  node.emit(Where{}, {within, pieces, otherwise});
}

/// Each window of pixels as one pixel of many channels: row, column, channel.
void import_extract_patches(NodeReader& node) {
  const Images images(node, 0, 2);
  const std::vector<int64_t> kernel = images.spatial(node, "ksizes");
  const auto channels = images.channels().constant();
  if (!channels) node.unsupported("a number of channels that is not known");
  const int64_t taps = kernel[0] * kernel[1];
  node.check(
      *channels > 0 && taps < (1 << 16) && *channels < (1 << 20) && *channels * taps < (1 << 20),
      "windows of ", taps, " pixels of ", *channels, " channels");
  const DType type = node.type_of(0);
  Tensor weights(type, {*channels * taps, 1, kernel[0], kernel[1]});
  for (int64_t i = 0; i < *channels * taps; ++i) weights.set_number(i * taps + i % taps, 1);
  Window window{
      .strides = images.spatial(node, "strides"),
      .dilations = images.spatial(node, "rates"),
      .auto_pad = node.word("padding", "") == "SAME" ? AutoPad::same_upper : AutoPad::valid};
  Value* all =
      node.intermediate(Conv{.window = std::move(window), .group = *channels},
                        {images.first(node), node.constant(std::move(weights), "taps")}, "windows");
  const Dims sizes = sizes_of(node, all);
  Value* apart = node.reshaped(all, Dims{sizes[0], *channels, taps, sizes[2], sizes[3]}, "apart");
  Value* turned = node.intermediate(Transpose{.perm = {0, 3, 4, 2, 1}}, {apart}, "turned");
  node.emit(Reshape{.shape = Dims{sizes[0], sizes[2], sizes[3], *channels * taps}}, {turned});
}

}  // namespace

void register_detection(Importers& importers) {
  importers.add({"NonMaxSuppression", "NonMaxSuppressionV2", "NonMaxSuppressionV3"},
                import_non_max_suppression);
  importers.add("NonMaxSuppressionV4",
                {import_non_max_suppression_v4, {"selected_indices", "valid_outputs"}});
  importers.add("NonMaxSuppressionV5", {import_non_max_suppression_v5,
                                        {"selected_indices", "selected_scores", "valid_outputs"}});
  importers.add("CombinedNonMaxSuppression",
                {import_combined_non_max_suppression,
                 {"nmsed_boxes", "nmsed_scores", "nmsed_classes", "valid_detections"}});
  importers.add("CropAndResize", import_crop_and_resize);
  importers.add("ExtractImagePatches", import_extract_patches);
}

}  // namespace hone::tensorflow
