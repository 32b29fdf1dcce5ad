// RoiAlign of f32: where a region reads along both axes is found once for several channels. For the
// largest of weighted pixels these are copied side by side.

#include "base/size.hpp"
#include "device/cpu/joined_box.hpp"
#include "device/cpu/step.hpp"
#include "ops/common/regions.hpp"

namespace hone::cpu {
namespace roi_align_kernel {
namespace {

constexpr int64_t kChannels = 64;  // of a tile
constexpr int64_t kStored = 512;   // points along one axis that are kept

constexpr int64_t kPixels = 4096;       // of a region at most that is copied
constexpr int64_t kMostWeights = 4096;  // that are kept for it

Verdict supports(const Problem& problem) {
  if (op_of<RoiAlign>(problem) == nullptr) return Verdict::no("RoiAlign only");
  for (size_t i = 0; i < 2; ++i)
    if (operand_type(problem, i)->dtype != DType::f32 || !operand_type(problem, i)->has_rank())
      return Verdict::no("f32 of known rank only");
  const DType images = operand_type(problem, 2)->dtype;
  if (images != DType::i64 && images != DType::i32) return Verdict::no("images of i64 or i32 only");
  return {};
}

/// Checks as reference evaluation does.
struct Checks {
  const Region& region;
  template <class... Parts>
  void check(bool condition, const Parts&... parts) const {
    hone::check(condition, Code::invalid_model, parts..., " (", describe(*region.single()), ")");
  }
};

/// The points of all bins along one axis.
class Points {
 public:
  Points(const SampledAxis& axis, int64_t bins) : axis_(axis) {
    kept_ = axis.points * bins <= kStored;
    for (int64_t i = 0; kept_ && i < axis.points * bins; ++i)
      all_[i] = found(i / axis.points, i % axis.points);
  }
  int64_t points() const { return axis_.points; }
  int64_t pixels() const { return axis_.pixels; }
  /// low < 0: outside the image.
  Neighbours at(int64_t bin, int64_t point) const {
    return kept_ ? all_[bin * axis_.points + point] : found(bin, point);
  }

 private:
  Neighbours found(int64_t bin, int64_t point) const {
    return neighbours(axis_, axis_.at(bin, point)).value_or(Neighbours{-1, -1, 0});
  }
  const SampledAxis axis_;
  bool kept_ = false;
  Neighbours all_[kStored];
};

/// The weights of pixels that make the means of a region's bins.
class Means {
 public:
  static constexpr int64_t kMostBins = 1024, kMostPixels = 4096;

  /// False: there are too many.
  bool make(const Points& down, int64_t rows, const Points& across, int64_t columns) {
    if (rows * columns > kMostBins) return false;
    const double points =
        static_cast<double>(std::max<int64_t>(down.points() * across.points(), 1));
    bins_ = 0;
    begin_[0] = 0;
    for (int64_t row = 0; row < rows; ++row) {
      Line vertical;
      if (!vertical.make(down, row)) return false;
      for (int64_t column = 0; column < columns; ++column) {
        Line horizontal;
        if (!horizontal.make(across, column)) return false;
        int64_t at = begin_[bins_];
        if (at + vertical.count * horizontal.count > kMostPixels) return false;
        for (int64_t i = 0; i < vertical.count; ++i)
          for (int64_t j = 0; j < horizontal.count; ++j, ++at) {
            offsets_[at] = vertical.pixels[i] * across.pixels() + horizontal.pixels[j];
            weights_[at] = static_cast<float>(vertical.weights[i] * horizontal.weights[j] / points);
          }
        begin_[++bins_] = at;
      }
    }
    return true;
  }

  void write(const float* plane, float* to) const {
    for (int64_t bin = 0; bin < bins_; ++bin) {
      float sum = 0;
      for (int64_t i = begin_[bin]; i < begin_[bin + 1]; ++i)
        sum += weights_[i] * plane[offsets_[i]];
      to[bin] = sum;
    }
  }

 private:
  /// Pixels along one axis of a bin; one that several points are beside is there once.
  struct Line {
    static constexpr int64_t kMost = 64;
    int64_t count = 0;
    int64_t pixels[kMost];
    double weights[kMost];

    bool make(const Points& points, int64_t bin) {
      for (int64_t i = 0; i < points.points(); ++i) {
        const Neighbours beside = points.at(bin, i);
        if (beside.low < 0) continue;
        if (count + 2 > kMost) return false;
        add(beside.low, 1 - beside.weight);
        add(beside.high, beside.weight);
      }
      return true;
    }
    void add(int64_t pixel, double weight) {
      int64_t at = count;
      while (at > 0 && pixels[at - 1] != pixel) --at;
      if (at > 0) weights[at - 1] += weight;
      else pixels[count] = pixel, weights[count++] = weight;
    }
  };
  int64_t bins_ = 0;
  int64_t begin_[kMostBins + 1];
  int64_t offsets_[kMostPixels];
  float weights_[kMostPixels];
};

/// Where all bins read the pixels of a box, and their weights. A point outside of the image sees
/// the pixel behind the box, which is zero.
class Weights {
 public:
  static constexpr int64_t kMostBins = Means::kMostBins;

