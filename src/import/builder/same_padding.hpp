#pragma once
// Padding by a rule (SAME of TensorFlow and TFLite) as numbers.

#include "ops/common/window.hpp"

namespace hone::builder {

/// Numbers in place of the rule, where the sizes of the spatial axes are known.
Window with_known_pads(Window window, const Dims& image, const Dims& kernel);

/// One spatial axis of a transposed convolution: padding, and what the result has beyond it.
struct TransposedPads {
  int64_t begin, end, extra;
};
/// `left_over`: elements that the whole result, (input - 1) * stride + kernel, has more than
/// wanted; `same`: taken from both ends, else from the last.
TransposedPads transposed_pads(int64_t left_over, bool same);

}  // namespace hone::builder
