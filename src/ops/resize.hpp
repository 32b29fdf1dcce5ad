#pragma once
// Resampling. Fields and defaults are ONNX's (opset 19); older versions and Upsample are expressed
// in them by the importer.

#include <vector>

#include "ir/evaluation/evaluation.hpp"
#include "ir/op.hpp"

namespace hone {

/// The data resampled along `axes` (absent: all) by `scales` or to `sizes`, exactly one of the two.
/// Operands: the data, roi (starts, then ends, of each axis; for tf_crop_and_resize), scales
/// (floats), sizes. An operand of no elements counts as absent.
struct Resize {
  static constexpr std::string_view kName = "Resize";
  static constexpr Arity kInputs{1, 4};
  static constexpr Parameter kParameters[] = {{"sizes", 3}};
  enum class Mode : uint8_t {
    nearest,
    linear,
    cubic
  };
  static constexpr std::string_view kModes[] = {"nearest", "linear", "cubic"};
  /// From the place in the result to the place in the data.
  enum class Coordinates : uint8_t {
    half_pixel,
    half_pixel_symmetric,
    pytorch_half_pixel,
    align_corners,
    asymmetric,
    tf_half_pixel_for_nn,
    tf_crop_and_resize
  };
  static constexpr std::string_view kCoordinates[] = {
      "half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners",
      "asymmetric", "tf_half_pixel_for_nn", "tf_crop_and_resize"};
  enum class Nearest : uint8_t {
    round_prefer_floor,
    round_prefer_ceil,
    floor,
    ceil,
    simple  ///< of opset 10: ceil when made smaller, floor when made larger
  };
  static constexpr std::string_view kNearest[] = {"round_prefer_floor", "round_prefer_ceil",
                                                  "floor", "ceil", "simple"};
  enum class Aspect : uint8_t {
    stretch,     ///< each axis to its own size
    not_larger,  ///< one scale, the largest that keeps within sizes
    not_smaller  ///< one scale, the smallest that reaches sizes
  };
  static constexpr std::string_view kAspects[] = {"stretch", "not_larger", "not_smaller"};

  std::optional<Dims> sizes = {};
  std::vector<int64_t> axes = {};
  Mode mode = Mode::nearest;
  Coordinates coordinate_transformation_mode = Coordinates::half_pixel;
  Nearest nearest_mode = Nearest::round_prefer_floor;
  Aspect keep_aspect_ratio_policy = Aspect::stretch;
  float cubic_coeff_a = -0.75F;
  float extrapolation_value = 0;
  bool antialias = false;
  bool exclude_outside = false;

  void fields(FieldList& f) const {
    f("sizes", sizes), f("axes", axes), f("mode", mode, kModes);
    f("coordinate_transformation_mode", coordinate_transformation_mode, kCoordinates);
    f("nearest_mode", nearest_mode, kNearest);
    f("keep_aspect_ratio_policy", keep_aspect_ratio_policy, kAspects);
    f("cubic_coeff_a", cubic_coeff_a), f("extrapolation_value", extrapolation_value);
    f("antialias", antialias), f("exclude_outside", exclude_outside);
  }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// A scale as p / q, where it is the float nearest to a simple fraction: 0.5, 2, 1.0f / 3.
struct ResizeRatio {
  int64_t p, q;
  double value() const { return static_cast<double>(p) / static_cast<double>(q); }
};
std::optional<ResizeRatio> resize_ratio(float scale);

/// What one place of a result is made of along one axis.
struct ResizeTap {
  int64_t place;
  double weight;
};
/// Of each place along an axis; of none where the result is extrapolated. Empty for an axis that
/// stays as it is.
using ResizeTaps = std::vector<std::vector<ResizeTap>>;
/// For each axis of the data, from the operands that `c` has.
std::vector<ResizeTaps> resize_taps(const Evaluation& c, const Resize& op);

}  // namespace hone
