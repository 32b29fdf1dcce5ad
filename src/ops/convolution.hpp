#pragma once

#include "ops/common/window.hpp"

namespace hone {

/// Cross-correlation with a weight [filters, channels / group, kernel...]. Operands: input [batch,
/// channels, spatial...], weight, optional bias [filters]. Padding is zero.
struct Conv {
  static constexpr std::string_view kName = "Conv";
  static constexpr Arity kInputs{2, 3};
  Window window = {};
  int64_t group = 1;  ///< channels and filters fall into this many independent groups
  void fields(FieldList& f) const {
    window.fields(f);
    f("group", group);
  }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// The transpose of a convolution: each input element adds the weight [channels, filters / group,
/// kernel...], scaled, to a window of the result. Operands: input, weight, optional bias.
struct ConvTranspose {
  static constexpr std::string_view kName = "ConvTranspose";
  static constexpr Arity kInputs{2, 3};
  Window window = {};
  int64_t group = 1;
  std::vector<int64_t> output_padding = {};  ///< elements more at the end of each axis; empty: 0
  std::vector<int64_t> output_shape = {};    ///< wanted sizes, padding follows; empty: from padding
  void fields(FieldList& f) const {
    window.fields(f);
    f("group", group)("output_padding", output_padding)("output_shape", output_shape);
  }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

}  // namespace hone
