#pragma once
// Spatial axes of a step with known sizes.

#include <algorithm>

#include "ops/common/window.hpp"

namespace hone::cpu {

/// Axis `at` of a window op: `taps` kernel elements over `input`, giving `output`.
inline WindowAxis window_axis_of(const Window& window, size_t at, int64_t input, int64_t output,
                                 int64_t taps, bool ceil_mode = false) {
  const SymbolicAxis known = window_axis(window, at, Dim(input), Dim(taps), ceil_mode);
  return {input,
          output,
          taps,
          window.stride(at),
          window.dilation(at),
          *known.pad_begin.constant(),
          *known.pad_end.constant()};
}

/// What results [first, last) read of the input: [first, last).
inline Taps seen_by(const WindowAxis& axis, int64_t first, int64_t last) {
  const int64_t end = axis.start(last - 1) + (axis.kernel - 1) * axis.dilation + 1;
  const int64_t begin = std::clamp<int64_t>(axis.start(first), 0, axis.input);
  return {begin, std::clamp(end, begin, axis.input)};
}

/// The axis that a one-dimensional window lacks.
inline constexpr WindowAxis kNoAxis{1, 1, 1, 1, 1, 0, 0};

}  // namespace hone::cpu
