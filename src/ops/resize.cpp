#include "ops/resize.hpp"

#include <cmath>

#include <algorithm>

#include "base/size.hpp"
#include "ir/evaluation/work.hpp"
#include "ir/op_class.hpp"
#include "ops/common/complex.hpp"
#include "ops/common/elements.hpp"
#include "ops/common/operands.hpp"
#include "ops/common/shapes.hpp"

namespace hone {

std::optional<ResizeRatio> resize_ratio(float scale) {
  if (!(scale > 0 && scale < 0x1p20F)) return std::nullopt;
  for (int64_t q = 1; q <= 64; ++q) {
    const int64_t p = std::llround(static_cast<double>(scale) * static_cast<double>(q));
    const double fraction = static_cast<double>(p) / static_cast<double>(q);
    if (static_cast<float>(fraction) == scale) return ResizeRatio{p, q};
  }
  return std::nullopt;
}

namespace {

constexpr int kRoi = 1, kScales = 2, kSizes = 3;  // operands

/// floor(size * scale). Of numbers and of symbols the same.
int64_t scaled(int64_t size, float scale) {
  if (const auto ratio = resize_ratio(scale))
    return floor_div(checked_mul(size, ratio->p), ratio->q);
  const double result = std::floor(static_cast<double>(static_cast<float>(size) * scale));
  check(result >= 0 && result < 0x1p62, Code::invalid_model, "size ", size, " scaled by ", scale);
  return static_cast<int64_t>(result);
}
std::optional<Dim> scaled(const Dim& size, float scale) {
  if (size.is_constant()) return Dim(scaled(*size.constant(), scale));
  if (const auto ratio = resize_ratio(scale)) return floor_div(size * ratio->p, ratio->q);
  return std::nullopt;
}

/// The one scale of a policy that keeps the aspect ratio.
double common_scale(Resize::Aspect policy, const std::vector<int64_t>& from,
                    const std::vector<int64_t>& to) {
  double result = 0;
  for (size_t i = 0; i < from.size(); ++i) {
    const double scale = static_cast<double>(to[i]) / static_cast<double>(from[i]);
    const bool better = policy == Resize::Aspect::not_larger ? scale < result : scale > result;
    if (i == 0 || better) result = scale;
  }
  return result;
}
int64_t round_half_up(double size) { return static_cast<int64_t>(std::floor(size + 0.5)); }

template <class Context>
std::vector<int> resized_axes(const Context& c, const Resize& op, int rank) {
  return normalized_axes(c, op.axes.empty() ? all_axes(rank) : op.axes, rank);
}

bool is_empty(const Inference& c, int input) {
  if (!c.has(input)) return true;
  const TensorType& type = c.tensor(input);
  return type.has_rank() && product(type.shape()).is(0);
}

void infer_scaled(Inference& c, const std::vector<int>& axes, Dims& result) {
  const Tensor* scales = c.constant(kScales);
  c.check(scales == nullptr || scales->count() == static_cast<int64_t>(axes.size()), "there are ",
          axes.size(), " axes and ", scales == nullptr ? 0 : scales->count(), " scales");
  for (size_t i = 0; i < axes.size(); ++i) {
    Dim& size = result[static_cast<size_t>(axes[i])];
    std::optional<Dim> known;
    if (scales != nullptr) {
      const auto scale = static_cast<float>(scales->number(static_cast<int64_t>(i)));
      c.check(scale > 0 && std::isfinite(scale), "scale ", i, " is ", scale);
      known = scaled(size, scale);
    }
    size = known ? *known : c.fresh(0, axes[i]);
  }
}

/// Sizes after a policy; nullopt: it cannot be applied to symbols.
std::optional<Dims> sizes_by_policy(const Resize& op, const Dims& from, const Dims& to) {
  if (op.keep_aspect_ratio_policy == Resize::Aspect::stretch) return to;
  const auto source = constants(from), wanted = constants(to);
  if (!source || !wanted || element_count(*source) == 0) return std::nullopt;
  const double scale = common_scale(op.keep_aspect_ratio_policy, *source, *wanted);
  Dims result;
  for (const int64_t size : *source)
    result.push_back(round_half_up(scale * static_cast<double>(size)));
  return result;
}

void infer_sized(Inference& c, const Resize& op, const std::vector<int>& axes, Dims& result) {
  const Dims* sizes = c.parameter(op.sizes, kSizes);
  std::optional<Dims> known;
  if (sizes != nullptr) {
    c.check(sizes->size() == axes.size(), "there are ", axes.size(), " axes and ", sizes->size(),
            " sizes");
    Dims from;
    for (const int axis : axes) from.push_back(result[static_cast<size_t>(axis)]);
    for (const Dim& size : *sizes) c.require_less_equal(0, size);
    known = sizes_by_policy(op, from, *sizes);
  }
  for (size_t i = 0; i < axes.size(); ++i)
    result[static_cast<size_t>(axes[i])] = known ? (*known)[i] : c.fresh(0, axes[i]);
}

}  // namespace

void Resize::infer(Inference& c) const {
  const TensorType& x = c.tensor(0);
  for (const int each : {kScales, kSizes})
    if (c.has(each)) rank_is(c, each, 1);
  bool by_scales = !is_empty(c, kScales);
  const bool by_sizes = sizes ? !sizes->empty() : !is_empty(c, kSizes);
  if (by_scales && by_sizes) {  // sizes it is, unless scales are known to be there
    const TensorType& scales = c.tensor(kScales);
    by_scales = scales.has_rank() && scales.shape()[0].is_constant();
    if (!by_scales && scales.has_rank()) c.require_equal(scales.shape()[0], 0);
  }
  c.check(by_scales != by_sizes, "wanted either scales or sizes, given ",
          by_scales ? "both" : "neither");
  c.check(mode == Mode::nearest || is_float(x.dtype) || is_integer(x.dtype) || is_complex(x.dtype),
          "cannot interpolate ", x.dtype);
  c.check(!by_scales || is_float(c.dtype(kScales)), "the scales are no floats");
  if (!x.has_rank()) return c.set(0, Type::unranked(x.dtype));
  const std::vector<int> chosen = resized_axes(c, *this, x.rank());
  Dims result = x.shape();
  if (by_scales) infer_scaled(c, chosen, result);
  else infer_sized(c, *this, chosen, result);
  c.set(0, x.dtype, std::move(result));
}

namespace {

/// One axis of a concrete resampling.
struct Axis {
  int64_t from = 0, to = 0;
  double scale = 1;
  double start = 0, end = 1;  // of the region of interest, in units of the axis
  bool resized = false;
};

/// Place in the data of place `at` in the result.
double source_of(const Resize& op, const Axis& axis, int64_t at) {
  using Coordinates = Resize::Coordinates;
  const auto x = static_cast<double>(at), from = static_cast<double>(axis.from);
  const double to = axis.scale * from;  // may be fractional
  const double half_pixel = (x + 0.5) / axis.scale - 0.5;
  switch (op.coordinate_transformation_mode) {
    case Coordinates::half_pixel: return half_pixel;
    case Coordinates::half_pixel_symmetric:
      return from / 2 * (1 - static_cast<double>(axis.to) / to) + half_pixel;
    case Coordinates::pytorch_half_pixel: return axis.to > 1 ? half_pixel : 0;
    case Coordinates::align_corners: return axis.to > 1 ? x * (from - 1) / (to - 1) : 0;
    case Coordinates::asymmetric: return x / axis.scale;
    case Coordinates::tf_half_pixel_for_nn: return (x + 0.5) / axis.scale;
    case Coordinates::tf_crop_and_resize: break;
  }
  if (axis.to <= 1) return 0.5 * (axis.start + axis.end) * (from - 1);
  return axis.start * (from - 1) + x * (axis.end - axis.start) * (from - 1) / (to - 1);
}

/// The place lies outside the data where that counts: the result is extrapolation_value.
bool is_extrapolated(const Resize& op, const Axis& axis, double source) {
  return op.coordinate_transformation_mode == Resize::Coordinates::tf_crop_and_resize &&
         !(source >= 0 && source <= static_cast<double>(axis.from - 1));
}

/// The axes of the data, for the operands given.
std::vector<Axis> axes_of(const Evaluation& c, const Resize& op) {
  const Tensor& x = c.input(0);
  const std::vector<int> chosen = resized_axes(c, op, x.rank());
  const bool by_scales = c.has(kScales) && c.input(kScales).count() > 0;
  c.check(!by_scales ||
              ((!op.sizes || op.sizes->empty()) && !(c.has(kSizes) && c.input(kSizes).count() > 0)),
          "wanted either scales or sizes, given both");
  std::vector<int64_t> from, sizes = c.parameter(op.sizes, kSizes);
  for (const int axis : chosen) from.push_back(x.dim(axis));
  const auto given = by_scales ? c.input(kScales).count() : static_cast<int64_t>(sizes.size());
  c.check(given == static_cast<int64_t>(chosen.size()), "there are ", chosen.size(), " axes and ",
          given, by_scales ? " scales" : " sizes");
  const bool one_scale = !by_scales && op.keep_aspect_ratio_policy != Resize::Aspect::stretch;
  c.check(!one_scale || element_count(from) > 0, "cannot keep the aspect ratio of ",
          shape_text(x.shape()));
  const double common = one_scale ? common_scale(op.keep_aspect_ratio_policy, from, sizes) : 0;

  std::vector<Axis> axes;
  for (const int64_t size : x.shape()) axes.push_back({.from = size, .to = size});
  for (size_t i = 0; i < chosen.size(); ++i) {
    Axis& axis = axes[static_cast<size_t>(chosen[i])];
    if (by_scales) {
      const auto scale = static_cast<float>(c.input(kScales).number(static_cast<int64_t>(i)));
      c.check(scale > 0 && std::isfinite(scale), "scale ", i, " is ", scale);
      axis.to = scaled(axis.from, scale);
      // A third is meant as a third: the float below it would move places across a boundary.
      const auto ratio = resize_ratio(scale);
      axis.scale = ratio ? ratio->value() : static_cast<double>(scale);
    } else {
      c.check(sizes[i] >= 0, "size ", i, " is ", sizes[i]);
      axis.scale =
          one_scale ? common : static_cast<double>(sizes[i]) / static_cast<double>(from[i]);
      axis.to = one_scale ? round_half_up(common * static_cast<double>(from[i])) : sizes[i];
    }
    c.check(axis.from > 0 || axis.to == 0, "axis ", chosen[i], " has nothing to make ", axis.to,
            " elements of");
    axis.resized = axis.scale != 1 || axis.to != axis.from;
    if (op.coordinate_transformation_mode != Resize::Coordinates::tf_crop_and_resize) continue;
    const auto count = static_cast<int64_t>(chosen.size()), place = static_cast<int64_t>(i);
    c.check(c.has(kRoi) && c.input(kRoi).count() == 2 * count, "tf_crop_and_resize wants a roi of ",
            2 * count, " numbers");
    axis.start = c.input(kRoi).number(place), axis.end = c.input(kRoi).number(count + place);
    axis.resized = axis.resized || axis.start != 0 || axis.end != 1;
  }
  return axes;
}

int64_t nearest(const Resize& op, const Axis& axis, double source) {
  double place = 0;
  switch (op.nearest_mode) {
    case Resize::Nearest::round_prefer_floor: place = std::ceil(source - 0.5); break;
    case Resize::Nearest::round_prefer_ceil: place = std::floor(source + 0.5); break;
    case Resize::Nearest::floor: place = std::floor(source); break;
    case Resize::Nearest::ceil: place = std::ceil(source); break;
    case Resize::Nearest::simple:
      place = axis.scale < 1 ? std::ceil(source) : std::floor(source);
      break;
  }
  return static_cast<int64_t>(std::clamp(place, 0.0, static_cast<double>(axis.from - 1)));
}

void set_real(Tensor& y, int64_t at, double value) {
  if (is_complex(y.dtype())) set_complex(y, at, value);
  else y.set_number(at, value);
}

void resize_nearest(Evaluation& c, const Resize& op, const std::vector<Axis>& axes,
                    const std::vector<int64_t>& shape) {
  const Tensor& x = c.input(0);
  ElementWriter y(c, 0, x.dtype(), shape);
  const std::vector<int64_t> strides = row_major_strides(x.shape());
  ElementMap map;
  for (size_t d = 0; y.count() > 0 && d < axes.size(); ++d) {
    map.offsets.push_back(arithmetic_offsets(0, axes[d].to, axes[d].resized ? 0 : strides[d]));
    if (!axes[d].resized) continue;
    for (int64_t i = 0; i < axes[d].to; ++i) {
      const double source = source_of(op, axes[d], i);
      map.offsets[d][static_cast<size_t>(i)] = is_extrapolated(op, axes[d], source)
                                                   ? ElementMap::kOutside
                                                   : nearest(op, axes[d], source) * strides[d];
    }
  }
  if (y.count() > 0 && x.dtype() == DType::string) y.take(x, map);
  else if (y.count() > 0) {
    Tensor outside(x.dtype(), {});
    set_real(outside, 0, static_cast<double>(op.extrapolation_value));
    y.take(x, map, &outside);
  }
  y.finish();
}

double kernel(const Resize& op, double distance) {
  const double x = std::abs(distance), a = static_cast<double>(op.cubic_coeff_a);
  if (op.mode == Resize::Mode::linear) return std::max(0.0, 1 - x);
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

/// Taps around `source`, normalized; places beyond the edge repeat the edge or are left out.
std::vector<ResizeTap> taps_around(const Resize& op, const Axis& axis, double source) {
  // Antialiasing stretches the kernel over everything that a smaller result has to average.
  const double squeeze = op.antialias ? std::min(axis.scale, 1.0) : 1;
  const double radius = (op.mode == Resize::Mode::linear ? 1 : 2) / squeeze;
  const auto first = static_cast<int64_t>(std::ceil(source - radius));
  const auto last = static_cast<int64_t>(std::floor(source + radius));
  std::vector<ResizeTap> taps;
  double sum = 0;
  for (int64_t i = first; i <= last; ++i) {
    const double weight = kernel(op, (static_cast<double>(i) - source) * squeeze);
    const int64_t place = std::clamp<int64_t>(i, 0, axis.from - 1);
    if (weight == 0 || (op.exclude_outside && place != i)) continue;
    taps.push_back({place, weight});
    sum += weight;
  }
  if (sum != 0)
    for (ResizeTap& tap : taps) tap.weight /= sum;
  return taps;
}

/// `data` seen as [outer, axis.from, inner] resampled to [outer, axis.to, inner].
template <class T>
std::vector<T> resampled(const Resize& op, const Axis& axis, int64_t outer, int64_t inner,
                         const std::vector<T>& data) {
  std::vector<T> result(static_cast<size_t>(checked_mul(checked_mul(outer, axis.to), inner)));
  for (int64_t i = 0; i < axis.to; ++i) {
    const double source = source_of(op, axis, i);
    const bool outside = is_extrapolated(op, axis, source);
    const std::vector<ResizeTap> taps =
        outside ? std::vector<ResizeTap>() : taps_around(op, axis, source);
    spend_work({outer, inner, static_cast<int64_t>(taps.size())});
    for (int64_t o = 0; o < outer; ++o) {
      T* to = result.data() + (o * axis.to + i) * inner;
      if (outside) std::fill(to, to + inner, T(static_cast<double>(op.extrapolation_value)));
      for (const ResizeTap& tap : taps) {
        const T* from = data.data() + (o * axis.from + tap.place) * inner;
        for (int64_t k = 0; k < inner; ++k) to[k] += tap.weight * from[k];
      }
    }
  }
  return result;
}

/// Limited to what integers hold and cut to whole numbers, as a cast from single precision does;
/// rounded where antialiased, as ONNX Runtime has it. Floats as they are.
double fitted(DType dtype, double value, bool antialias) {
  if (!is_integer(dtype)) return value;
  const auto single = static_cast<double>(static_cast<float>(value));  // 2.9999999999999996 is 3
  value = antialias ? std::nearbyint(value) : std::trunc(single);
  const bool sign = is_signed(dtype);
  const double most = std::ldexp(1.0, bits(dtype) - (sign ? 1 : 0));
  return std::clamp(value, sign ? -most : 0.0, std::nextafter(most, 0.0));
}

/// `data` of these sizes resampled along all axes.
template <class T>
std::vector<T> resampled(const Resize& op, const std::vector<Axis>& axes,
                         std::vector<int64_t> sizes, std::vector<T> data) {
  for (size_t d = 0; d < axes.size(); ++d) {
    if (!axes[d].resized) continue;
    const auto at = sizes.begin() + static_cast<std::ptrdiff_t>(d);
    data = resampled(op, axes[d], element_count({sizes.begin(), at}),
                     element_count({at + 1, sizes.end()}), data);
    *at = axes[d].to;
  }
  return data;
}

void resize_smooth(Evaluation& c, const Resize& op, const std::vector<Axis>& axes,
                   const std::vector<int64_t>& shape) {
  const Tensor& x = c.input(0);
  Tensor& y = c.output(0, x.dtype(), shape);
  if (y.count() == 0) return;
  if (is_complex(x.dtype())) {
    const std::vector<Complex> data = resampled(op, axes, x.shape(), complex_elements(x));
    for (int64_t i = 0; i < y.count(); ++i) set_complex(y, i, data[static_cast<size_t>(i)]);
    return;
  }
  const std::vector<double> data = resampled(op, axes, x.shape(), elements<double>(x));
  for (size_t i = 0; i < data.size(); ++i)
    y.set_number(static_cast<int64_t>(i), fitted(x.dtype(), data[i], op.antialias));
}

}  // namespace

std::vector<ResizeTaps> resize_taps(const Evaluation& c, const Resize& op) {
  std::vector<ResizeTaps> all;
  for (const Axis& axis : axes_of(c, op)) {
    ResizeTaps taps;
    for (int64_t i = 0; axis.resized && i < axis.to; ++i) {
      const double source = source_of(op, axis, i);
      if (is_extrapolated(op, axis, source)) taps.emplace_back();
      else if (op.mode == Resize::Mode::nearest) taps.push_back({{nearest(op, axis, source), 1}});
      else taps.push_back(taps_around(op, axis, source));
    }
    all.push_back(std::move(taps));
  }
  return all;
}

void Resize::eval(Evaluation& c) const {
  const std::vector<Axis> axes = axes_of(c, *this);
  std::vector<int64_t> shape;
  for (const Axis& axis : axes) shape.push_back(axis.to);
  if (mode == Mode::nearest) resize_nearest(c, *this, axes, shape);
  else resize_smooth(c, *this, axes, shape);
}

void register_resize(OpRegistry& registry) { registry.add<Resize>(); }

}  // namespace hone
