// Detections as SSD makes them, of ops that there are. (Source: weiliu89/caffe, branch ssd.)

#include "ops/detection.hpp"

#include <cmath>
#include <limits>

#include "import/caffe/layer_reader.hpp"
#include "ops/arithmetic.hpp"
#include "ops/cast.hpp"
#include "ops/compare.hpp"
#include "ops/gather.hpp"
#include "ops/generate.hpp"
#include "ops/layout.hpp"
#include "ops/math.hpp"
#include "ops/scatter.hpp"
#include "ops/select.hpp"
#include "ops/shape.hpp"
#include "ops/slice.hpp"

namespace hone::caffe {
namespace {

enum Code {
  corner,
  center_size,
  corner_size
};

struct Fields {
  int64_t classes = 0, background = 0, most_candidates = -1, most_kept = -1;
  bool shared = true, encoded = false;
  size_t code = corner;
  float overlap = 0, confidence = 0;
};

/// The sizes that a detection needs to know.
struct Sizes {
  int64_t images, boxes, labels, candidates;  // labels: classes without the background
};

/// Writes the nodes of one layer; each step has a name of its own.
class Detection {
 public:
  Detection(LayerReader& layer, const Fields& fields, const Sizes& sizes)
      : layer_(layer), fields_(fields), sizes_(sizes) {}

  void write() {
    Value* boxes = decoded();
    Value* scores = label_scores();
    candidates(boxes, scores);
    Value* kept = suppressed();
    give_rows(most_kept(kept));
  }

 private:
  template <class T>
  Value* add(T op, std::vector<Value*> inputs, std::string_view name) {
    return layer_.intermediate(std::move(op), std::move(inputs), name);
  }
  Value* reshape(Value* x, Dims shape, std::string_view name) {
    return add(Reshape{.shape = std::move(shape)}, {x}, name);
  }
  /// Columns [from, to) of the last axis.
  Value* columns(Value* x, int64_t from, int64_t to, std::string_view name) {
    return add(Slice{.starts = Dims{from}, .ends = Dims{to}, .axes = Dims{-1}}, {x}, name);
  }

  /// Corners of all boxes, [images, labels or 1, boxes, 4].
  Value* decoded() {
    const int64_t sets = fields_.shared ? 1 : fields_.classes;
    Value* offsets = reshape(layer_.required(0), {sizes_.images, sizes_.boxes, sets, 4}, "offsets");
    offsets = add(Transpose{.perm = {0, 2, 1, 3}}, {offsets}, "offsets_by_class");
    if (!fields_.shared) offsets = without_background(offsets, "offsets_of_labels");
    Value* priors = reshape(layer_.required(2), {2, sizes_.boxes, 4}, "priors");
    Value* boxes = add(Gather{}, {priors, number(0, "first")}, "prior_boxes");
    if (!fields_.encoded) {
      Value* variances = add(Gather{}, {priors, number(1, "second")}, "variances");
      offsets = add(Mul{}, {offsets, variances}, "scaled_offsets");
    }
    if (fields_.code == corner) return add(Add{}, {boxes, offsets}, "boxes");
    Value *start = columns(boxes, 0, 2, "prior_start"), *end = columns(boxes, 2, 4, "prior_end");
    Value* extent = add(Sub{}, {end, start}, "prior_extent");
    Value *first = columns(offsets, 0, 2, "first_offset"),
          *second = columns(offsets, 2, 4, "second_offset");
    Value* moved = add(Mul{}, {first, extent}, "moved");
    if (fields_.code == corner_size) {
      Value* grown = add(Mul{}, {second, extent}, "grown");
      return add(Concat{.axis = -1},
                 {add(Add{}, {start, moved}, "start"), add(Add{}, {end, grown}, "end")}, "boxes");
    }
    Value* half = layer_.scalar(0.5, "half");
    Value* middle = add(Mul{}, {add(Add{}, {start, end}, "both"), half}, "prior_middle");
    Value* center = add(Add{}, {middle, moved}, "center");
    Value* factor = add(Exp{}, {second}, "factor");
    Value* size = add(Mul{}, {factor, extent}, "size");
    Value* reach = add(Mul{}, {size, half}, "reach");
    return add(Concat{.axis = -1},
               {add(Sub{}, {center, reach}, "start"), add(Add{}, {center, reach}, "end")}, "boxes");
  }

