#pragma once
// What float and quantized pooling share.

#include <optional>
#include <span>
#include <vector>

#include "ops/common/window.hpp"

namespace hone {

/// Type rule: the dims of pooling operand `x` [batch, channels, spatial...].
std::optional<Dims> pool_dims(Inference& c, const Window& window, bool ceil_mode, int x);

/// Sizes of one pooling; `planes` is batch * channels.
struct PoolShape {
  int64_t planes;
  std::vector<WindowAxis> axes;
  std::vector<int64_t> result;

  int64_t inputs() const;   // elements of one plane of the input
  int64_t outputs() const;  // elements of one plane of the result
};
PoolShape pool_shape(const Evaluation& c, const Window& window, bool ceil_mode, const Tensor& x);

/// Calls f(offset in the plane) for every input element of the window at `at` (a coordinate for
/// each axis).
template <class F>
void each_input(std::span<const WindowAxis> axes, const int64_t* at, int64_t base, const F& f) {
  const WindowAxis& axis = axes.front();
  const Taps taps = axis.taps(*at);
  base = base * axis.input + axis.start(*at);
  for (int64_t tap = taps.first; tap < taps.last; ++tap) {
    const int64_t offset = base + tap * axis.dilation;
    if (axes.size() == 1) f(offset);
    else each_input(axes.subspan(1), at + 1, offset, f);
  }
}

/// Calls f(plane, output's offset in its plane, its coordinates) for every output in order.
template <class F>
void each_output(const PoolShape& shape, const F& f) {
  const int64_t outputs = shape.outputs();
  if (outputs == 0) return;
  std::vector<int64_t> at(shape.axes.size());
  for (int64_t plane = 0; plane < shape.planes; ++plane) {
    at.assign(at.size(), 0);
    for (int64_t i = 0; i < outputs; ++i) {
      f(plane, i, at.data());
      for (size_t axis = at.size(); axis-- > 0;) {
        if (++at[axis] < shape.axes[axis].output) break;
        at[axis] = 0;
      }
    }
  }
}

/// The mean of every window. Padding counts as zeros with `count_include_pad`, else not at all (a
/// window of padding only gives 0).
std::vector<double> average_pool(const PoolShape& shape, const std::vector<double>& x,
                                 bool count_include_pad);

}  // namespace hone
