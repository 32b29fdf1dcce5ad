// Depthwise convolution: one filter a channel. Bands of a plane are copied into a frame of zeros,
// over which the filter slides a vector of results at a time.

#include <algorithm>

#include "base/size.hpp"
#include "device/cpu/band.hpp"
#include "ops/convolution.hpp"

namespace hone::cpu {
namespace depthwise_kernel {
namespace {

Tensor copy_filters(const Problem&, const Tuning&, const Tensor& weight) { return aligned(weight); }

Verdict supports(const Problem& problem) {
  const Conv* conv = op_of<Conv>(problem);
  if (conv == nullptr) return Verdict::no("convolves only");
  if (!all_are(problem, DType::f32)) return Verdict::no("f32 only");
  const auto shape = operand_type(problem, 1)->concrete();
  if (!shape) return Verdict::no("the weight's shape is open");
  if (shape->size() != 3 && shape->size() != 4)
    return Verdict::no("one or two spatial dimensions only");
  if ((*shape)[1] != 1 || (*shape)[0] != conv->group)
    return Verdict::no("not one filter a channel");
  return {};
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made;
  made.tuning = tuning;
  const std::vector<int64_t> shape = *operand_type(*problem, 1)->concrete();
  const Type& result = problem->region.single()->outputs[0]->type;
  // Every product loads a vector of what it multiplies, from the first-level cache.
  made.seconds = typical_count(*problem, result) *
                 static_cast<double>(element_count(spatial(shape))) /
                 problem->target->cached_per_second;
  const int input = region_input(*problem, 1);
  if (input >= 0 && constant_operand(*problem, 1) != nullptr)
    made.packings.push_back({static_cast<size_t>(input), "dense", copy_filters});
  made.scratch_bytes = worker_scratch(
      problem->share, band_floats(op_of<Conv>(*problem)->window,
                                  operand_type(*problem, 0)->shape().back(), spatial(shape)));
  made.problem = std::move(problem);
  return made;
}

struct DepthwiseShared final : Shared<DepthwiseShared> {
  Window window;
  std::vector<int64_t> kernel;
  std::vector<Source> operands_of;
  Tensor weights;  // empty: computed ones
  int64_t workers = 1;

  struct Geometry {
    int64_t images = 0, channels = 0;  // 0 images: nothing to do
    BandLayout band;
    std::vector<long> offsets;
    int64_t grain = 1;  // bands of a tile
  };

  Geometry geometry(const Operands& operands) const {
    const std::vector<int64_t>& in = operands_of[0].shape(operands);
    const std::vector<int64_t>& out = operands.outputs[0].shape;
    if (element_count(out) == 0) return {};
    const auto axis = [&](size_t at) {
      return window_axis_of(window, at, in[at + 2], out[at + 2], kernel[at]);
    };
    const bool line = kernel.size() == 1;
    Geometry g{in[0], in[1], BandLayout(line ? kNoAxis : axis(0), axis(line ? 0 : 1)), {}, 1};
    g.offsets = g.band.offsets();
    g.grain = g.band.grain(g.images * g.channels, workers);
    return g;
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte> scratch,
           Stream& stream) const {
    const auto taps = std::ssize(g.offsets);
    const auto* biases = operands_of[2].as<float>(operands);
    const auto* filters = weights.count() > 0
                              ? reinterpret_cast<const float*>(weights.bytes().data())
                              : operands_of[1].as<float>(operands);
    const SlideFunctions& functions = slide_functions();
    each_band(g.band, g.offsets, g.images * g.channels, g.grain, operands_of[0].as<float>(operands),
              operands.outputs[0].as<float>(), 0.0f, scratch, stream,
              [&](int64_t plane, int64_t, Slide slide) {
                const int64_t channel = plane % g.channels;
                slide.weights = filters + channel * taps;
                if (biases != nullptr) slide.start = biases[channel];
                functions.weighted(slide);
              });
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor> packed,
                                        hone::Device&) {
  auto shared = std::make_shared<DepthwiseShared>();
  const Problem& problem = *recipe.problem;
  shared->workers = problem.share.workers;
  shared->window = op_of<Conv>(problem)->window;
  if (!packed.empty()) shared->weights = std::move(packed.front());
  else if (const Weight* weight = constant_operand(problem, 1))
    shared->weights = weight->tensor().clone();
  shared->kernel = spatial(*operand_type(problem, 1)->concrete());
  for (size_t i = 0; i < 3; ++i) shared->operands_of.emplace_back(problem, i);
  return shared;
}

}  // namespace
}  // namespace depthwise_kernel

void register_depthwise(KernelRegistry& registry) {
  using namespace depthwise_kernel;
  registry.add({"cpu.conv.depthwise", 1, supports, no_tunings, recipe, prepare});
}

}  // namespace hone::cpu
