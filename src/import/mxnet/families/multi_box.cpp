// Detections as SSD makes them. (Source: apache/mxnet 1.9, src/operator/contrib/multibox_prior.cc,
// multibox_detection.cc.)

#include <algorithm>
#include <array>
#include <cmath>

#include "import/mxnet/positions.hpp"
#include "ops/activation.hpp"
#include "ops/arithmetic.hpp"
#include "ops/cast.hpp"
#include "ops/compare.hpp"
#include "ops/detection.hpp"
#include "ops/gather.hpp"
#include "ops/generate.hpp"
#include "ops/layout.hpp"
#include "ops/logic.hpp"
#include "ops/math.hpp"
#include "ops/reduction.hpp"
#include "ops/scatter.hpp"
#include "ops/select.hpp"
#include "ops/shape.hpp"
#include "ops/slice.hpp"
#include "ops/softmax.hpp"

namespace hone::mxnet {
namespace {

template <class T>
Value* add(NodeReader& node, T op, std::vector<Value*> inputs, std::string_view name) {
  return node.intermediate(std::move(op), std::move(inputs), name);
}
Value* reals(NodeReader& node, const std::vector<double>& numbers, std::string_view name) {
  Tensor made(DType::f32, {static_cast<int64_t>(numbers.size())});
  for (int64_t i = 0; i < made.count(); ++i) made.set_number(i, numbers[static_cast<size_t>(i)]);
  return node.constant(std::move(made), name);
}

/// Half the extents of the boxes at each place, along x as if the image were square.
struct Extents {
  std::vector<double> x, y;
};
Extents read_extents(NodeReader& node) {
  std::vector<double> sizes = node.reals("sizes"), ratios = node.reals("ratios");
  if (sizes.empty()) sizes.push_back(1);
  if (ratios.empty()) ratios.push_back(1);
  const bool positive = std::all_of(ratios.begin(), ratios.end(), [](double r) { return r > 0; });
  node.check(positive, "ratios that are not above 0");
  Extents made;
  const auto push = [&](double size, double ratio) {
    made.x.push_back(size * std::sqrt(ratio) / 2);
    made.y.push_back(size / std::sqrt(ratio) / 2);
  };
  for (const double size : sizes) push(size, ratios.front());
  for (size_t i = 1; i < ratios.size(); ++i) push(sizes.front(), ratios[i]);
  return made;
}

/// The centers of the places along an axis: (0, 1, 2 ... + offset) * step.
Value* centers(NodeReader& node, int64_t axis, double offset, double step, Value* size,
               const std::string& name) {
  Value* places = positions(node, 0, axis);
  Value* moved = add(node, Add{}, {places, node.scalar(offset, name + "_offset")}, name + "_moved");
  if (step > 0)
    return add(node, Mul{}, {moved, node.scalar(step, name + "_step")}, name + "_centers");
  return add(node, Div{}, {moved, size}, name + "_centers");
}
Value* size_of(NodeReader& node, int64_t axis, const std::string& name) {
  Value* size =
      add(node, Shape{.start = axis, .end = axis + 1}, {node.required(0)}, name + "_size");
  return add(node, Cast{.to = DType::f32}, {size}, name);
}

void import_prior(NodeReader& node) {
  const Extents extents = read_extents(node);
  const bool clips = node.flag("clip", false);
  std::vector<double> steps = node.reals("steps"), offsets = node.reals("offsets");
  if (steps.empty()) steps = {-1, -1};
  if (offsets.empty()) offsets = {0.5, 0.5};
  node.check(steps.size() == 2 && offsets.size() == 2, "steps and offsets want two numbers each");
  node.check(node.rank_of(0) == 4, "an input of ", node.rank_of(0), " axes, wanted 4");
  Value *height = size_of(node, 2, "height"), *width = size_of(node, 3, "width");
  Value* y = centers(node, 2, offsets[0], steps[0], height, "y");
  Value* x = centers(node, 3, offsets[1], steps[1], width, "x");
  y = add(node, Unsqueeze{.axes = Dims{1, 2}}, {y}, "y_rows");
  x = add(node, Unsqueeze{.axes = Dims{0, 2}}, {x}, "x_columns");
  Value* aspect = add(node, Div{}, {height, width}, "aspect");
  Value* half_x = add(node, Mul{}, {reals(node, extents.x, "extents_x"), aspect}, "half_x");
  Value* half_y = reals(node, extents.y, "extents_y");
  const Dims& dims = node.dims(0);
  const auto count = static_cast<int64_t>(extents.x.size());
  const Dims each{dims[2], dims[3], count};
  std::vector<Value*> edges;
  const auto edge = [&](auto op, Value* center, Value* half, const std::string& name) {
    Value* at = add(node, op, {center, half}, name);
    at = add(node, Expand{.shape = each}, {at}, name + "_of_all");
    edges.push_back(add(node, Unsqueeze{.axes = Dims{Dim(3)}}, {at}, name + "_column"));
  };
  edge(Sub{}, x, half_x, "left");
  edge(Sub{}, y, half_y, "top");
  edge(Add{}, x, half_x, "right");
  edge(Add{}, y, half_y, "bottom");
  Value* boxes = add(node, Concat{.axis = 3}, edges, "boxes");
  if (clips)
    boxes = add(node, Clip{}, {boxes, node.scalar(0, "least"), node.scalar(1, "most")}, "clipped");
  node.emit(Reshape{.shape = Dims{1, dims[2] * dims[3] * count, 4}}, {boxes});
}

class Detection {
 public:
  explicit Detection(NodeReader& node) : node_(node) {}

