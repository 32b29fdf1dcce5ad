#pragma once
// Where GridSample reads along one axis.

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

#include "ops/sampling.hpp"

namespace hone {

/// Mirrored at `low` and `high` until it lies between them.
inline double reflected(double at, double low, double high) {
  const double range = high - low;
  if (!(range > 0) || !std::isfinite(at)) return low;
  const double away = at < low ? low - at : at > high ? at - high : 0;
  if (away == 0) return at;
  const double rest = std::fmod(away, range);
  const bool even = std::fmod(std::floor(away / range), 2) == 0;
  return (at < low) == even ? low + rest : high - rest;
}

/// One axis of the data, sampled.
struct GridAxis {
  const GridSample& op;
  int64_t size;

  double low() const { return op.align_corners ? 0 : -0.5; }
  double high() const { return static_cast<double>(size) - (op.align_corners ? 1 : 0.5); }
  /// Place in elements of a place between -1 and 1.
  double place(double at) const {
    const auto n = static_cast<double>(size);
    double result = op.align_corners ? (at + 1) / 2 * (n - 1) : ((at + 1) * n - 1) / 2;
    if (op.mode == GridSample::Mode::nearest) result = std::nearbyint(result);
    if (result >= low() && result <= high()) return result;
    switch (op.padding_mode) {
      case GridSample::Padding::zeros: break;
      case GridSample::Padding::border: {
        // Each of four taps is clamped, the place is not: it lies as far outside as it takes.
        const double room = op.mode == GridSample::Mode::cubic ? 4 : 0;
        return std::isnan(result) ? 0 : std::clamp(result, -room, n - 1 + room);
      }
      case GridSample::Padding::reflection: return reflected(result, low(), high());
    }
    return std::isfinite(result) ? result : -4;  // as far outside as it takes
  }
  /// The element that stands at whole number `at`; -1: none.
  int64_t element(double at) const {
    const auto last = static_cast<double>(size - 1);
    switch (op.padding_mode) {
      case GridSample::Padding::zeros: return at >= 0 && at <= last ? static_cast<int64_t>(at) : -1;
      case GridSample::Padding::border: break;
      case GridSample::Padding::reflection: at = std::trunc(reflected(at, low(), high())); break;
    }
    return static_cast<int64_t>(std::clamp(at, 0.0, last));
  }
};

struct GridTap {
  int64_t element;  // along its axis; -1: a zero
  double weight;
};

/// The elements along one axis that a place is made of.
struct GridTaps {
  std::array<GridTap, 4> tap;
  size_t count;
  std::span<const GridTap> all() const { return std::span(tap).first(count); }
};

inline GridTaps grid_taps(const GridAxis& axis, double at) {
  const double place = axis.place(at);
  if (axis.op.mode == GridSample::Mode::nearest) return {{{{axis.element(place), 1}}}, 1};
  const double first = std::floor(place), t = place - first;
  if (axis.op.mode == GridSample::Mode::linear)
    return {{{{axis.element(first), 1 - t}, {axis.element(first + 1), t}}}, 2};
  constexpr double a = -0.75;
  const auto near = [](double x) { return ((a + 2) * x - (a + 3)) * x * x + 1; };
  const auto far = [](double x) { return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a; };
  return {{{{axis.element(first - 1), far(1 + t)},
            {axis.element(first), near(t)},
            {axis.element(first + 1), near(1 - t)},
            {axis.element(first + 2), far(2 - t)}}},
          4};
}

}  // namespace hone