  /// False: there are too many, or too many pixels.
  bool make(const Points& down, int64_t rows, const Points& across, int64_t columns,
            int64_t width) {
    if (rows * columns > kMostBins ||
        rows * columns * down.points() * across.points() * 4 > kMostWeights)
      return false;
    box_ = JoinedBox(seen(down, rows), seen(across, columns), width);
    if (box_.pixels() > kPixels) return false;
    int64_t count = 0;
    begin_[0] = 0;
    for (int64_t bin = 0; bin < rows * columns; ++bin) {
      for (int64_t i = 0; i < down.points(); ++i)
        for (int64_t j = 0; j < across.points(); ++j) {
          const Neighbours v = down.at(bin / columns, i), u = across.at(bin % columns, j);
          const auto see = [&](int64_t row, int64_t column, double weight) {
            pixels_[count] = box_.place(row, column);
            weights_[count++] = static_cast<float>(weight);
          };
          if (v.low < 0 || u.low < 0) {
            pixels_[count] = box_.pixels();
            weights_[count++] = 1;
            continue;
          }
          see(v.low, u.low, (1 - v.weight) * (1 - u.weight));
          see(v.low, u.high, (1 - v.weight) * u.weight);
          see(v.high, u.low, v.weight * (1 - u.weight));
          see(v.high, u.high, v.weight * u.weight);
        }
      begin_[bin + 1] = count;
    }
    return true;
  }

  /// The largest of each of `bins`, of `count` channels of `plane` floats. `work`: room for
  /// [bin][channel], then the pixels.
  void largest(const float* from, int64_t plane, int64_t count, int64_t bins, float* work,
               float* to) const {
    const SideBySideFunctions& functions = side_by_side_functions();
    float* pixels = work + bins * kMostSideBySide;
    box_.fill(from, plane, count, pixels);
    std::fill_n(pixels + box_.pixels() * functions.planes, functions.planes, 0.0F);
    for (int64_t bin = 0; bin < bins; ++bin) {
      const int64_t first = begin_[bin], many = begin_[bin + 1] - first;
      float* made = work + bin * functions.planes;
      if (many == 0) std::fill_n(made, functions.planes, 0.0F);
      else functions.largest_weighted({many, pixels_ + first, weights_ + first}, pixels, made);
    }
    float* planes[kMostSideBySide];
    planes_from(to, bins, count, planes);
    functions.part(bins, work, count, planes);
  }

 private:
  static Taps seen(const Points& points, int64_t bins) {
    Taps all{INT64_MAX, 0};
    for (int64_t bin = 0; bin < bins; ++bin)
      for (int64_t i = 0; i < points.points(); ++i)
        if (const Neighbours at = points.at(bin, i); at.low >= 0)
          all = {std::min(all.first, at.low), std::max(all.last, at.high + 1)};
    return all.first < all.last ? all : Taps{0, 0};
  }
  JoinedBox box_;
  int64_t begin_[kMostBins + 1];
  long pixels_[kMostWeights];
  float weights_[kMostWeights];
};

int64_t scratch_floats(const RoiAlign& op) {
  if (op.mode != RoiAlign::Mode::max) return 0;
  return (std::min(Weights::kMostBins, op.output_height * op.output_width) + kPixels + 1) *
         kMostSideBySide;
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made = streaming_recipe<100>(problem, tuning);
  made.scratch_bytes =
      worker_scratch(problem->share, Dim(scratch_floats(*op_of<RoiAlign>(*problem))));
  return made;
}

struct RoiAlignShared final : Shared<RoiAlignShared> {
  Region region;
  RoiAlign op;
  Source data, regions, images;
  bool wide = true;  // images are i64

  explicit RoiAlignShared(const Problem& problem)
      : region(problem.region),
        op(*op_of<RoiAlign>(problem)),
        data(problem, 0),
        regions(problem, 1),
        images(problem, 2) {}

  struct Geometry {
    int64_t regions = 0;  // 0: nothing to do
    int64_t images = 0, channels = 0, height = 0, width = 0;
  };
  Geometry geometry(const Operands& operands) const {
    const std::vector<int64_t>&x = data.shape(operands), &boxes = regions.shape(operands);
    const Checks checks{region};
    checks.check(x.size() == 4, "the images are ", shape_text(x), ", wanted rank 4");
    checks.check(boxes.size() == 2 && boxes[1] == 4, "the regions are ", shape_text(boxes),
                 ", wanted 4 numbers each");
    const int64_t numbers = element_count(images.shape(operands));
    checks.check(numbers == boxes[0], "there are ", boxes[0], " regions and ", numbers,
                 " images of them");
    if (element_count(operands.outputs[0].shape) == 0) return {};
    return {boxes[0], x[0], x[1], x[2], x[3]};
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte> scratch,
           Stream& stream) const {
    const int64_t parts = ceil_div(g.channels, kChannels);
    stream.parallel(g.regions * parts, [&](int64_t i) {
      pool(g, operands, i / parts, i % parts * kChannels,
           std::min(g.channels, (i % parts + 1) * kChannels),
           scratch_of(scratch, scratch_floats(op)));
    });
  }

