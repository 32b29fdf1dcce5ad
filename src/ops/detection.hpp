#pragma once
// Regions of interest and boxes. Fields and defaults are ONNX's.

#include "ir/op.hpp"

namespace hone {

/// Each region cut into output_height x output_width bins, each bin the mean (or the largest) of
/// points sampled in it. Operands: images [batch, channels, height, width], regions [r, 4] as
/// x1, y1, x2, y2, the image of each region [r]. Result: [r, channels, output_height,
/// output_width].
struct RoiAlign {
  static constexpr std::string_view kName = "RoiAlign";
  static constexpr Arity kInputs{3, 3};
  enum class Mode : uint8_t {
    avg,
    max  ///< of the four weighted pixels around each point, as ONNX Runtime does it
  };
  static constexpr std::string_view kModes[] = {"avg", "max"};
  enum class Coordinates : uint8_t {
    half_pixel,        ///< pixels lie at half numbers; a region may be empty
    output_half_pixel  ///< pixels lie at whole numbers; a region is at least 1 x 1
  };
  static constexpr std::string_view kCoordinates[] = {"half_pixel", "output_half_pixel"};
  Mode mode = Mode::avg;
  Coordinates coordinate_transformation_mode = Coordinates::half_pixel;
  int64_t output_height = 1, output_width = 1;
  int64_t sampling_ratio = 0;  ///< points a bin along each axis; 0: one a pixel
  float spatial_scale = 1;     ///< from the regions' coordinates to the images'
  void fields(FieldList& f) const {
    f("mode", mode, kModes);
    f("coordinate_transformation_mode", coordinate_transformation_mode, kCoordinates);
    f("output_height", output_height), f("output_width", output_width);
    f("sampling_ratio", sampling_ratio), f("spatial_scale", spatial_scale);
  }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// The largest pixel in each of pooled_shape bins of each region, 0 in an empty bin. Operands:
/// images [batch, channels, height, width], regions [r, 5] as image, x1, y1, x2, y2 (rounded, both
/// ends within). Result: [r, channels, pooled_shape].
struct MaxRoiPool {
  static constexpr std::string_view kName = "MaxRoiPool";
  static constexpr Arity kInputs{2, 2};
  std::vector<int64_t> pooled_shape = {};  ///< height, width
  float spatial_scale = 1;
  void fields(FieldList& f) const {
    f("pooled_shape", pooled_shape), f("spatial_scale", spatial_scale);
  }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// The boxes of each batch and class that are left, best score first, once every box is dropped
/// that overlaps a better one by more than a threshold. Operands: boxes [batches, n, 4], scores
/// [batches, classes, n], at most how many boxes a class (a scalar; absent: 0), the threshold of
/// intersection over union (absent: 0), the score that a box must exceed (absent: none need).
/// Result: i64[s, 3], each batch, class, box.
struct NonMaxSuppression {
  static constexpr std::string_view kName = "NonMaxSuppression";
  static constexpr Arity kInputs{2, 5};
  static constexpr Parameter kParameters[] = {{"max_output_boxes_per_class", 2}};
  std::optional<Dims> max_output_boxes_per_class = {};
  bool center_point_box = false;  ///< boxes are x, y, width, height, else y1, x1, y2, x2
  void fields(FieldList& f) const {
    f("max_output_boxes_per_class", max_output_boxes_per_class);
    f("center_point_box", center_point_box);
  }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

}  // namespace hone
