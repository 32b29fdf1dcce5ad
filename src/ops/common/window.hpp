#pragma once
// Geometry of windows that slide over the spatial axes (all after batch and channels): shared by
// convolution, pooling and their quantized forms.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ir/evaluation/evaluation.hpp"
#include "ir/inference.hpp"

namespace hone {

/// Who chooses the padding: `pads`, or the op so that the result has ceil(input / stride) elements
/// (an odd one more at the end: SAME_UPPER, at the beginning: SAME_LOWER), or nobody: none.
enum class AutoPad : uint8_t {
  notset,
  same_upper,
  same_lower,
  valid
};
inline constexpr std::string_view kAutoPadNames[] = {"NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"};

/// The fields of an op that slides a window.
struct Window {
  std::vector<int64_t> kernel_shape = {};  ///< elements a spatial axis; empty: the weight's
  std::vector<int64_t> strides = {};       ///< a spatial axis; empty: 1
  std::vector<int64_t> dilations = {};     ///< distance of kernel elements; empty: 1
  std::vector<int64_t> pads = {};          ///< begins of all spatial axes, then ends; empty: 0
  AutoPad auto_pad = AutoPad::notset;

  void fields(FieldList& f) const {
    f("kernel_shape", kernel_shape)("strides", strides)("dilations", dilations)("pads", pads);
    f("auto_pad", auto_pad, kAutoPadNames);
  }
  int64_t stride(size_t axis) const { return strides.empty() ? 1 : strides[axis]; }
  int64_t dilation(size_t axis) const { return dilations.empty() ? 1 : dilations[axis]; }
};

/// What is wrong with the fields for `rank` spatial axes, in words; empty: nothing.
std::string window_problem(const Window& window, size_t rank);

/// One spatial axis with sizes as they are known.
struct SymbolicAxis {
  Dim input, output, pad_begin, pad_end;
};
/// One axis: `kernel` elements over `input`. With `ceil_mode` a last window that is not full counts
/// when it starts before the padding at the end. Fields are those that window_problem accepts.
SymbolicAxis window_axis(const Window& window, size_t axis, const Dim& input, const Dim& kernel,
                         bool ceil_mode = false);
/// The result's spatial sizes. Checks the fields and that each window fits its padded input
/// (recorded as a requirement where only running tells).
Dims window_output(Inference& c, const Window& window, const Dims& input, const Dims& kernel,
                   bool ceil_mode = false);
/// Spatial axes of a transposed window: `output` is what a window op would read, `input` what it
/// would write. `output_padding`: extra elements at the end, empty: 0. `output_shape`: wanted
/// sizes, padding follows; empty: sizes follow from padding.
SymbolicAxis transposed_axis(const Window& window, size_t axis, const Dim& input, const Dim& kernel,
                             const std::vector<int64_t>& output_padding,
                             const std::vector<int64_t>& output_shape);

/// Kernel elements [first, last) that lie inside the input.
struct Taps {
  int64_t first, last;
};
/// One spatial axis, all sizes known.
struct WindowAxis {
  int64_t input, output, kernel, stride, dilation, pad_begin, pad_end;

  /// Where the window of `output_index` starts in the input; negative: in the padding.
  int64_t start(int64_t output_index) const { return output_index * stride - pad_begin; }
  Taps taps(int64_t output_index) const;
  /// Kernel elements of the window that lie in the input or in the padding asked for.
  int64_t padded_taps(int64_t output_index) const;
  /// Outputs [first, last) whose window has element `tap` inside the input.
  Taps outputs(int64_t tap) const;
};
/// All axes of a concrete input (spatial sizes only). Fails where window_output would.
std::vector<WindowAxis> window_axes(const Evaluation& c, const Window& window,
                                    const std::vector<int64_t>& input,
                                    const std::vector<int64_t>& kernel, bool ceil_mode = false);

/// The elements of `shape` after the first `skip`.
std::vector<int64_t> spatial(const std::vector<int64_t>& shape, size_t skip = 2);

}  // namespace hone