  void read() {
    clips_ = node_.flag("clip", true);
    threshold_ = node_.real("threshold", 0.01);
    overlap_ = node_.real("nms_threshold", 0.5);
    forced_ = node_.flag("force_suppress", false);
    variances_ = node_.reals("variances");
    if (variances_.empty()) variances_ = {0.1, 0.1, 0.2, 0.2};
    node_.check(variances_.size() == 4, "variances wants four numbers");
    if (node_.integer("background_id", 0) != 0)
      node_.unsupported("a background that is not class 0");
    if (node_.integer("nms_topk", -1) > 0) node_.unsupported("nms_topk");
    node_.check(node_.rank_of(0) == 3 && node_.rank_of(1) == 2 && node_.rank_of(2) == 3,
                "inputs of ", node_.rank_of(0), ", ", node_.rank_of(1), " and ", node_.rank_of(2),
                " axes, wanted 3, 2 and 3");
    const auto classes = node_.dims(0)[1].constant();
    if (!classes) node_.unsupported("a number of classes that is not known");
    node_.check(*classes >= 2 && *classes <= 4096, *classes, " classes");
    labels_ = *classes - 1;
    count_ = node_.dims(0)[2];
  }

  /// Rows of label, score and corners, best first; the label of what is suppressed is -1, and all
  /// of a row that is not above the threshold.
  void write() {
    Value* all =
        cut(Slice{.starts = Dims{Dim(1)}, .ends = Dims{Dim(labels_ + 1)}, .axes = Dims{Dim(1)}},
            {node_.required(0)}, "scores_of_labels");
    Value* score = cut(ReduceMax{.axes = Dims{Dim(1)}, .keepdims = false}, {all}, "score");
    Value* label = cut(ArgMax{.axis = 1, .keepdims = false}, {all}, "label");
    Value* least = node_.scalar(threshold_, "threshold");
    Value* none = node_.scalar(-1, "none");
    Value* valid = cut(GreaterOrEqual{}, {score, least}, "valid");
    Value* key = cut(Where{}, {valid, score, none}, "key");
    const auto best =
        node_.intermediates(TopK{.k = Dims{Dim(count_)}, .axis = 1}, {key}, 2, "best");
    score = best[0];
    label = cut(GatherElements{.axis = 1}, {label, best[1]}, "label_sorted");
    label = cut(Cast{.to = DType::f32}, {label}, "label_real");
    valid = cut(GreaterOrEqual{}, {score, least}, "valid_sorted");
    Value* boxes = sorted_boxes(best[1]);
    Value* kept = cut(And{}, {valid, suppressed(boxes, score, label)}, "kept");
    label = cut(Where{}, {kept, label, none}, "label_kept");
    Value* inside = column(valid, "valid_column");
    boxes = cut(Where{}, {inside, boxes, none}, "boxes_or_none");
    node_.emit(Concat{.axis = 2},
               {column(label, "label_column"), column(score, "score_column"), boxes});
  }

 private:
  template <class T>
  Value* cut(T op, std::vector<Value*> inputs, std::string_view name) {
    return add(node_, std::move(op), std::move(inputs), name);
  }
  Value* column(Value* x, std::string_view name) {
    return cut(Unsqueeze{.axes = Dims{Dim(2)}}, {x}, name);
  }
  Value* columns(Value* x, int64_t from, std::string_view name) {
    return cut(Slice{.starts = Dims{Dim(from)}, .ends = Dims{Dim(from + 2)}, .axes = Dims{Dim(2)}},
               {x}, name);
  }

