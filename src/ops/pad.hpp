#pragma once
// Padding and cropping. Fields and defaults are ONNX's.

#include "ir/op.hpp"

namespace hone {

/// `pads` (all begins, then all ends; negative ones crop) around the dimensions `axes` (absent: all
/// of them). Operands: the data, pads, the value of constant padding (a scalar; absent: 0), axes.
struct Pad {
  static constexpr std::string_view kName = "Pad";
  static constexpr Arity kInputs{1, 4};
  static constexpr Parameter kParameters[] = {{"pads", 1}, {"axes", 3}};
  enum class Mode : uint8_t {
    constant,
    reflect,  ///< mirrored at the edge element, which is not repeated
    edge,     ///< the edge element repeated
    wrap      ///< as if the data were repeated
  };
  static constexpr std::string_view kModes[] = {"constant", "reflect", "edge", "wrap"};
  std::optional<Dims> pads = {}, axes = {};
  Mode mode = Mode::constant;
  void fields(FieldList& f) const { f("pads", pads), f("axes", axes), f("mode", mode, kModes); }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// The middle of the data, or zeros around it, so that the dimensions `axes` (empty: all) get the
/// sizes `shape`; an odd element is cut off, or added, at the end. Operands: the data, shape.
struct CenterCropPad {
  static constexpr std::string_view kName = "CenterCropPad";
  static constexpr Arity kInputs{1, 2};
  static constexpr Parameter kParameters[] = {{"shape", 1}};
  std::optional<Dims> shape = {};
  std::vector<int64_t> axes = {};
  void fields(FieldList& f) const { f("shape", shape), f("axes", axes); }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// Which of `size` elements stands at `at` (any integer) of the padded axis; -1: none of them.
int64_t padding_source(Pad::Mode mode, int64_t at, int64_t size);

}  // namespace hone
