// Pooling over three spatial axes: as over two (pool.cpp), but the bands of all planes that a
// window reads are copied, one behind the other.

#include <algorithm>

#include "base/size.hpp"
#include "device/cpu/band.hpp"
#include "device/cpu/pooling.hpp"

namespace hone::cpu {
namespace {

/// The window within a plane.
Window plane_window(const Window& window) {
  const auto without_first = [](std::vector<int64_t> list) {
    if (!list.empty()) list.erase(list.begin());
    return list;
  };
  Window plane = window;
  plane.kernel_shape = without_first(window.kernel_shape);
  plane.strides = without_first(window.strides);
  plane.dilations = without_first(window.dilations);
  if (!window.pads.empty())
    plane.pads = {window.pads[1], window.pads[2], window.pads[4], window.pads[5]};
  return plane;
}

Verdict supports(const Problem& problem) {
  if (!pool_fields(problem)) return Verdict::no("MaxPool and AveragePool only");
  const TensorType* x = operand_type(problem, 0);
  if (!x->has_rank() || x->rank() != 5) return Verdict::no("three spatial dimensions only");
  if (x->dtype != DType::f32) return Verdict::no("f32 only");
  if (wanted_output(problem, 1) >= 0) return Verdict::no("the places of the maxima are wanted");
  return {};
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made;
  made.tuning = tuning;
  const PoolFields fields = *pool_fields(*problem);
  made.seconds = streaming_seconds(*problem, 2 * fields.taps());
  const Window plane = plane_window(fields.window);
  made.scratch_bytes = worker_scratch(
      problem->share,
      Dim(fields.window.kernel_shape[0]) *
          band_floats(plane, operand_type(*problem, 0)->shape().back(), plane.kernel_shape));
  made.problem = std::move(problem);
  return made;
}

struct Pool3dShared final : Shared<Pool3dShared> {
  PoolFields fields;
  Source source;
  int64_t workers = 1;

  explicit Pool3dShared(const Problem& problem) : source(problem, 0) {}

  struct Geometry {
    int64_t planes = 0;  // 0: nothing to do
    WindowAxis z{};
    BandLayout band;
    std::vector<long> offsets;
    std::vector<float> counts;  // of elements along x that a mean is of
    int64_t grain = 1;
  };
  Geometry geometry(const Operands& operands) const {
    const std::vector<int64_t>&in = source.shape(operands), &out = operands.outputs[0].shape;
    if (element_count(out) == 0) return {};
    const auto axis = [&](size_t at) { return fields.axis(at, in, out); };
    Geometry g{in[0] * in[1], axis(0), BandLayout(axis(1), axis(2)), {}, {}, 1};
    const std::vector<long> plane = g.band.offsets();
    for (int64_t tap = 0; tap < g.z.kernel; ++tap)
      for (const long offset : plane) g.offsets.push_back(tap * g.band.floats() + offset);
    for (int64_t i = 0; i < g.band.x.output; ++i)
      g.counts.push_back(static_cast<float>(fields.elements(g.band.x, i)));
    g.grain = std::max<int64_t>(
        1, g.band.grain(g.planes * g.z.output, workers) / std::max<int64_t>(1, g.z.kernel));
    return g;
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte> scratch,
           Stream& stream) const {
    if (g.planes == 0) return;
    const auto* from = source.as<float>(operands);
    auto* to = operands.outputs[0].as<float>();
    const BandLayout& band = g.band;
    const int64_t bands = band.bands(), plane = band.y.input * band.x.input;
    const float frame = fields.frame();
    parallel_ranges(stream, g.planes * g.z.output * bands, g.grain,
                    [&](int64_t begin, int64_t end) {
                      float* copied = scratch_of(scratch, g.z.kernel * band.floats());
                      std::fill_n(copied, g.z.kernel * band.floats(), frame);
                      Held held;
                      for (int64_t i = begin; i < end; ++i) {
                        const int64_t z = i % g.z.output, column = i / g.z.output;
                        const int64_t first = column % bands * kBandRows, volume = column / bands;
                        if (z == 0) held = {};
                        copy(g, from + volume * g.z.input * plane, z, first, frame, copied, held);
                        const int64_t deep = volume * g.z.output + z;
                        Slide slide{copied,
                                    band.y.stride * band.row(),
                                    g.offsets.data(),
                                    nullptr,
                                    static_cast<long>(g.offsets.size()),
                                    0.0f,
                                    to + (deep * band.y.output + first) * band.x.output,
                                    std::min(kBandRows, band.y.output - first),
                                    band.x.output};
                        if (fields.average) average(g, slide, z, first);
                        else slide_functions().max(slide);
                      }
                    });
  }

  /// Which plane stands in each place of the copy.
  struct Held {
    static constexpr int64_t kMost = 16;
    int64_t plane[kMost];
    Held() { std::fill_n(plane, kMost, std::numeric_limits<int64_t>::min()); }
  };
  /// What the windows of results at `z` read of the planes of `volume`. A plane that the results
  /// before have read, too, stays where it is: what is folded may stand in any order.
  static void copy(const Geometry& g, const float* volume, int64_t z, int64_t first, float frame,
                   float* to, Held& held) {
    const bool stays = g.z.dilation == 1 && g.z.kernel <= Held::kMost;
    for (int64_t tap = 0; tap < g.z.kernel; ++tap) {
      const int64_t at = g.z.start(z) + tap * g.z.dilation;
      const int64_t place = stays ? floor_mod(at, g.z.kernel) : tap;
      if (stays && std::exchange(held.plane[place], at) == at) continue;
      float* band = to + place * g.band.floats();
      if (at < 0 || at >= g.z.input) std::fill_n(band, g.band.floats(), frame);
      else
        g.band.copy(slide_functions(), volume + at * g.band.y.input * g.band.x.input, first, frame,
                    band);
    }
  }

  void average(const Geometry& g, const Slide& slide, int64_t z, int64_t first) const {
    slide_functions().sum(slide);
    for (int64_t row = 0; row < slide.rows; ++row) {
      const auto lines =
          static_cast<float>(fields.elements(g.z, z) * fields.elements(g.band.y, first + row));
      float* sums = slide.to + row * slide.count;
      for (int64_t i = 0; i < slide.count; ++i)
        sums[i] /= std::max(1.0f, lines * g.counts[static_cast<size_t>(i)]);
    }
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>, hone::Device&) {
  auto shared = std::make_shared<Pool3dShared>(*recipe.problem);
  shared->fields = *pool_fields(*recipe.problem);
  shared->workers = recipe.problem->share.workers;
  return shared;
}

}  // namespace

void register_pool_3d(KernelRegistry& registry) {
  registry.add({"cpu.pool_3d", 1, supports, no_tunings, recipe, prepare});
}

}  // namespace hone::cpu
