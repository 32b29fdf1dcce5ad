#include "ops/detection.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/size.hpp"
#include "ir/evaluation/work.hpp"
#include "ir/op_class.hpp"
#include "ops/common/operands.hpp"
#include "ops/common/regions.hpp"
#include "ops/common/shapes.hpp"

namespace hone {
namespace {

/// The type of pooling `regions` of operand 0 to bins of these sizes.
void infer_regions(Inference& c, int64_t parts, int64_t height, int64_t width) {
  const DType dtype = float_operand(c, 0);
  same_dtype(c, 0, 1);
  rank_is(c, 0, 4), rank_is(c, 1, 2);
  c.check(height >= 1 && width >= 1, "wanted at least 1 x 1 bins, given ", height, " x ", width);
  const TensorType &x = c.tensor(0), &rois = c.tensor(1);
  if (rois.has_rank()) c.require_equal(rois.shape()[1], parts);
  c.set(0, dtype,
        {rois.has_rank() ? rois.shape()[0] : c.fresh(0, 0),
         x.has_rank() ? x.shape()[1] : c.fresh(0, 1), height, width});
}

void check_regions(const Evaluation& c, int64_t parts) {
  const Tensor &x = c.input(0), &rois = c.input(1);
  c.check(x.rank() == 4, "the images are ", shape_text(x.shape()), ", wanted rank 4");
  c.check(rois.rank() == 2 && rois.dim(1) == parts, "the regions are ", shape_text(rois.shape()),
          ", wanted ", parts, " numbers each");
}

double pooled_bin(RoiAlign::Mode mode, const std::vector<double>& plane, const SampledAxis& y,
                  const SampledAxis& x, int64_t row, int64_t column) {
  double sum = 0;
  std::optional<double> most;
  for (int64_t i = 0; i < y.points; ++i) {
    const auto v = neighbours(y, y.at(row, i));
    for (int64_t j = 0; j < x.points; ++j) {
      const auto u = neighbours(x, x.at(column, j));
      double pixels[4] = {};
      if (u && v) {
        const auto pixel = [&](int64_t r, int64_t s, double weight) {
          return weight * plane[static_cast<size_t>(r * x.pixels + s)];
        };
        pixels[0] = pixel(v->low, u->low, (1 - v->weight) * (1 - u->weight));
        pixels[1] = pixel(v->low, u->high, (1 - v->weight) * u->weight);
        pixels[2] = pixel(v->high, u->low, v->weight * (1 - u->weight));
        pixels[3] = pixel(v->high, u->high, v->weight * u->weight);
      }
      for (const double value : pixels) {
        sum += value;
        most = most ? larger_pixel(*most, value) : value;
      }
    }
  }
  if (mode == RoiAlign::Mode::max) return most.value_or(0);
  return sum / static_cast<double>(std::max<int64_t>(y.points * x.points, 1));
}

/// The elements of plane [image, channel] of operand 0.
std::vector<double> plane_of(const Tensor& x, int64_t image, int64_t channel) {
  const int64_t count = x.dim(2) * x.dim(3), start = (image * x.dim(1) + channel) * count;
  std::vector<double> plane;
  for (int64_t i = 0; i < count; ++i) plane.push_back(x.number(start + i));
  return plane;
}

}  // namespace

void RoiAlign::infer(Inference& c) const {
  c.check(sampling_ratio >= 0, "sampling_ratio=", sampling_ratio);
  infer_regions(c, 4, output_height, output_width);
  c.check(is_integer(c.dtype(2)), "the images of regions are ", c.tensor(2), ", wanted integers");
  rank_is(c, 2, 1);
  if (c.tensor(1).has_rank()) vector_of(c, 2, c.tensor(1).shape()[0]);
}

void RoiAlign::eval(Evaluation& c) const {
  const Tensor &x = c.input(0), &rois = c.input(1), &images = c.input(2);
  check_regions(c, 4);
  const int64_t regions = rois.dim(0), channels = x.dim(1);
  c.check(images.count() == regions, "there are ", regions, " regions and ", images.count(),
          " images of them");
  Tensor& y = c.output(0, x.dtype(), {regions, channels, output_height, output_width});
  if (y.count() == 0) return;
  int64_t to = 0;
  for (int64_t r = 0; r < regions; ++r) {
    const int64_t image = images.integer(r);
    c.check(image >= 0 && image < x.dim(0), "region ", r, " is of image ", image, " of ", x.dim(0));
    const auto corner = [&](int64_t i) { return rois.number(r * 4 + i); };
    const SampledAxis across = sampled_axis(c, *this, x.dim(3), corner(0), corner(2), output_width);
    const SampledAxis down = sampled_axis(c, *this, x.dim(2), corner(1), corner(3), output_height);
    spend_work({channels, x.dim(2), x.dim(3)});
    spend_work({channels, output_height, output_width, down.points, across.points, 4});
    for (int64_t channel = 0; channel < channels; ++channel) {
      const std::vector<double> plane = plane_of(x, image, channel);
      for (int64_t i = 0; i < output_height; ++i)
        for (int64_t j = 0; j < output_width; ++j)
          y.set_number(to++, pooled_bin(mode, plane, down, across, i, j));
    }
  }
}

void MaxRoiPool::infer(Inference& c) const {
  c.check(pooled_shape.size() == 2, "pooled_shape has ", pooled_shape.size(),
          " numbers, wanted height and width");
  infer_regions(c, 5, pooled_shape[0], pooled_shape[1]);
}

void MaxRoiPool::eval(Evaluation& c) const {
  const Tensor &x = c.input(0), &rois = c.input(1);
  check_regions(c, 5);
  const int64_t regions = rois.dim(0), channels = x.dim(1), width = x.dim(3);
  Tensor& y = c.output(0, x.dtype(), {regions, channels, pooled_shape[0], pooled_shape[1]});
  if (y.count() == 0) return;
  int64_t to = 0;
  const auto scale = static_cast<double>(spatial_scale);
  for (int64_t r = 0; r < regions; ++r) {
    const int64_t image = rois.integer(r * 5);
    c.check(image >= 0 && image < x.dim(0), "region ", r, " is of image ", image, " of ", x.dim(0));
    const auto corner = [&](int64_t i) { return rois.number(r * 5 + i); };
    // Bins cover no more than all pixels each.
    spend_work({channels, x.dim(2), width, checked_mul(pooled_shape[0], pooled_shape[1])});
    for (int64_t channel = 0; channel < channels; ++channel) {
      const std::vector<double> plane = plane_of(x, image, channel);
      for (int64_t i = 0; i < pooled_shape[0]; ++i) {
        const Taps v = covered_pixels(corner(2), corner(4), scale, pooled_shape[0], i, x.dim(2));
        for (int64_t j = 0; j < pooled_shape[1]; ++j) {
          const Taps u = covered_pixels(corner(1), corner(3), scale, pooled_shape[1], j, width);
          std::optional<double> most;
          for (int64_t a = v.first; a < v.last; ++a)
            for (int64_t b = u.first; b < u.last; ++b) {
              const double value = plane[static_cast<size_t>(a * width + b)];
              most = most ? larger_pixel(*most, value) : value;
            }
          y.set_number(to++, most.value_or(0));
        }
      }
    }
  }
}

void NonMaxSuppression::infer(Inference& c) const {
  const TensorType &boxes = c.tensor(0), &scores = c.tensor(1);
  (void)float_operand(c, 0), (void)float_operand(c, 1);
  rank_is(c, 0, 3), rank_is(c, 1, 3);
  for (int i = 3; i < 5; ++i)
    if (c.has(i)) (void)float_operand(c, i);
  const auto most = c.given(max_output_boxes_per_class, 2)
                        ? scalar_parameter(c, max_output_boxes_per_class, 2)
                        : std::optional<Dim>(0);
  const Dim found = c.fresh(0, 0);
  if (boxes.has_rank()) c.require_equal(boxes.shape()[2], 4);
  if (boxes.has_rank() && scores.has_rank()) {
    c.require_equal(boxes.shape()[0], scores.shape()[0]);
    c.require_equal(boxes.shape()[1], scores.shape()[2]);
  }
  if (scores.has_rank()) {
    const Dims& sizes = scores.shape();
    c.require_less_equal(found, product(sizes));
    if (most) c.require_less_equal(found, max(*most, 0) * sizes[0] * sizes[1]);
  }
  c.set(0, DType::i64, {found, 3});
}

namespace {

/// Corners in ascending order, in the single precision that ONNX gives boxes.
struct Box {
  float top, left, bottom, right;
  float area() const { return (bottom - top) * (right - left); }
};

std::vector<double> numbers_of(const Tensor& tensor) {
  if (tensor.dtype() != DType::f32) return elements<double>(tensor);
  std::vector<double> numbers(static_cast<size_t>(tensor.count()));
  const std::byte* from = tensor.bytes().data();
  for (size_t i = 0; i < numbers.size(); ++i) {
    float number;
    std::memcpy(&number, from + i * sizeof number, sizeof number);
    numbers[i] = double{number};
  }
  return numbers;
}

/// Of its four numbers.
Box box_at(const double* from, bool center) {
  float v[4];
  for (int i = 0; i < 4; ++i) v[i] = static_cast<float>(from[i]);
  if (center) return {v[1] - v[3] / 2, v[0] - v[2] / 2, v[1] + v[3] / 2, v[0] + v[2] / 2};
  return {std::min(v[0], v[2]), std::min(v[1], v[3]), std::max(v[0], v[2]), std::max(v[1], v[3])};
}

float intersection_over_union(const Box& a, const Box& b) {
  // Most do not meet.
  if (!(a.bottom > b.top && b.bottom > a.top && a.right > b.left && b.right > a.left)) return 0;
  const float height = std::min(a.bottom, b.bottom) - std::max(a.top, b.top);
  const float width = std::min(a.right, b.right) - std::max(a.left, b.left);
  if (!(height > 0 && width > 0 && a.area() > 0 && b.area() > 0)) return 0;
  const float common = height * width, all = a.area() + b.area() - common;
  return all > 0 ? common / all : 0;
}

/// The best first, of equal ones the first; NaN last.
struct Scored {
  double score;
  int64_t box;
  bool is_before(const Scored& other) const {
    if (score > other.score || (std::isnan(other.score) && !std::isnan(score))) return true;
    if (other.score > score || (std::isnan(score) && !std::isnan(other.score))) return false;
    return box < other.box;
  }
};

std::optional<float> threshold(const Evaluation& c, int operand) {
  if (!c.has(operand) || c.input(operand).count() == 0) return std::nullopt;
  c.check(c.input(operand).count() == 1, "operand ", operand, " is no scalar");
  return static_cast<float>(c.input(operand).number(0));
}

}  // namespace

void NonMaxSuppression::eval(Evaluation& c) const {
  const Tensor &boxes = c.input(0), &scores = c.input(1);
  c.check(boxes.rank() == 3 && scores.rank() == 3 && boxes.dim(2) == 4 &&
              boxes.dim(0) == scores.dim(0) && boxes.dim(1) == scores.dim(2),
          "boxes ", shape_text(boxes.shape()), " and scores ", shape_text(scores.shape()),
          ", wanted [batches, n, 4] and [batches, classes, n]");
  const int64_t count = boxes.dim(1), classes = scores.dim(1);
  const int64_t most = scalar_parameter(c, max_output_boxes_per_class, 2, 0);
  const float overlap = threshold(c, 3).value_or(0);
  const std::optional<float> least = threshold(c, 4);
  spend_work(
      {boxes.dim(0), classes, count, std::clamp<int64_t>(most, 16, std::max<int64_t>(count, 16))});
  std::vector<int64_t> selected;
  const std::vector<double> numbers = numbers_of(scores);
  const std::vector<double> corners = numbers_of(boxes);
  for (int64_t row = 0; scores.count() > 0 && row < boxes.dim(0) * classes; ++row) {
    const auto later = [](const Scored& a, const Scored& b) { return b.is_before(a); };
    std::vector<Scored> left;  // a heap: few of them are looked at
    for (int64_t i = 0; i < count; ++i)
      if (const double score = numbers[static_cast<size_t>(row * count + i)];
          !least || score > static_cast<double>(*least))
        left.push_back({score, i});
    std::make_heap(left.begin(), left.end(), later);
    std::vector<Box> kept;
    while (!left.empty() && static_cast<int64_t>(kept.size()) < most) {
      std::pop_heap(left.begin(), left.end(), later);
      const int64_t box = left.back().box;
      left.pop_back();
      const Box own = box_at(corners.data() + (row / classes * count + box) * 4, center_point_box);
      const auto overlaps = [&](const Box& better) {
        return intersection_over_union(own, better) > overlap;
      };
      if (std::any_of(kept.begin(), kept.end(), overlaps)) continue;
      kept.push_back(own);
      selected.insert(selected.end(), {row / classes, row % classes, box});
    }
  }
  store(c.output(0, DType::i64, {static_cast<int64_t>(selected.size()) / 3, 3}), selected);
}

void register_detection(OpRegistry& registry) {
  registry.add<RoiAlign>();
  registry.add<MaxRoiPool>();
  registry.add<NonMaxSuppression>();
}

}  // namespace hone
