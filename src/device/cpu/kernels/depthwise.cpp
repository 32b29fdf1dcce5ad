// Depthwise convolution: one filter a channel. Bands of a plane are copied into a frame of zeros,
// over which the filter slides a vector of results at a time, of several rows where these share
// rows of the frame.

#include <algorithm>
#include <cmath>

#include "base/size.hpp"
#include "device/cpu/band.hpp"
#include "device/cpu/chain.hpp"
#include "device/cpu/gemm.hpp"
#include "ops/convolution.hpp"

namespace hone::cpu {
namespace depthwise_kernel {
namespace {

Tensor copy_filters(const Problem&, const Tuning&, const Tensor& weight) { return aligned(weight); }

std::optional<Chain> chain_of(const Problem& problem) {
  return chain_at(problem, [](const Op& op) { return op.as<Conv>() != nullptr; });
}

Verdict supports(const Problem& problem) {
  const auto chain = chain_of(problem);
  if (!chain) return Verdict::no("convolves f32 only");
  const Conv* conv = chain->anchor->op.as<Conv>();
  const auto shape = chain->anchor->inputs[1]->type.tensor().concrete();
  if (!shape) return Verdict::no("the weight's shape is open");
  if (shape->size() != 3 && shape->size() != 4)
    return Verdict::no("one or two spatial dimensions only");
  if ((*shape)[1] != 1 || (*shape)[0] != conv->group)
    return Verdict::no("not one filter a channel");
  return verdict_on(problem, *chain);
}

/// Rows of results share so many rows of the frame that it counts: see window_micro.hpp.
bool shares_rows(const Window& window, const std::vector<int64_t>& kernel) {
  return kernel.size() == 2 && kernel[0] >= 5 && kernel[0] <= 11 && kernel[0] % 2 == 1 &&
         window.dilation(0) == 1 && window.stride(0) <= 2;
}

/// Of a result: to copy what it reads; where rows of results share rows, to multiply in whole
/// vectors. Where one holds a row, too few of them wait for each other; every second column is
/// parted. Else every product loads a vector of what it multiplies, from the first-level cache.
double result_seconds(const Problem& problem, const Window& window,
                      const std::vector<int64_t>& kernel, double columns) {
  const auto taps = static_cast<double>(element_count(kernel));
  const auto last = static_cast<double>(window.stride(kernel.size() - 1));
  const double read = kernel.size() == 1 ? last : last * static_cast<double>(window.stride(0));
  const double copied = 2.5e-10 * (1 + read);
  if (!shares_rows(window, kernel)) return copied + taps / problem.target->cached_per_second;
  const bool wide = gemm_core().isa == Isa::avx512;
  const double lanes = wide ? 16 : 8;
  const double padded = std::ceil(columns / lanes) * lanes / columns;
  return copied + taps * padded * (wide ? 1.8e-11 : 2.9e-11) * (columns <= lanes ? 2.2 : 1.0) *
                      (last > 1 ? 1.9 : 1.0);
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made;
  made.tuning = tuning;
  const Node& anchor = *chain_of(*problem)->anchor;
  const std::vector<int64_t> kernel = spatial(*anchor.inputs[1]->type.tensor().concrete());
  const Window& window = anchor.op.as<Conv>()->window;
  const double results = typical_count(*problem, anchor.outputs[0]->type);
  constexpr double kRow = 8e-9;  // rows are copied, short ones too
  const double columns =
      std::max(1.0, typical(*problem, anchor.outputs[0]->type.tensor().shape().back()));
  made.seconds = results * (kRow / columns + result_seconds(*problem, window, kernel, columns));
  const int input = Source(*problem, anchor.input(1)).input();
  if (input >= 0 && constant_of(*problem, anchor.input(1)) != nullptr)
    made.packings.push_back({static_cast<size_t>(input), "dense", copy_filters});
  made.scratch_bytes = worker_scratch(
      problem->share, band_floats(window, anchor.inputs[0]->type.tensor().shape().back(), kernel));
  made.problem = std::move(problem);
  return made;
}

struct DepthwiseShared final : Shared<DepthwiseShared> {
  Chain chain;
  Window window;
  std::vector<int64_t> kernel;
  std::vector<Source> operands_of;
  Source added;
  Tensor weights;  // empty: computed ones
  int64_t workers = 1;

  DepthwiseShared(const Problem& problem, const Chain& made)
      : chain(made),
        window(made.anchor->op.as<Conv>()->window),
        kernel(spatial(*made.anchor->inputs[1]->type.tensor().concrete())),
        added(problem, made.added),
        workers(problem.share.workers) {
    for (size_t i = 0; i < 3; ++i) operands_of.emplace_back(problem, made.anchor->input(i));
  }

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
                const auto place = slide.to - operands.outputs[0].as<float>();
                const float* also = added.as<float>(operands);
                follow(chain, slide.rows * slide.count, also == nullptr ? nullptr : also + place,
                       slide.to);
              });
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor> packed,
                                        hone::Device&) {
  const Problem& problem = *recipe.problem;
  const Chain chain = *chain_of(problem);
  auto shared = std::make_shared<DepthwiseShared>(problem, chain);
  if (!packed.empty()) shared->weights = std::move(packed.front());
  else if (const Weight* weight = constant_of(problem, chain.anchor->input(1)))
    shared->weights = weight->tensor().clone();
  return shared;
}

}  // namespace
}  // namespace depthwise_kernel

void register_depthwise(KernelRegistry& registry) {
  using namespace depthwise_kernel;
  registry.add({"cpu.conv.depthwise", 2, supports, no_tunings, recipe, prepare, true});
}

}  // namespace hone::cpu
