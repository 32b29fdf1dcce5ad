// Boxes: what is left of those that overlap, and how networks of SSD's kind end.

#include "ops/detection.hpp"

#include <cmath>
#include <limits>

#include "import/builder/batch_gather.hpp"
#include "import/tflite/op_reader.hpp"
#include "ops/arithmetic.hpp"
#include "ops/cast.hpp"
#include "ops/compare.hpp"
#include "ops/gather.hpp"
#include "ops/layout.hpp"
#include "ops/math.hpp"
#include "ops/pad.hpp"
#include "ops/reduction.hpp"
#include "ops/scatter.hpp"
#include "ops/select.hpp"
#include "ops/shape.hpp"
#include "ops/slice.hpp"

namespace hone::tflite {
namespace {

Value* add(OpReader& op, Op made, std::vector<Value*> inputs, std::string_view hint) {
  return op.intermediate(std::move(made), std::move(inputs), hint);
}

/// Inputs: boxes [n, 4], scores [n], how many at most, the thresholds of overlap and of scores; V5
/// a sigma, too. Results: places, as many as may be, zeros behind what there is; V5 their scores;
/// how many there are.
void import_non_max_suppression(OpReader& op) {
  const bool has_scores = op.kind() == "NON_MAX_SUPPRESSION_V5";
  if (has_scores) {
    const Tensor* sigma = op.constant_tensor(5);
    if (sigma == nullptr || sigma->count() != 1 || sigma->number(0) != 0)
      op.unsupported("scores that fall with the overlap (soft_nms_sigma)");
  }
  const std::vector<int64_t> most = op.ints(2);
  op.check(most.size() == 1 && most[0] >= 0 && most[0] < (1 << 20),
           "a number of boxes that is none");
  Value* boxes = add(op, Unsqueeze{.axes = Dims{0}}, {op.real(0)}, "batch");
  Value* scores = add(op, Unsqueeze{.axes = Dims{0, 1}}, {op.real(1)}, "classes");
  Value* rows = add(op, NonMaxSuppression{.max_output_boxes_per_class = Dims{Dim(most[0])}},
                    {boxes, scores, nullptr, op.required(3), op.required(4)}, "rows");
  Value* column =
      add(op, Slice{.starts = Dims{2}, .ends = Dims{3}, .axes = Dims{1}}, {rows}, "column");
  Value* places = add(op, Reshape{.shape = Dims{-1}}, {column}, "places");
  const auto filled = [&](Value* list, DType type, std::string_view hint) {
    Value* zeros = op.constant(Tensor(type, {most[0]}), cat(hint, "_zeros"));
    Value* all = add(op, Concat{.axis = 0}, {list, zeros}, cat(hint, "_all"));
    return add(op, Slice{.starts = Dims{0}, .ends = Dims{Dim(most[0])}, .axes = Dims{0}}, {all},
               cat(hint, "_fixed"));
  };
  op.give(0, filled(add(op, Cast{.to = DType::i32}, {places}, "indices"), DType::i32, "indices"));
  if (has_scores)
    op.give(1, filled(add(op, Gather{}, {op.real(1), places}, "chosen"), DType::f32, "chosen"));
  Value* count = add(op, Reshape{.shape = Dims{}}, {add(op, Shape{}, {places}, "sizes")}, "count");
  op.give(has_scores ? 2 : 1, add(op, Cast{.to = DType::i32}, {count}, "number"));
}

/// Corners [1, n, 4] as y1, x1, y2, x2 of boxes that are stored as steps from anchors [n, 4]: y, x,
/// height, width.
Value* decoded(OpReader& op, const FlexMap& options) {
  Value* four =
      add(op, Slice{.starts = Dims{0}, .ends = Dims{4}, .axes = Dims{2}}, {op.real(0)}, "four");
  const auto box = op.intermediates(Split{.axis = 2, .num_outputs = 4}, {four}, 4, "box");
  const auto anchor =
      op.intermediates(Split{.axis = 1, .num_outputs = 4}, {op.real(2)}, 4, "anchor");
  const auto scaled = [&](size_t i, std::string_view scale) {
    const double by = options.number(scale, 0);
    op.check(by > 0, "a scale of ", by);
    return add(op, Div{}, {box[i], op.scalar(by, scale)}, cat("box_by_", scale));
  };
  Value* edges[4];
  const std::string_view place_scales[] = {"y_scale", "x_scale"};
  const std::string_view size_scales[] = {"h_scale", "w_scale"};
  for (size_t i = 0; i < 2; ++i) {
    const auto name = [&](std::string_view hint) { return cat(hint, uint64_t{i}); };
    Value* ahead = add(op, Mul{}, {scaled(i, place_scales[i]), anchor[i + 2]}, name("ahead"));
    Value* center = add(op, Add{}, {ahead, anchor[i]}, name("center"));
    Value* grown = add(op, Exp{}, {scaled(i + 2, size_scales[i])}, name("grown"));
    Value* half = add(
        op, Mul{}, {add(op, Mul{}, {op.scalar(0.5, "half"), grown}, name("halved")), anchor[i + 2]},
        name("half"));
    edges[i] = add(op, Sub{}, {center, half}, name("begin"));
    edges[i + 2] = add(op, Add{}, {center, half}, name("end"));
  }
  return add(op, Concat{.axis = 2}, {edges[0], edges[1], edges[2], edges[3]}, "corners");
}

/// The best of what is left, [1, most], of scores [1, classes, n]: scores, places in [classes * n],
/// and which of them are there.
struct Best {
  Value *scores, *places, *counts;
};
Best best_of(OpReader& op, Value* corners, Value* scores, int64_t classes, int64_t n, int64_t each,
             int64_t most, const FlexMap& options) {
  // A box counts whose score is the threshold, or more.
  const auto least = static_cast<float>(options.number("nms_score_threshold", 0));
  const float below = std::nextafter(least, -std::numeric_limits<float>::infinity());
  Value* kept =
      add(op, NonMaxSuppression{.max_output_boxes_per_class = Dims{Dim(each)}},
          {corners, scores, nullptr, op.scalar(options.number("nms_iou_threshold", 0), "overlap"),
           op.scalar(double{below}, "score")},
          "kept");
  constexpr double kNone = -1e30;
  Value* low =
      add(op, Expand{.shape = Dims{1, Dim(classes), Dim(n)}}, {op.scalar(kNone, "none")}, "low");
  Value* found = add(op, GatherND{}, {scores, kept}, "found");
  Value* left = add(op, ScatterND{}, {low, kept, found}, "left");
  Value* list = add(op, Reshape{.shape = Dims{1, Dim(classes * n)}}, {left}, "list");
  if (classes * n < most)
    list = add(op, Pad{.pads = Dims{0, 0, 0, Dim(most - classes * n)}},
               {list, nullptr, op.scalar(kNone, "pad")}, "padded");
  const auto top = op.intermediates(TopK{.k = Dims{Dim(most)}}, {list}, 2, "top");
  Value* counts = add(op, Greater{}, {top[0], op.scalar(kNone / 2, "real")}, "counts");
  Value* zero = op.constant(Tensor::scalar(DType::i64, 0), "first");
  return {top[0], add(op, Where{}, {counts, top[1], zero}, "valid"), counts};
}

/// Inputs: steps of boxes [1, n, 4 or more], scores of classes [1, n, classes, before them perhaps
/// the background], anchors [n, 4]. Results: boxes [1, most, 4], classes, scores, how many; zeros
/// behind. (Source: tensorflow/lite/kernels/detection_postprocess.cc.)
void import_detection(OpReader& op) {
  const FlexMap options = op.custom_options();
  const auto whole = [&](std::string_view name, double otherwise) {
    const double value = options.number(name, otherwise);
    op.check(value >= 0 && value < (1 << 20) && value == std::floor(value), name, " is ", value);
    return static_cast<int64_t>(value);
  };
  const int64_t most = whole("max_detections", 0), classes = whole("num_classes", 0);
  if (whole("max_classes_per_detection", 1) != 1) op.unsupported("several classes of one box");
  const bool regular = options.number("use_regular_nms", 0) != 0;
  const Dims& boxes = op.real(0)->type.tensor().shape();
  const Dims& stated = op.real(1)->type.tensor().shape();
  op.check(boxes.size() == 3 && stated.size() == 3 && op.rank_of(2) == 2, "boxes of rank ",
           boxes.size(), " and scores of rank ", stated.size());
  const auto n = boxes[1].constant(), columns = stated[2].constant();
  if (!n || !columns || !boxes[0].is(1)) op.unsupported("a number of boxes that is not known");
  op.check(*n > 0 && *n < (1 << 20) && classes > 0 && classes < (1 << 12) && most > 0 &&
               (*columns == classes || *columns == classes + 1),
           most, " of ", *n, " boxes, ", classes, " classes in ", *columns, " columns");
  Value* scores = op.real(1);
  if (*columns > classes)
    scores = add(op, Slice{.starts = Dims{1}, .ends = Dims{Dim(*columns)}, .axes = Dims{2}},
                 {scores}, "of_classes");
  Value* kind = nullptr;  // the best class of each box
  if (!regular) {
    const auto top = op.intermediates(TopK{.k = Dims{1}}, {scores}, 2, "class");
    scores = top[0];
    kind = add(op, Reshape{.shape = Dims{1, Dim(*n)}}, {top[1]}, "kind");
  }
  Value* by_class = add(op, Transpose{.perm = {0, 2, 1}}, {scores}, "by_class");
  Value* corners = decoded(op, options);
  const int64_t each = regular ? whole("detections_per_class", 100) : most;
  const Best best = best_of(op, corners, by_class, regular ? classes : 1, *n, each, most, options);
  const auto unless_none = [&](Value* when, Value* value, std::string_view hint) {
    return add(op, Where{}, {when, value, op.scalar(0, cat(hint, "_zero"))}, hint);
  };
  Value* count = op.constant(Tensor::scalar(DType::i64, static_cast<double>(*n)), "a_class");
  Value* place = regular ? add(op, Mod{}, {best.places, count}, "place") : best.places;
  Value* number = regular ? add(op, Div{}, {best.places, count}, "class_number")
                          : builder::gather_in_batches(op, kind, place, 1, 1);
  Value* column = add(op, Unsqueeze{.axes = Dims{2}}, {best.counts}, "column");
  op.give(0, unless_none(column, builder::gather_in_batches(op, corners, place, 1, 1), "boxes"));
  number = add(op, Cast{.to = DType::f32}, {number}, "class_as_float");
  op.give(1, unless_none(best.counts, number, "classes"));
  op.give(2, unless_none(best.counts, best.scores, "scores"));
  Value* ones = add(op, Cast{.to = DType::f32}, {best.counts}, "ones");
  op.give(3, add(op, ReduceSum{.axes = Dims{1}, .keepdims = false}, {ones}, "number"));
}

}  // namespace

void register_detection(Importers& importers) {
  importers.add("NON_MAX_SUPPRESSION_V4", import_non_max_suppression);
  importers.add("NON_MAX_SUPPRESSION_V5", import_non_max_suppression);
  importers.add("custom TFLite_Detection_PostProcess", import_detection);
}

}  // namespace hone::tflite
