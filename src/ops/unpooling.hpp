#pragma once
// From windows back to the data that they were taken of. Fields and defaults are ONNX's.

#include "ops/common/window.hpp"

namespace hone {

/// Zeros, and each element of a pooled tensor where the offsets (of MaxPool, row-major) say.
/// Operands: the pooled data [batch, channels, spatial...], offsets of its shape, output_shape (all
/// sizes, at least those that the window gives; offsets still count within the latter).
struct MaxUnpool {
  static constexpr std::string_view kName = "MaxUnpool";
  static constexpr Arity kInputs{2, 3};
  static constexpr Parameter kParameters[] = {{"output_shape", 2}};
  std::optional<Dims> output_shape = {};
  Window window = {};
  void fields(FieldList& f) const {
    f("output_shape", output_shape);
    window.fields(f);
  }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// The sum of blocks laid over an image. Operands: blocks [batch, channels * product(block_shape),
/// number of blocks], image_shape, block_shape. Result: [batch, channels, image_shape...].
struct Col2Im {
  static constexpr std::string_view kName = "Col2Im";
  static constexpr Arity kInputs{1, 3};
  static constexpr Parameter kParameters[] = {{"image_shape", 1}, {"block_shape", 2}};
  std::optional<Dims> image_shape = {}, block_shape = {};
  std::vector<int64_t> strides = {};    ///< of blocks along each axis; empty: 1
  std::vector<int64_t> dilations = {};  ///< of elements within a block; empty: 1
  std::vector<int64_t> pads = {};       ///< begins of all axes, then ends; empty: 0
  void fields(FieldList& f) const {
    f("image_shape", image_shape), f("block_shape", block_shape), f("strides", strides);
    f("dilations", dilations), f("pads", pads);
  }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

}  // namespace hone
