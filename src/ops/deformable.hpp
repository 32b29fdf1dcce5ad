#pragma once

#include "ops/common/window.hpp"

namespace hone {

/// Convolution whose kernel elements are each moved by an offset (linear interpolation, zero
/// outside) and weighted by a mask, both their own at every place of the result. Operands: input
/// [batch, channels, spatial...], weight [filters, channels / group, kernel...], offsets [batch,
/// offset_group * taps * axes, result's spatial...], optional bias [filters], optional mask [batch,
/// offset_group * taps, result's spatial...]. (Source: ONNX.)
struct DeformConv {
  static constexpr std::string_view kName = "DeformConv";
  static constexpr Arity kInputs{3, 5};
  Window window = {};
  int64_t group = 1;
  int64_t offset_group = 1;  ///< channels fall into this many groups with offsets of their own
  void fields(FieldList& f) const {
    window.fields(f);
    f("group", group)("offset_group", offset_group);
  }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

}  // namespace hone
