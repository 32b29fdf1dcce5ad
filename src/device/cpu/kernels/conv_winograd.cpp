// 3x3 convolution of f32 at stride 1 by Winograd's F(4x4, 3x3): see winograd.hpp. Some tiles at a
// time are transformed for all channels, multiplied by 36 small products and transformed back while
// they are in the second-level cache (winograd_step.hpp).

#include <algorithm>
#include <cmath>

#include "device/cpu/chain.hpp"
#include "device/cpu/gemm.hpp"
#include "device/cpu/winograd_step.hpp"
#include "ops/convolution.hpp"

namespace hone::cpu {
namespace conv_winograd_kernel {
namespace {

constexpr int kFloat = sizeof(float);
constexpr ContractionForm kForm{.b = ContractionForm::B::table};
constexpr int64_t kOut = WinogradPlan::kOut, kIn = WinogradPlan::kIn;
constexpr int64_t kProducts = WinogradPlan::kProducts;

std::optional<Chain> chain_of(const Problem& problem) {
  return chain_at(problem, [](const Op& op) { return op.as<Conv>() != nullptr; });
}

WinogradPlan plan_of(const Problem& problem, const Node& anchor) {
  const std::vector<int64_t>& weight = constant_of(problem, anchor.input(1))->shape();
  const Isa isa = gemm_core().isa;
  return {problem,
          anchor.outputs[0]->type.tensor().shape(),
          weight[0],
          weight[1],
          Contraction::lanes(isa),
          Contraction::most_rows(isa, kForm, WinogradPlan::kVectors),
          {2 * kIn * 2 * kOut, 0}};
}

/// [product][block][channel][filters of the block]
Tensor pack_filters(const Problem& problem, const Tuning&, const Tensor& weight) {
  const WinogradPlan plan = plan_of(problem, *chain_of(problem)->anchor);
  const Tensor floats = aligned(weight);
  const auto* from = reinterpret_cast<const float*>(floats.bytes().data());
  const int64_t all = plan.filters * plan.depth;
  Tensor packed(DType::f32, {kProducts * all});
  auto* to = reinterpret_cast<float*>(packed.mutable_bytes().data());
  for (int64_t block = 0; block < plan.blocks(); ++block) {
    const int64_t first = plan.first(block), rows = plan.first(block + 1) - first;
    for (int64_t c = 0; c < plan.depth; ++c)
      winograd_functions().filters(from + (first * plan.depth + c) * 9, plan.depth * 9, rows,
                                   to + first * plan.depth + c * rows, all);
  }
  return packed;
}

Verdict supports(const Problem& problem) {
  const auto chain = chain_of(problem);
  if (!chain) return Verdict::no("convolves f32 only");
  const Weight* weight = constant_of(problem, chain->anchor->input(1));
  if (weight == nullptr) return Verdict::no("the weight is no constant");
  const Conv& conv = *chain->anchor->op.as<Conv>();
  if (const char* why = winograd_refusal(conv.window, conv.group, weight->shape()))
    return Verdict::no(why);
  if (gemm_core().isa == Isa::generic) return Verdict::no("no code can be generated");
  return verdict_on(problem, *chain);
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made;
  made.tuning = tuning;
  const Node& anchor = *chain_of(*problem)->anchor;
  const WinogradPlan plan = plan_of(*problem, anchor);
  const auto channels = static_cast<double>(plan.depth),
             filters = static_cast<double>(plan.filters);
  // The products, the transforms, and the factors, which come from memory once.
  made.seconds =
      plan.typical_tiles *
          (double{kProducts} * 2 * channels * filters + 500 * (channels + filters)) /
          (4 * problem->target->flops_per_second) +
      double{kProducts} * channels * filters * kFloat / (4 * problem->target->bytes_per_second);
  made.scratch_bytes = worker_scratch(problem->share, Dim(plan.floats()));
  if (const int input = Source(*problem, anchor.input(1)).input(); input >= 0)
    made.packings.push_back({static_cast<size_t>(input),
                             cat("conv.winograd/", name(gemm_core().isa), "/blocks=", plan.count),
                             pack_filters, kProducts * plan.filters * plan.depth * kFloat});
  made.problem = std::move(problem);
  return made;
}

struct WinogradShared final : WinogradStep<WinogradShared> {
  Window window;
  Source input, bias, added;
  std::vector<Applied> applied;
  float low, high;
  Tensor packed;
  std::shared_ptr<const Contraction> kernels;
  const WinogradFunctions& functions = winograd_functions();

