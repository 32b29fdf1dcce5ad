// Depthwise convolution of f32 in one to three spatial dimensions with as many channels side by
// side as a vector has floats: an element of a window is a vector, so that short rows, strides and
// dilation cost nothing.

#include "device/cpu/chain.hpp"
#include "device/cpu/im2col.hpp"
#include "device/cpu/joined_windows.hpp"
#include "ops/convolution.hpp"

namespace hone::cpu {
namespace conv_side_by_side_kernel {
namespace {

std::optional<Chain> chain_of(const Problem& problem) {
  return chain_at(problem, [](const Op& op) { return op.as<Conv>() != nullptr; });
}

/// nullopt: the weight is no constant, or sizes are open.
std::optional<JoinedWindows> windows_of(const Problem& problem, const Node& anchor) {
  const Weight* weight = constant_of(problem, anchor.input(1));
  const auto in = known_sizes(anchor.inputs[0]), out = known_sizes(anchor.output());
  if (weight == nullptr || !in || !out) return std::nullopt;
  std::vector<WindowAxis> axes;
  for (size_t i = 2; i < in->size(); ++i)
    axes.push_back(window_axis_of(anchor.op.as<Conv>()->window, i - 2, (*in)[i], (*out)[i],
                                  weight->shape()[i]));
  if (axes.empty() || axes.size() > 3) return std::nullopt;
  return JoinedWindows(axes, (*in)[1]);
}

Verdict supports(const Problem& problem) {
  const auto chain = chain_of(problem);
  if (!chain) return Verdict::no("convolves f32 only");
  const auto windows = windows_of(problem, *chain->anchor);
  if (!windows) return Verdict::no("the weight is no constant, or sizes are open");
  const std::vector<int64_t>& weight = constant_of(problem, chain->anchor->input(1))->shape();
  if (weight[1] != 1 || weight[0] != chain->anchor->op.as<Conv>()->group)
    return Verdict::no("not one filter a channel");
  if (const char* why = windows->refusal()) return Verdict::no(why);
  return verdict_on(problem, *chain);
}

/// [block][tap][channel of the block], zeros behind the last channel.
Tensor pack_filters(const Problem& problem, const Tuning&, const Tensor& weight) {
  const JoinedWindows windows = *windows_of(problem, *chain_of(problem)->anchor);
  const Tensor floats = aligned(weight);
  const auto* from = reinterpret_cast<const float*>(floats.bytes().data());
  const int64_t planes = windows.planes(), taps = windows.taps();
  Tensor packed(DType::f32, {windows.blocks(), taps, planes});
  auto* to = reinterpret_cast<float*>(packed.mutable_bytes().data());
  std::fill_n(to, packed.count(), 0.0F);
  for (int64_t c = 0; c < windows.channels(); ++c)
    for (int64_t tap = 0; tap < taps; ++tap)
      to[(c / planes * taps + tap) * planes + c % planes] = from[c * taps + tap];
  return packed;
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made;
  made.tuning = tuning;
  const Node& anchor = *chain_of(*problem)->anchor;
  const JoinedWindows windows = *windows_of(*problem, anchor);
  const double images = typical(*problem, anchor.outputs[0]->type.tensor().shape()[0]);
  // A sum waits for loads of the first-level cache.
  made.seconds = windows.seconds(
      images, (windows.planes() > 8 ? 1.5 : 2.4) / (4 * problem->target->flops_per_second));
  made.scratch_bytes = worker_scratch(problem->share, Dim(JoinedWindows::kScratch));
  if (const int input = Source(*problem, anchor.input(1)).input(); input >= 0)
    made.packings.push_back({static_cast<size_t>(input),
                             cat("conv.side_by_side/", windows.planes()), pack_filters,
                             windows.blocks() * windows.taps() * windows.planes() *
                                 static_cast<int64_t>(sizeof(float))});
  made.problem = std::move(problem);
  return made;
}

struct SideBySideShared final : Shared<SideBySideShared> {
  static constexpr bool kLaunches = true;
  Chain chain;
  JoinedWindows windows;
  Source input, bias, added;
  Tensor packed;
  int64_t workers;

