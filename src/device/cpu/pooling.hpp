#pragma once
// What the kernels of pooling share.

#include <optional>

#include "device/cpu/plane.hpp"
#include "device/cpu/step.hpp"
#include "ops/pooling.hpp"

namespace hone::cpu {

struct PoolFields {
  Window window{};
  bool ceil_mode = false, average = false, count_padding = false;

  double taps() const {
    double taps = 1;
    for (const int64_t size : window.kernel_shape) taps *= static_cast<double>(size);
    return taps;
  }
  /// What padding counts as among the elements that are folded.
  float frame() const { return average ? 0.0f : -std::numeric_limits<float>::infinity(); }
  /// Axis `at` of the window over an input and a result of these shapes.
  WindowAxis axis(size_t at, const std::vector<int64_t>& in,
                  const std::vector<int64_t>& out) const {
    return window_axis_of(window, at, in[at + 2], out[at + 2], window.kernel_shape[at], ceil_mode);
  }
  /// Elements of a window that count, along one axis.
  int64_t elements(const WindowAxis& axis, int64_t at) const {
    const Taps inside = axis.taps(at);
    return count_padding ? axis.padded_taps(at) : inside.last - inside.first;
  }
};

/// nullopt: neither MaxPool nor AveragePool.
inline std::optional<PoolFields> pool_fields(const Problem& problem) {
  if (const auto* op = op_of<MaxPool>(problem)) return PoolFields{op->window, op->ceil_mode};
  if (const auto* op = op_of<AveragePool>(problem))
    return PoolFields{op->window, op->ceil_mode, true, op->count_include_pad};
  return std::nullopt;
}

}  // namespace hone::cpu
