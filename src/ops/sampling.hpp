#pragma once
// Sampling at places that a tensor gives. Fields and defaults are ONNX's.

#include "ir/op.hpp"

namespace hone {

/// The data [batch, channels, d1 ... dr] at the places of a grid [batch, o1 ... or, r]. A place
/// counts from -1 (the begin of an axis) to 1 (its end), innermost axis first. Result: [batch,
/// channels, o1 ... or].
struct GridSample {
  static constexpr std::string_view kName = "GridSample";
  static constexpr Arity kInputs{2, 2};
  enum class Mode : uint8_t {
    linear,
    nearest,  ///< to even where two are equally near
    cubic
  };
  static constexpr std::string_view kModes[] = {"linear", "nearest", "cubic"};
  enum class Padding : uint8_t {
    zeros,
    border,     ///< the edge element repeated
    reflection  ///< mirrored at the edge, again and again
  };
  static constexpr std::string_view kPaddings[] = {"zeros", "border", "reflection"};
  Mode mode = Mode::linear;
  Padding padding_mode = Padding::zeros;
  bool align_corners = false;  ///< -1 and 1 are the centres of the edge elements, else their edges
  void fields(FieldList& f) const {
    f("mode", mode, kModes), f("padding_mode", padding_mode, kPaddings);
    f("align_corners", align_corners);
  }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// The grid [n, d1 ... dr, r] that samples an affine image of the data. Operands: matrices
/// [n, r, r + 1], size [n, channels, d1 ... dr]; r is 2 or 3.
struct AffineGrid {
  static constexpr std::string_view kName = "AffineGrid";
  static constexpr Arity kInputs{1, 2};
  static constexpr Parameter kParameters[] = {{"size", 1}};
  std::optional<Dims> size = {};
  bool align_corners = false;
  void fields(FieldList& f) const { f("size", size), f("align_corners", align_corners); }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

}  // namespace hone