  void pool(const Geometry& g, const Operands& operands, int64_t at, int64_t first, int64_t last,
            float* work) const {
    const int64_t image =
        wide ? images.as<int64_t>(operands)[at] : images.as<int32_t>(operands)[at];
    const Checks checks{region};
    checks.check(image >= 0 && image < g.images, "region ", at, " is of image ", image, " of ",
                 g.images);
    const float* box = regions.as<float>(operands) + at * 4;
    const auto axis = [&](int64_t pixels, int64_t side, int64_t bins) {
      return sampled_axis(checks, op, pixels, static_cast<double>(box[side]),
                          static_cast<double>(box[side + 2]), bins);
    };
    const Points across(axis(g.width, 0, op.output_width), op.output_width);
    const Points down(axis(g.height, 1, op.output_height), op.output_height);
    const int64_t bins = op.output_height * op.output_width, plane = g.height * g.width;
    const float* from = data.as<float>(operands) + (image * g.channels + first) * plane;
    float* to = operands.outputs[0].as<float>() + (at * g.channels + first) * bins;
    if (op.mode == RoiAlign::Mode::max) {
      largest(g, down, across, from, last - first, work, to);
      return;
    }
    Means means;
    const bool made = means.make(down, op.output_height, across, op.output_width);
    for (int64_t c = first; c < last; ++c, from += plane, to += bins)
      if (made) means.write(from, to);
      else each_bin(down, across, from, to, mean);
  }

  /// Of `channels` from the one on that begins at `from`.
  void largest(const Geometry& g, const Points& down, const Points& across, const float* from,
               int64_t channels, float* work, float* to) const {
    const int64_t plane = g.height * g.width, bins = op.output_height * op.output_width;
    Weights weights;
    const bool made = weights.make(down, op.output_height, across, op.output_width, g.width);
    const int64_t step = made ? side_by_side_functions().planes : 1;
    for (int64_t c = 0; c < channels; c += step, from += step * plane, to += step * bins)
      if (made) weights.largest(from, plane, std::min(step, channels - c), bins, work, to);
      else each_bin(down, across, from, to, most);
  }

  void each_bin(const Points& down, const Points& across, const float* plane, float* to,
                float (*bin)(const Points&, const Points&, const float*, int64_t, int64_t)) const {
    for (int64_t row = 0; row < op.output_height; ++row)
      for (int64_t column = 0; column < op.output_width; ++column)
        *to++ = bin(down, across, plane, row, column);
  }

  static float mean(const Points& down, const Points& across, const float* plane, int64_t row,
                    int64_t column) {
    double sum = 0;
    for (int64_t i = 0; i < down.points(); ++i) {
      const Neighbours v = down.at(row, i);
      if (v.low < 0) continue;
      const float *low = plane + v.low * across.pixels(), *high = plane + v.high * across.pixels();
      for (int64_t j = 0; j < across.points(); ++j) {
        const Neighbours u = across.at(column, j);
        if (u.low < 0) continue;
        const double left = (1 - v.weight) * double{low[u.low]} + v.weight * double{high[u.low]};
        const double right = (1 - v.weight) * double{low[u.high]} + v.weight * double{high[u.high]};
        sum += (1 - u.weight) * left + u.weight * right;
      }
    }
    const int64_t points = std::max<int64_t>(down.points() * across.points(), 1);
    return static_cast<float>(sum / static_cast<double>(points));
  }

  static float most(const Points& down, const Points& across, const float* plane, int64_t row,
                    int64_t column) {
    std::optional<double> most;
    const auto see = [&](double value) { most = most ? larger_pixel(*most, value) : value; };
    for (int64_t i = 0; i < down.points(); ++i) {
      const Neighbours v = down.at(row, i);
      for (int64_t j = 0; j < across.points(); ++j) {
        const Neighbours u = across.at(column, j);
        if (v.low < 0 || u.low < 0) {
          see(0);
          continue;
        }
        const float *low = plane + v.low * across.pixels(),
                    *high = plane + v.high * across.pixels();
        see((1 - v.weight) * (1 - u.weight) * double{low[u.low]});
        see((1 - v.weight) * u.weight * double{low[u.high]});
        see(v.weight * (1 - u.weight) * double{high[u.low]});
        see(v.weight * u.weight * double{high[u.high]});
      }
    }
    return static_cast<float>(most.value_or(0));
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>, hone::Device&) {
  auto shared = std::make_shared<RoiAlignShared>(*recipe.problem);
  shared->wide = operand_type(*recipe.problem, 2)->dtype == DType::i64;
  return shared;
}

}  // namespace
}  // namespace roi_align_kernel

void register_roi_align(KernelRegistry& registry) {
  using namespace roi_align_kernel;
  registry.add({"cpu.roi_align", 1, supports, no_tunings, recipe, prepare});
}

}  // namespace hone::cpu