  /// Along axis 1 every class but the background.
  Value* without_background(Value* x, std::string_view name) {
    if (sizes_.labels == fields_.classes) return x;
    return add(Gather{.axis = 1}, {x, labels(DType::i64)}, name);
  }
  Value* labels(DType dtype) {
    std::vector<int64_t> list;
    for (int64_t c = 0; c < fields_.classes; ++c)
      if (c != fields_.background) list.push_back(c);
    return layer_.constant(Tensor::ints(list, dtype), "labels");
  }
  Value* number(int64_t value, std::string_view name) {
    return layer_.constant(Tensor::scalar(DType::i64, static_cast<double>(value)), name);
  }

  /// [images, labels, boxes].
  Value* label_scores() {
    Value* scores =
        reshape(layer_.required(1), {sizes_.images, sizes_.boxes, fields_.classes}, "scores");
    scores = add(Transpose{.perm = {0, 2, 1}}, {scores}, "scores_by_class");
    return without_background(scores, "scores_of_labels");
  }

  /// Of each image and label the best ones: scores_ and boxes_, a row for each of these.
  void candidates(Value* boxes, Value* scores) {
    const int64_t rows = sizes_.images * sizes_.labels, count = sizes_.candidates;
    const auto best = layer_.intermediates(TopK{.k = Dims{count}, .axis = -1}, {scores}, 2, "best");
    scores_ = reshape(best[0], {rows, count}, "candidate_scores");
    Value* places = add(Unsqueeze{.axes = Dims{-1}}, {best[1]}, "places");
    places = add(Expand{.shape = Dims{sizes_.images, sizes_.labels, count, 4}}, {places},
                 "places_of_numbers");
    if (fields_.shared)
      boxes = add(Expand{.shape = Dims{sizes_.images, sizes_.labels, sizes_.boxes, 4}}, {boxes},
                  "boxes_of_labels");
    Value* picked = add(GatherElements{.axis = 2}, {boxes, places}, "picked");
    boxes_ = reshape(picked, {rows, count, 4}, "candidate_boxes");
  }

  /// i64[found, 2]: row and candidate of each that no better one overlaps.
  Value* suppressed() {
    Value* scores = add(Unsqueeze{.axes = Dims{1}}, {scores_}, "scores_of_rows");
    Value* most = number(sizes_.candidates, "most");
    Value* boxes = boxes_;
    if (fields_.code != center_size) {  // one whose end lies before its start overlaps none
      Value *start = columns(boxes, 0, 2, "starts"), *end = columns(boxes, 2, 4, "ends");
      end = add(Max{}, {start, end}, "ends_not_before");
      boxes = add(Concat{.axis = -1}, {start, end}, "proper_boxes");
    }
    Value* found = add(NonMaxSuppression{},
                       {boxes, scores, most, layer_.scalar(double{fields_.overlap}, "overlap"),
                        layer_.scalar(double{fields_.confidence}, "confidence")},
                       "suppressed");
    Value* columns = layer_.constant(Tensor::ints({0, 2}), "columns");
    return add(Gather{.axis = 1}, {found, columns}, "found");
  }

