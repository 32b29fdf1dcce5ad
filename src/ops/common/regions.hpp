#pragma once
// Where RoiAlign and MaxRoiPool read along one axis of a region.

#include <algorithm>
#include <cmath>
#include <optional>

#include "ops/common/window.hpp"
#include "ops/detection.hpp"

namespace hone {

/// Points sampled along one axis of a region.
struct SampledAxis {
  int64_t pixels;      // of the image
  double start, bin;   // of the region, of one bin
  int64_t points = 0;  // a bin

  double at(int64_t index, int64_t point) const {
    return start + static_cast<double>(index) * bin +
           (static_cast<double>(point) + 0.5) * bin / static_cast<double>(points);
  }
};

/// `bins` of a region from `from` to `to`. `c`: an Evaluation, or what checks like one.
template <class Context>
SampledAxis sampled_axis(const Context& c, const RoiAlign& op, int64_t pixels, double from,
                         double to, int64_t bins) {
  constexpr double kMostPoints = 1 << 16;
  const bool half = op.coordinate_transformation_mode == RoiAlign::Coordinates::half_pixel;
  const auto scale = static_cast<double>(op.spatial_scale);
  const double start = from * scale - (half ? 0.5 : 0), end = to * scale - (half ? 0.5 : 0);
  const double size = half ? end - start : std::max(end - start, 1.0);
  SampledAxis axis{pixels, start, size / static_cast<double>(bins)};
  const double points =
      op.sampling_ratio > 0 ? static_cast<double>(op.sampling_ratio) : std::ceil(axis.bin);
  c.check(!(points > kMostPoints), "a region from ", from, " to ", to, " would be sampled at ",
          points, " points a bin, allowed are ", kMostPoints);
  axis.points = points > 0 ? static_cast<int64_t>(points) : 0;
  return axis;
}

/// The two pixels around a place and the weight of the second; nullopt: outside the image.
struct Neighbours {
  int64_t low, high;
  double weight;
};
inline std::optional<Neighbours> neighbours(const SampledAxis& axis, double at) {
  if (!(at >= -1 && at <= static_cast<double>(axis.pixels)) || axis.pixels == 0)
    return std::nullopt;
  at = std::max(at, 0.0);
  const auto low = static_cast<int64_t>(at);
  if (low >= axis.pixels - 1) return Neighbours{axis.pixels - 1, axis.pixels - 1, 0};
  return Neighbours{low, low + 1, at - static_cast<double>(low)};
}

/// Pixels [first, last) of one axis that bin `index` of MaxRoiPool covers.
inline Taps covered_pixels(double from, double to, double scale, int64_t bins, int64_t index,
                           int64_t pixels) {
  const double start = std::round(from * scale), end = std::round(to * scale);
  const double bin = std::max(end - start + 1, 1.0) / static_cast<double>(bins);
  const auto pixel = [&](double place) {
    const double inside = std::clamp(place + start, 0.0, static_cast<double>(pixels));
    return std::isnan(inside) ? int64_t{0} : static_cast<int64_t>(inside);
  };
  return {pixel(std::floor(static_cast<double>(index) * bin)),
          pixel(std::ceil(static_cast<double>(index + 1) * bin))};
}

/// NaN is larger than everything else.
inline double larger_pixel(double a, double b) { return b > a || std::isnan(b) ? b : a; }

}  // namespace hone
