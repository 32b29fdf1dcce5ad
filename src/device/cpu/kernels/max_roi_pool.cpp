// MaxRoiPool of f32: a region of several planes is copied side by side, so that pixels of all of
// them are compared at once.

#include "base/size.hpp"
#include "device/cpu/joined_box.hpp"
#include "device/cpu/step.hpp"
#include "ops/common/regions.hpp"

namespace hone::cpu {
namespace max_roi_pool_kernel {
namespace {

constexpr int64_t kPixels = 4096;  // of a region at most, else it is read as it lies
constexpr int64_t kBins = 256;     // along one axis at most

Verdict supports(const Problem& problem) {
  const auto* op = op_of<MaxRoiPool>(problem);
  if (op == nullptr) return Verdict::no("MaxRoiPool only");
  if (!all_are(problem, DType::f32)) return Verdict::no("f32 of known rank only");
  if (op->pooled_shape[0] > kBins || op->pooled_shape[1] > kBins)
    return Verdict::no("too many bins");
  return {};
}

int64_t scratch_floats(const MaxRoiPool& op) {
  return (kPixels + op.pooled_shape[0] * op.pooled_shape[1]) * kMostSideBySide;
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made = streaming_recipe<20>(problem, tuning);
  made.scratch_bytes =
      worker_scratch(problem->share, Dim(scratch_floats(*op_of<MaxRoiPool>(*problem))));
  return made;
}

struct MaxRoiPoolShared final : Shared<MaxRoiPoolShared> {
  Region region;
  MaxRoiPool op;
  Source data, regions;

  explicit MaxRoiPoolShared(const Problem& problem)
      : region(problem.region),
        op(*op_of<MaxRoiPool>(problem)),
        data(problem, 0),
        regions(problem, 1) {}

  template <class... Parts>
  void want(bool condition, const Parts&... parts) const {
    check(condition, Code::invalid_model, parts..., " (", describe(*region.single()), ")");
  }

  struct Geometry {
    int64_t regions = 0;  // 0: nothing to do
    int64_t images = 0, channels = 0, height = 0, width = 0;
  };
  Geometry geometry(const Operands& operands) const {
    const std::vector<int64_t>&x = data.shape(operands), &boxes = regions.shape(operands);
    want(x.size() == 4, "the images are ", shape_text(x), ", wanted rank 4");
    want(boxes.size() == 2 && boxes[1] == 5, "the regions are ", shape_text(boxes),
         ", wanted 5 numbers each");
    if (element_count(operands.outputs[0].shape) == 0) return {};
    return {boxes[0], x[0], x[1], x[2], x[3]};
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte> scratch,
           Stream& stream) const {
    const int64_t planes = side_by_side_functions().planes, parts = ceil_div(g.channels, planes);
    stream.parallel(g.regions * parts, [&](int64_t i) {
      const int64_t first = i % parts * planes;
      pool(g, operands, i / parts, first, std::min(planes, g.channels - first),
           scratch_of(scratch, scratch_floats(op)));
    });
  }

  /// The pixels of each bin along one axis.
  struct Bins {
    Taps of[kBins];
    Taps all{INT64_MAX, 0};
    Bins(double from, double to, double scale, int64_t count, int64_t pixels) {
      for (int64_t i = 0; i < count; ++i) {
        of[i] = covered_pixels(from, to, scale, count, i, pixels);
        if (of[i].first >= of[i].last) continue;
        all = {std::min(all.first, of[i].first), std::max(all.last, of[i].last)};
      }
      if (all.first > all.last) all = {0, 0};
    }
  };

  /// `count` channels of region `at`.
  void pool(const Geometry& g, const Operands& operands, int64_t at, int64_t channel, int64_t count,
            float* work) const {
    const float* box = regions.as<float>(operands) + at * 5;
    const auto image = load_int(DType::f32, reinterpret_cast<const std::byte*>(box), 0);
    want(image >= 0 && image < g.images, "region ", at, " is of image ", image, " of ", g.images);
    const auto scale = static_cast<double>(op.spatial_scale);
    const auto corner = [&](int64_t i) { return static_cast<double>(box[i]); };
    const Bins down(corner(2), corner(4), scale, op.pooled_shape[0], g.height);
    const Bins across(corner(1), corner(3), scale, op.pooled_shape[1], g.width);
    const int64_t plane = g.height * g.width, bins = op.pooled_shape[0] * op.pooled_shape[1];
    const float* from = data.as<float>(operands) + (image * g.channels + channel) * plane;
    float* to = operands.outputs[0].as<float>() + (at * g.channels + channel) * bins;
    const JoinedBox joined(down.all, across.all, g.width);
    if (joined.pixels() <= kPixels) {
      joined.fill(from, plane, count, work + bins * kMostSideBySide);
      by_vectors(joined, down, across, work);
      float* planes[kMostSideBySide];
      planes_from(to, bins, count, planes);
      side_by_side_functions().part(bins, work, count, planes);
      return;
    }
    for (int64_t c = 0; c < count; ++c, from += plane, to += bins)
      as_they_lie(from, g.width, down, across, to);
  }

  /// `work`: room for [bin][plane], then the joined pixels.
  void by_vectors(const JoinedBox& joined, const Bins& down, const Bins& across,
                  float* work) const {
    const SideBySideFunctions& functions = side_by_side_functions();
    const float* pixels = work + op.pooled_shape[0] * op.pooled_shape[1] * kMostSideBySide;
    std::vector<const float*> rows;
    for (int64_t row = 0; row < op.pooled_shape[0]; ++row)
      for (int64_t column = 0; column < op.pooled_shape[1]; ++column, work += functions.planes) {
        const Taps v = down.of[row], u = across.of[column];
        if (v.first >= v.last || u.first >= u.last) {
          std::fill_n(work, functions.planes, 0.0F);
          continue;
        }
        rows.clear();
        for (int64_t y = v.first; y < v.last; ++y)
          rows.push_back(pixels + joined.place(y, u.first) * functions.planes);
        WindowRow window{};
        window.rows = rows.data();
        window.many = std::ssize(rows);
        window.columns = u.last - u.first;
        window.stride = window.dilation = window.count = 1;
        window.to = work;
        functions.largest(window);
      }
  }

  void as_they_lie(const float* plane, int64_t width, const Bins& down, const Bins& across,
                   float* to) const {
    for (int64_t row = 0; row < op.pooled_shape[0]; ++row)
      for (int64_t column = 0; column < op.pooled_shape[1]; ++column, ++to) {
        const Taps v = down.of[row], u = across.of[column];
        const bool none = v.first >= v.last || u.first >= u.last;
        float most = none ? 0.0F : -INFINITY;
        for (int64_t y = v.first; y < v.last; ++y)
          for (int64_t x = u.first; x < u.last; ++x)
            if (const float value = plane[y * width + x]; value > most || std::isnan(value))
              most = value;
        *to = most;
      }
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>, hone::Device&) {
  return std::make_shared<MaxRoiPoolShared>(*recipe.problem);
}

}  // namespace
}  // namespace max_roi_pool_kernel

void register_max_roi_pool(KernelRegistry& registry) {
  using namespace max_roi_pool_kernel;
  registry.add({"cpu.max_roi_pool", 1, supports, no_tunings, recipe, prepare});
}

}  // namespace hone::cpu