  /// The best of each image, in the order of their labels.
  Value* most_kept(Value* found) {
    const int64_t all = sizes_.labels * sizes_.candidates;
    if (fields_.most_kept < 0 || fields_.most_kept >= all) return found;
    const int64_t rows = sizes_.images * sizes_.labels;
    constexpr auto kNone = -std::numeric_limits<float>::infinity();
    Value* none =
        add(ConstantOfShape{.shape = Dims{rows, sizes_.candidates}, .value = filled({1}, kNone)},
            {}, "none");
    Value* scores = add(GatherND{}, {scores_, found}, "found_scores");
    Value* spread = add(ScatterND{}, {none, found, scores}, "spread");
    Value* images = reshape(spread, {sizes_.images, all}, "scores_of_images");
    const auto best =
        layer_.intermediates(TopK{.k = Dims{fields_.most_kept}, .axis = -1}, {images}, 2, "kept");
    const auto order = layer_.intermediates(
        TopK{.k = Dims{fields_.most_kept}, .axis = -1, .largest = false}, {best[1]}, 2, "order");
    Value* sorted = add(GatherElements{.axis = 1}, {best[0], order[1]}, "sorted");
    Value* limit = layer_.scalar(double{kNone}, "limit");
    Value* there = add(Greater{}, {sorted, limit}, "there");
    Value* starts = layer_.constant(image_starts(all), "starts");
    Value* places = add(Add{}, {order[0], starts}, "places_of_kept");
    Value* flat = reshape(places, {sizes_.images * fields_.most_kept}, "flat");
    Value* mask = reshape(there, {sizes_.images * fields_.most_kept}, "mask");
    Value* kept = add(Compress{.axis = 0}, {flat, mask}, "compressed");
    Value* count = number(sizes_.candidates, "count");
    Value* row = add(Div{}, {kept, count}, "row");
    Value* candidate = add(Sub{}, {kept, add(Mul{}, {row, count}, "before")}, "candidate");
    return add(Concat{.axis = 1},
               {add(Unsqueeze{.axes = Dims{1}}, {row}, "row_column"),
                add(Unsqueeze{.axes = Dims{1}}, {candidate}, "candidate_column")},
               "kept_places");
  }
  static Tensor filled(std::vector<int64_t> shape, float value) {
    Tensor made(DType::f32, std::move(shape));
    for (int64_t i = 0; i < made.count(); ++i) made.put(i, value);
    return made;
  }
  Tensor image_starts(int64_t all) const {
    Tensor made(DType::i64, {sizes_.images, 1});
    for (int64_t i = 0; i < sizes_.images; ++i) made.set_integer(i, i * all);
    return made;
  }

  /// [1, 1, kept, 7]: image, label, score, corners. Where nothing is kept: for each image a row of
  /// -1 with the image's number.
  void give_rows(Value* kept) {
    Value* scores = add(GatherND{}, {scores_, kept}, "kept_scores");
    Value* boxes = add(GatherND{}, {boxes_, kept}, "kept_boxes");
    Value* row = add(Gather{.axis = 1}, {kept, number(0, "row_place")}, "kept_row");
    Value* image = add(Gather{}, {layer_.constant(per_row(false), "images"), row}, "image");
    Value* label = add(Gather{}, {layer_.constant(per_row(true), "labels_of_rows"), row}, "label");
    const auto column = [&](Value* x, std::string_view name) {
      return add(Unsqueeze{.axes = Dims{1}}, {x}, name);
    };
    Value* rows = add(Concat{.axis = 1},
                      {column(image, "image_column"), column(label, "label_column"),
                       column(scores, "score_column"), boxes},
                      "rows");
    Value* padded = add(Concat{.axis = 0}, {rows, layer_.constant(no_rows(), "no_rows")}, "padded");
    Value* count = add(Shape{.end = 1}, {rows}, "rows_count");
    Value* zero = layer_.constant(Tensor::ints({0}), "zero");
    Value* is_none = add(Equal{}, {count, zero}, "is_none");
    Value* least = layer_.constant(Tensor::ints({sizes_.images}), "least");
    Value* wanted = add(Where{}, {is_none, least, count}, "wanted");
    Value* result =
        add(Slice{.starts = Dims{0}, .axes = Dims{0}}, {padded, nullptr, wanted}, "detections");
    layer_.emit(Unsqueeze{.axes = Dims{0, 1}}, {result});
  }
  /// The image, or the label, of each row of candidates.
  Tensor per_row(bool is_label) const {
    Tensor made(DType::f32, {sizes_.images * sizes_.labels});
    int64_t at = 0;
    for (int64_t image = 0; image < sizes_.images; ++image)
      for (int64_t c = 0; c < fields_.classes; ++c)
        if (c != fields_.background) made.put(at++, static_cast<float>(is_label ? c : image));
    return made;
  }
  Tensor no_rows() const {
    Tensor made = filled({sizes_.images, 7}, -1);
    for (int64_t i = 0; i < sizes_.images; ++i) made.put(i * 7, static_cast<float>(i));
    return made;
  }