  WinogradShared(const Problem& problem, const Chain& chain)
      : WinogradStep(plan_of(problem, *chain.anchor), problem.share.workers),
        window(chain.anchor->op.as<Conv>()->window),
        input(problem, chain.anchor->input(0)),
        bias(problem, chain.anchor->input(2)),
        added(problem, chain.added),
        applied(chain.applied),
        low(chain.form.clips_low ? chain.low : -INFINITY),
        high(chain.form.clips_high ? chain.high : INFINITY),
        kernels(Contraction::of(gemm_core().isa, kForm, WinogradPlan::kVectors)) {
    check(kernels != nullptr, Code::internal, "no code can be generated any more");
  }

  Geometry geometry(const Operands& operands) const {
    return {plan, window, input.shape(operands), operands.outputs[0].shape, workers};
  }

  /// Rows of results that an area has tiles in.
  Range rows_of(const Geometry& g, int64_t area) const {
    const int64_t chunk = area % g.chunks, rows = WinogradPlan::kOut;
    return {g.first(chunk) / g.in_row * rows,
            std::min(g.y.output, ((g.first(chunk + 1) - 1) / g.in_row + 1) * rows)};
  }
  /// What is read of some channels of the input for an area.
  Box seen(const Geometry& g, const Operands& operands, int64_t area, const Range& channels) const {
    const Range rows = rows_of(g, area);
    const Taps taps = seen_by(g.y, rows.begin, rows.end);
    const int64_t plane = g.y.input * g.x.input, image = area / g.chunks;
    return Box::of(input.as<float>(operands) + (image * plan.depth + channels.begin) * plane,
                   taps.first * g.x.input, taps.last * g.x.input, channels.end - channels.begin,
                   plane);
  }
  /// What results of some filters are written to, and what is added to them.
  Touched written(const Geometry& g, const Operands& operands, int64_t area,
                  const Range& filters) const {
    const Range rows = rows_of(g, area);
    const int64_t plane = g.y.output * g.x.output, image = area / g.chunks;
    const auto box = [&](const float* tensor) {
      return Box::of(tensor + (image * plan.filters + filters.begin) * plane,
                     rows.begin * g.x.output, rows.end * g.x.output, filters.end - filters.begin,
                     plane);
    };
    Touched all{{}, {box(operands.outputs[0].as<float>())}};
    if (added.present()) all.reads.push_back(box(added.as<float>(operands)));
    if (bias.present()) all.reads.push_back(Box::of(bias.as<float>(operands), 0, plan.filters));
    return all;
  }

  /// Elements [x, x + count) of a row of the input; outside of it 0. Null row: all 0.
  static void copy_padded(const float* row, int64_t width, int64_t x, int64_t count, float* to) {
    const int64_t begin = row == nullptr ? count : std::clamp<int64_t>(-x, 0, count);
    const int64_t end = std::clamp(width - x, begin, count);
    std::fill_n(to, begin, 0.0F);
    if (begin < end) std::copy_n(row + x + begin, end - begin, to + begin);
    std::fill_n(to + end, count - end, 0.0F);
  }