  SideBySideShared(const Problem& problem, const Chain& made)
      : chain(made),
        windows(*windows_of(problem, *made.anchor)),
        input(problem, made.anchor->input(0)),
        bias(problem, made.anchor->input(2)),
        added(problem, made.added),
        workers(problem.share.workers) {}

  using Geometry = JoinedWindows::Tiling;
  Geometry geometry(const Operands& operands) const {
    return windows.tiling(input.shape(operands)[0], workers);
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte> scratch,
           Stream& stream) const {
    stream.launch(
        g.tiles,
        [=, this, &g, &operands](int64_t index) {
          run_tile(operands, windows.tile(g, index), scratch_of(scratch, JoinedWindows::kScratch));
        },
        [&](int64_t index) {
          const JoinedWindows::Tile tile = windows.tile(g, index);
          Touched all =
              windows.touched(tile, input.as<float>(operands), operands.outputs[0].as<float>());
          if (added.present())
            all.reads.push_back(
                windows.touched(tile, nullptr, added.as<float>(operands)).writes.front());
          if (bias.present())
            all.reads.push_back(Box::of(bias.as<float>(operands), 0, windows.channels()));
          return all;
        });
  }

  void run_tile(const Operands& operands, const JoinedWindows::Tile& tile, float* work) const {
    const int64_t planes = windows.planes(), block = tile.block * planes;
    const float* biases = bias.as<float>(operands);
    float start[kMostSideBySide] = {};
    if (biases != nullptr) std::copy_n(biases + block, tile.channels, start);
    const auto* filters =
        reinterpret_cast<const float*>(packed.bytes().data()) + block * windows.taps();
    float* to = operands.outputs[0].as<float>();
    const float* weights[JoinedWindows::kMostRows];
    // Clipped as they are made, where nothing is added before.
    const bool adds = added.present();
    const float low = adds || !chain.form.clips_low ? -INFINITY : chain.low;
    const float high = adds || !chain.form.clips_high ? INFINITY : chain.high;
    windows.run(tile, input.as<float>(operands), 0.0F, work, to,
                [&](JoinedWindows::Row& row, int64_t, int64_t) {
                  for (int64_t i = 0; i < row.window.many; ++i)
                    weights[i] = filters + row.places[i] * windows.x().kernel * planes;
                  row.window.weights = weights;
                  row.window.start = start;
                  row.window.low = low;
                  row.window.high = high;
                  windows.functions().weighted(row.window);
                });
    if (!adds && chain.applied.empty()) return;
    const float* also = added.as<float>(operands);
    const int64_t count = (tile.y.last - tile.y.first) * windows.x().output;
    for (int64_t z = tile.z.first; z < tile.z.last; ++z)
      for (int64_t c = 0; c < tile.channels; ++c) {
        const int64_t place = windows.place(tile, z) + c * windows.results();
        if (adds) follow(chain, count, also + place, to + place);
        else apply(chain.applied, count, to + place);
      }
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor> packed,
                                        hone::Device&) {
  const Problem& problem = *recipe.problem;
  const Chain chain = *chain_of(problem);
  auto shared = std::make_shared<SideBySideShared>(problem, chain);
  const Weight& weight = *constant_of(problem, chain.anchor->input(1));
  shared->packed = packed.empty() ? pack_filters(problem, recipe.tuning, weight.tensor())
                                  : std::move(packed.front());
  return shared;
}

}  // namespace
}  // namespace conv_side_by_side_kernel

void register_conv_side_by_side(KernelRegistry& registry) {
  using namespace conv_side_by_side_kernel;
  registry.add({"cpu.conv.side_by_side", 1, supports, no_tunings, recipe, prepare, true});
}

}  // namespace hone::cpu