  LayerReader& layer_;
  const Fields& fields_;
  const Sizes& sizes_;
  Value *scores_ = nullptr, *boxes_ = nullptr;
};

Fields read_fields(LayerReader& layer) {
  Params params = layer.params("detection_output_param");
  Fields fields;
  fields.classes = params.integer("num_classes");
  fields.shared = params.flag("share_location", true);
  fields.background = params.integer("background_label_id", 0);
  fields.code = params.choice("code_type", {"CORNER", "CENTER_SIZE", "CORNER_SIZE"}, "CORNER", 1);
  fields.encoded = params.flag("variance_encoded_in_target", false);
  fields.most_kept = params.integer("keep_top_k", -1);
  fields.confidence = params.real("confidence_threshold", -std::numeric_limits<float>::max());
  for (const auto* field : {"save_output_param", "visualize", "visualize_threshold"})
    params.ignore(field);
  Params nms = params.message("nms_param");
  fields.overlap = nms.real("nms_threshold", 0.3f);
  fields.most_candidates = nms.integer("top_k", -1);
  if (nms.real("eta", 1) != 1) layer.unsupported("an overlap that adapts itself (eta)");
  layer.check(fields.classes > 0 && fields.classes < 100'000, "num_classes is ", fields.classes);
  layer.check(fields.most_kept != 0 && fields.most_candidates != 0, "keeps no box");
  return fields;
}

Sizes read_sizes(LayerReader& layer, const Fields& fields) {
  const std::vector<int64_t> offsets = layer.sizes(0), scores = layer.sizes(1);
  const std::vector<int64_t> priors = layer.sizes(2);
  layer.check(priors.size() == 3 && priors[1] == 2 && priors[2] % 4 == 0 && priors[2] > 0,
              "priors of sizes ", shape_text(priors), ", wanted [1,2,4 * boxes]");
  layer.check(offsets.size() >= 2 && scores.size() >= 2 && offsets[0] == scores[0],
              "offsets of sizes ", shape_text(offsets), ", scores of ", shape_text(scores));
  const bool has_background = fields.background >= 0 && fields.background < fields.classes;
  Sizes sizes{offsets[0], priors[2] / 4, fields.classes - (has_background ? 1 : 0), 0};
  sizes.candidates =
      fields.most_candidates < 0 ? sizes.boxes : std::min(fields.most_candidates, sizes.boxes);
  layer.check(sizes.labels > 0, "there are no classes but the background");
  constexpr int64_t kMostRows = 1 << 20;
  layer.check(sizes.images > 0 && sizes.images <= kMostRows / sizes.labels, "a batch of ",
              sizes.images, " images with ", sizes.labels, " labels each");
  return sizes;
}

void import_detection_output(LayerReader& layer) {
  const Fields fields = read_fields(layer);
  const Sizes sizes = read_sizes(layer, fields);
  Detection(layer, fields, sizes).write();
}

void import_roi_pooling(LayerReader& layer) {
  Params params = layer.params("roi_pooling_param");
  const int64_t height = params.integer("pooled_h"), width = params.integer("pooled_w");
  layer.check(height > 0 && width > 0, "bins of ", height, " x ", width);
  MaxRoiPool op{.pooled_shape = {height, width}, .spatial_scale = params.real("spatial_scale", 1)};
  layer.emit(std::move(op), {layer.required(0), layer.required(1)});
}

}  // namespace

void register_detection(Importers& importers) {
  importers.add("DetectionOutput", import_detection_output);
  importers.add("ROIPooling", import_roi_pooling);
}

}  // namespace hone::caffe