  /// to[product][channel][tile] of a chunk of tiles of an image; `work` is the worker's own.
  void transform_input(const Geometry& g, const Operands& operands, int64_t area,
                       const Range& channels, float* work, float* to) const {
    const auto* from = input.as<float>(operands);
    float* lines = plan.lines_of(work);
    const int64_t line = kOut * plan.lanes, step = plan.step(plan.depth, g.stride);
    const int64_t chunk = area % g.chunks, image = area / g.chunks;
    const int64_t first = g.first(chunk), count = g.size(chunk);
    std::fill_n(lines, kIn * 2 * line, 0.0F);
    for (int64_t tile = 0; tile < count; tile += plan.lanes)
      for (int64_t c = channels.begin; c < channels.end; ++c) {
        const float* plane = from + (image * plan.depth + c) * g.y.input * g.x.input;
        g.each_run(first + tile, std::min(plan.lanes, count - tile),
                   [&](int64_t at, int64_t y, int64_t x, int64_t run) {
                     for (int64_t i = 0; i < kIn; ++i) {
                       const int64_t row = g.y.start(y) + i;
                       const bool inside = row >= 0 && row < g.y.input;
                       const float* source = inside ? plane + row * g.x.input : nullptr;
                       float* own = lines + 2 * i * line + at * kOut;
                       for (const int64_t half : {0, 1})
                         copy_padded(source, g.x.input, g.x.start(x) + half * kOut, run * kOut,
                                     own + half * line);
                     }
                   });
        functions.input(lines, to + c * g.stride + tile, step);
      }
  }

  ContractionCall call(const Geometry& g) const {
    ContractionCall call;
    call.depth = plan.depth;
    call.b_offsets = g.offsets.data();
    return call;
  }
  const float* factors(int64_t product, int64_t block) const {
    return reinterpret_cast<const float*>(packed.bytes().data()) +
           (product * plan.filters + plan.first(block)) * plan.depth;
  }
  void multiply(const ContractionCall& call, int rows, int vectors, int64_t tiles) const {
    kernels->function(rows, vectors, tiles - (vectors - 1) * plan.lanes)(&call);
  }

  /// Results of `some` of the `filters` that the products are of.
  void transform_output(const Geometry& g, const Operands& operands, int64_t area,
                        const Range& filters, const Range& some, const float* from,
                        float* lines) const {
    const int64_t line = kOut * plan.lanes;
    const int64_t step = plan.step(filters.end - filters.begin, g.stride);
    const int64_t plane = g.y.output * g.x.output;
    const int64_t chunk = area % g.chunks, image = area / g.chunks;
    const int64_t first = g.first(chunk), count = g.size(chunk);
    const float* biases = bias.as<float>(operands);
    const float* also = added.as<float>(operands);
    for (int64_t filter = some.begin; filter < some.end; ++filter) {
      const int64_t place = (image * plan.filters + filter) * plane;
      float* to = operands.outputs[0].as<float>() + place;
      for (int64_t tile = 0; tile < count; tile += plan.lanes) {
        functions.output(from + (filter - filters.begin) * g.stride + tile, step, lines);
        g.each_run(first + tile, std::min(plan.lanes, count - tile),
                   [&](int64_t at, int64_t y, int64_t x, int64_t run) {
                     const int64_t length = std::min(run * kOut, g.x.output - x);
                     for (int64_t i = 0; i < std::min(kOut, g.y.output - y); ++i) {
                       const int64_t pixel = (y + i) * g.x.output + x;
                       functions.finish(lines + i * line + at * kOut, length,
                                        biases == nullptr ? 0.0F : biases[filter],
                                        also == nullptr ? nullptr : also + place + pixel, low, high,
                                        to + pixel);
                       if (!applied.empty()) apply(applied, length, to + pixel);
                     }
                   });
      }
    }
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor> packed,
                                        hone::Device&) {
  const Problem& problem = *recipe.problem;
  const Chain chain = *chain_of(problem);
  auto shared = std::make_shared<WinogradShared>(problem, chain);
  const Weight& weight = *constant_of(problem, chain.anchor->input(1));
  shared->packed = packed.empty() ? pack_filters(problem, recipe.tuning, weight.tensor())
                                  : std::move(packed.front());
  return shared;
}

}  // namespace
}  // namespace conv_winograd_kernel

void register_conv_winograd(KernelRegistry& registry) {
  using namespace conv_winograd_kernel;
  registry.add({"cpu.conv.winograd", 2, supports, no_tunings, recipe, prepare, true});
}

}  // namespace hone::cpu
