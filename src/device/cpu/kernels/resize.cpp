// Resize that interpolates f32 along the last two axes: each line of the result is a weighted sum
// of lines, then of its elements; or, where there are more lines in the result than in the input,
// of lines whose elements were summed before.

#include <algorithm>

#include "base/size.hpp"
#include "device/cpu/band.hpp"
#include "device/cpu/resize_axes.hpp"
#include "device/cpu/step.hpp"

namespace hone::cpu {
namespace resize_kernel {
namespace {

constexpr int64_t kLines = 4;  // of the input with summed elements, that a worker keeps
// Floats between the memory of two workers, none of which write to the same line of a cache.
constexpr int64_t kApart = kMostSlideLanes + 16;

Verdict supports(const Problem& problem) {
  const Resize* op = op_of<Resize>(problem);
  if (op == nullptr || op->mode == Resize::Mode::nearest)
    return Verdict::no("interpolating Resize only");
  const TensorType& x = *operand_type(problem, 0);
  if (x.dtype != DType::f32) return Verdict::no("f32 only");
  if (!x.has_rank() || x.rank() < 2) return Verdict::no("rank below 2 or unknown");
  if (const Verdict verdict = resize_supported(problem, *op); !verdict.yes) return verdict;
  return resizes_planes(problem, *op);
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made;
  made.tuning = tuning;
  made.seconds = streaming_seconds(*problem, 10);
  const TensorType& result = problem->region.single()->outputs[0]->type.tensor();
  const Dim kept = result.has_rank() ? Dim(kLines) * result.shape().back() : Dim(0);
  made.scratch_bytes = worker_scratch(
      problem->share, operand_type(*problem, 0)->shape().back() + kept + Dim(kApart));
  made.problem = std::move(problem);
  return made;
}

struct ResizeShared final : Shared<ResizeShared> {
  static constexpr bool kLaunches = true;
  Region region;
  std::vector<Source> operands_of;

  using Axis = ResizeAxis<float>;
  using Tap = Axis::Tap;
  struct Geometry : ResizedPlanes<float> {
    bool elements_first = false;
    int64_t scratch = 0;  // floats of a worker
  };

  Geometry geometry(const Operands& operands) const {
    Geometry g{{region, operands_of, operands}};
    if (g.planes == 0) return g;
    g.elements_first = g.y.to >= g.y.from && spans_at_most(kLines, g.y);
    g.scratch = g.x.from + kLines * g.x.to + kApart;
    return g;
  }

  /// Every place is made of lines among so many neighbours.
  static bool spans_at_most(int64_t lines, const Axis& axis) {
    for (size_t i = 0; i + 1 < axis.first.size(); ++i) {
      int64_t least = axis.from, most = -1;
      for (size_t t = axis.first[i]; t < axis.first[i + 1]; ++t) {
        least = std::min(least, axis.taps[t].place);
        most = std::max(most, axis.taps[t].place);
      }
      if (most - least >= lines) return false;
    }
    return true;
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte> scratch,
           Stream& stream) const {
    const auto* from = operands_of[0].as<float>(operands);
    auto* to = operands.outputs[0].as<float>();
    constexpr int64_t kTile = 16 * 1024;  // results that one worker takes at a time
    launch_ranges(stream, g.planes * g.y.to, kTile / std::max<int64_t>(1, g.x.to),
                  [=, &g](int64_t first, int64_t last) {
                    float* own = scratch_of(scratch, g.scratch);
                    if (g.elements_first) return resize_lines(g, from, first, last, own, to);
                    for (int64_t i = first; i < last; ++i)
                      resize_line(g, from + i / g.y.to * g.y.from * g.x.from, i % g.y.to, own,
                                  to + i * g.x.to);
                  });
  }

  /// Lines [first, last) of the results of all planes. `own` keeps kLines of the input's.
  static void resize_lines(const Geometry& g, const float* from, int64_t first, int64_t last,
                           float* own, float* to) {
    const SlideFunctions& functions = slide_functions();
    int64_t kept[kLines] = {-1, -1, -1, -1};
    for (int64_t i = first; i < last; ++i) {
      const auto row = static_cast<size_t>(i % g.y.to);
      long places[kLines];
      float weights[kLines];
      long count = 0;
      for (size_t t = g.y.first[row]; t < g.y.first[row + 1]; ++t) {
        const int64_t line = i / g.y.to * g.y.from + g.y.taps[t].place, slot = line % kLines;
        const long place = slot * g.x.to;
        if (kept[slot] != line) sum_elements(g.x, from + line * g.x.from, own + place);
        kept[slot] = line;
        const long at = std::find(places, places + count, place) - places;
        if (at == count) weights[count++] = 0;
        places[at] = place;
        weights[at] += g.y.taps[t].weight;
      }
      functions.weighted({own, 0, places, weights, count, 0.0F, to + i * g.x.to, 1, g.x.to});
    }
  }

  static void sum_elements(const Axis& x, const float* line, float* to) {
    const Tap* tap = x.taps.data();
    for (int64_t i = 0; i < x.to; ++i) {
      float sum = 0;
      for (const Tap* end = x.taps.data() + x.first[static_cast<size_t>(i) + 1]; tap < end; ++tap)
        sum += tap->weight * line[tap->place];
      to[i] = sum;
    }
  }

  static void resize_line(const Geometry& g, const float* plane, int64_t row, float* line,
                          float* to) {
    std::fill_n(line, g.x.from, 0.0f);
    const auto at = static_cast<size_t>(row);
    for (size_t t = g.y.first[at]; t < g.y.first[at + 1]; ++t) {
      const float* source = plane + g.y.taps[t].place * g.x.from;
      const float weight = g.y.taps[t].weight;
      for (int64_t i = 0; i < g.x.from; ++i) line[i] += weight * source[i];
    }
    sum_elements(g.x, line, to);
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>, hone::Device&) {
  auto shared = std::make_shared<ResizeShared>();
  shared->region = recipe.problem->region;
  shared->operands_of = sources(*recipe.problem);
  return shared;
}

}  // namespace
}  // namespace resize_kernel

void register_resize(KernelRegistry& registry) {
  using namespace resize_kernel;
  registry.add({"cpu.resize", 1, supports, no_tunings, recipe, prepare});
}

}  // namespace hone::cpu
