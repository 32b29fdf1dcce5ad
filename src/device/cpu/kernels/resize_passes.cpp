// Resize that interpolates f32 along any axes, one after the other, those that shrink first: lines
// of what lies inside of an axis are weighted sums of other lines.

#include <algorithm>

#include "base/size.hpp"
#include "device/cpu/resize_axes.hpp"
#include "device/cpu/step.hpp"

namespace hone::cpu {
namespace resize_passes_kernel {
namespace {

Verdict supports(const Problem& problem) {
  const Resize* op = op_of<Resize>(problem);
  if (op == nullptr || op->mode == Resize::Mode::nearest)
    return Verdict::no("interpolating Resize only");
  const TensorType& x = *operand_type(problem, 0);
  if (x.dtype != DType::f32) return Verdict::no("f32 only");
  if (!x.has_rank() || x.rank() == 0 ||
      !problem.region.single()->outputs[0]->type.tensor().has_rank())
    return Verdict::no("rank 0 or unknown");
  return resize_supported(problem, *op);
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made;
  made.tuning = tuning;
  made.seconds = streaming_seconds(*problem, 20);
  const Dims& in = operand_type(*problem, 0)->shape();
  const Dims& out = problem->region.single()->outputs[0]->type.tensor().shape();
  Dim most = 1;  // elements between two passes
  for (size_t d = 0; d < in.size(); ++d) most = most * max(in[d], out[d]);
  made.scratch_bytes = most * Dim(2 * int64_t{sizeof(float)});
  made.problem = std::move(problem);
  return made;
}

struct PassesShared final : Shared<PassesShared> {
  Region region;
  std::vector<Source> operands_of;

  struct Tap {
    int64_t place;
    float weight;
  };
  /// [outer, from, inner] to [outer, to, inner].
  struct Pass {
    int64_t outer = 1, from = 1, to = 1, inner = 1;
    std::vector<Tap> taps;  // those of place i from first[i] on
    std::vector<size_t> first;
  };
  struct Geometry {
    std::vector<Pass> passes;
    int64_t count = 0, most = 0;  // results; elements between two passes
  };

  Geometry geometry(const Operands& operands) const {
    Geometry g;
    std::vector<int64_t> shape = operands_of[0].shape(operands);
    const std::vector<int64_t>& out = operands.outputs[0].shape;
    g.count = element_count(out);
    if (g.count == 0) return g;
    const std::vector<ResizeTaps> taps = resize_taps_of(region, operands_of, operands);
    std::vector<size_t> axes;
    g.most = 1;
    for (size_t d = 0; d < shape.size(); ++d) {
      if (!taps[d].empty()) axes.push_back(d);
      g.most *= std::max(shape[d], out[d]);
    }
    std::stable_sort(axes.begin(), axes.end(),
                     [&](size_t a, size_t b) { return out[a] * shape[b] < out[b] * shape[a]; });
    for (const size_t d : axes) {
      Pass pass{element_count(std::span(shape).first(d)),       shape[d], out[d],
                element_count(std::span(shape).subspan(d + 1)), {},       {0}};
      for (const auto& place : taps[d]) {
        for (const ResizeTap& tap : place)
          pass.taps.push_back({tap.place, static_cast<float>(tap.weight)});
        pass.first.push_back(pass.taps.size());
      }
      g.passes.push_back(std::move(pass));
      shape[d] = out[d];
    }
    return g;
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte> scratch,
           Stream& stream) const {
    if (g.count == 0) return;
    const float* from = operands_of[0].as<float>(operands);
    auto* to = operands.outputs[0].as<float>();
    if (g.passes.empty()) {
      std::copy_n(from, g.count, to);
      return;
    }
    auto* room = reinterpret_cast<float*>(scratch.data());
    for (size_t i = 0; i < g.passes.size(); ++i) {
      float* made = i + 1 == g.passes.size() ? to : room + (i % 2 == 0 ? 0 : g.most);
      run_pass(g.passes[i], from, made, stream);
      from = made;
    }
  }

  static void run_pass(const Pass& pass, const float* from, float* to, Stream& stream) {
    constexpr int64_t kTile = 16 * 1024;  // results that one worker takes at a time
    parallel_ranges(stream, pass.outer * pass.to, kTile / pass.inner,
                    [&](int64_t first, int64_t last) {
                      for (int64_t i = first; i < last; ++i)
                        line(pass, static_cast<size_t>(i % pass.to),
                             from + i / pass.to * pass.from * pass.inner, to + i * pass.inner);
                    });
  }

  static void line(const Pass& pass, size_t place, const float* from, float* to) {
    const std::span taps(pass.taps.data() + pass.first[place],
                         pass.first[place + 1] - pass.first[place]);
    if (pass.inner == 1) {
      float sum = 0;
      for (const Tap& tap : taps) sum += tap.weight * from[tap.place];
      *to = sum;
      return;
    }
    if (taps.size() == 2) {
      const float *a = from + taps[0].place * pass.inner, *b = from + taps[1].place * pass.inner;
      const float left = taps[0].weight, right = taps[1].weight;
      for (int64_t i = 0; i < pass.inner; ++i) to[i] = left * a[i] + right * b[i];
      return;
    }
    std::fill_n(to, pass.inner, 0.0F);
    for (const Tap& tap : taps)
      for (int64_t i = 0; i < pass.inner; ++i)
        to[i] += tap.weight * from[tap.place * pass.inner + i];
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>, hone::Device&) {
  auto shared = std::make_shared<PassesShared>();
  shared->region = recipe.problem->region;
  shared->operands_of = sources(*recipe.problem);
  return shared;
}

}  // namespace
}  // namespace resize_passes_kernel

void register_resize_passes(KernelRegistry& registry) {
  using namespace resize_passes_kernel;
  registry.add({"cpu.resize.passes", 1, supports, no_tunings, recipe, prepare});
}

}  // namespace hone::cpu