  Value* sorted_boxes(Value* order) {
    const Dims& dims = node_.dims(1);
    Value* offsets = node_.reshaped(node_.required(1), {dims[0], count_, 4}, "offsets");
    offsets = cut(Mul{}, {offsets, reals(node_, variances_, "variances")}, "scaled_offsets");
    Value *start = columns(node_.required(2), 0, "start"), *end = columns(node_.input(2), 2, "end");
    Value* half = node_.scalar(0.5, "half");
    Value* extent = cut(Sub{}, {end, start}, "extent");
    Value* middle = cut(Mul{}, {cut(Add{}, {start, end}, "both"), half}, "middle");
    Value* moved = cut(Mul{}, {columns(offsets, 0, "move"), extent}, "moved");
    Value* center = cut(Add{}, {middle, moved}, "center");
    Value* grown = cut(Exp{}, {columns(offsets, 2, "growth")}, "grown");
    Value* reach = cut(Mul{}, {cut(Mul{}, {grown, extent}, "size"), half}, "reach");
    Value* boxes = cut(
        Concat{.axis = 2},
        {cut(Sub{}, {center, reach}, "first_corner"), cut(Add{}, {center, reach}, "last_corner")},
        "boxes");
    if (clips_)
      boxes = cut(Clip{}, {boxes, node_.scalar(0, "zero"), node_.scalar(1, "one")}, "clipped");
    Value* places = cut(Expand{.shape = Dims{dims[0], count_, 4}}, {column(order, "order_column")},
                        "order_of_numbers");
    return cut(GatherElements{.axis = 1}, {boxes, places}, "boxes_sorted");
  }

  /// For each row whether no better one (of its label) overlaps it.
  Value* suppressed(Value* boxes, Value* score, Value* label) {
    const int64_t classes = forced_ ? 1 : labels_;
    Value* scores = cut(Unsqueeze{.axes = Dims{Dim(1)}}, {score}, "scores_by_label");
    if (!forced_) {
      Tensor all(DType::f32, {1, classes, 1});
      for (int64_t i = 0; i < classes; ++i) all.set_number(i, static_cast<double>(i));
      Value* row = cut(Unsqueeze{.axes = Dims{Dim(1)}}, {label}, "label_row");
      Value* own = cut(Equal{}, {row, node_.constant(std::move(all), "labels")}, "own_label");
      scores = cut(Where{}, {own, scores, node_.scalar(-1, "no_score")}, "own_scores");
    }
    Value* most = cut(Size{}, {score}, "most");
    Value* found = cut(
        NonMaxSuppression{},
        {boxes, scores, most, node_.scalar(overlap_, "overlap"), node_.scalar(-0.5, "least_score")},
        "found");
    Value* places =
        cut(Gather{.axis = 1}, {found, node_.constant(Tensor::ints({0, 2}), "columns")}, "places");
    // A 1 for each place, however many there are: none of them is negative.
    Value* ones = cut(GreaterOrEqual{},
                      {cut(ReduceMax{.axes = Dims{Dim(1)}, .keepdims = false}, {places}, "place"),
                       node_.number(0, "first")},
                      "marks");
    Value* marks = cut(Cast{.to = DType::f32}, {ones}, "marks_real");
    Value* empty = cut(ConstantOfShape{.shape = score->type.tensor().shape()}, {}, "no_marks");
    Value* marked = cut(ScatterND{}, {empty, places, marks}, "marked");
    return cut(Greater{}, {marked, node_.scalar(0.5, "middle_mark")}, "not_suppressed");
  }

  NodeReader& node_;
  bool clips_ = true, forced_ = false;
  double threshold_ = 0, overlap_ = 0;
  std::vector<double> variances_;
  int64_t labels_ = 0;
  Dim count_;
};

void import_detection(NodeReader& node) {
  Detection detection(node);
  detection.read();
  detection.write();
}

std::vector<int64_t> image_sizes_of_boxes(const Symbol&, const Node&, size_t, const WeightSource&) {
  return {0, 0, 0, 0};
}
std::vector<int64_t> detection_sizes(const Symbol&, const Node&, size_t i, const WeightSource&) {
  if (i == 2) return {1, 0, 4};
  return std::vector<int64_t>(i == 0 ? 3 : 2, 0);
}

}  // namespace

void register_multi_box(Importers& importers) {
  importers.add({"_contrib_MultiBoxPrior", "MultiBoxPrior"},
                {.run = import_prior, .sizes = image_sizes_of_boxes});
  importers.add({"_contrib_MultiBoxDetection", "MultiBoxDetection"},
                {.run = import_detection, .sizes = detection_sizes});
}

}  // namespace hone::mxnet
