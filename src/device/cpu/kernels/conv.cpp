// f32 convolution in one to three spatial dimensions as a matrix product: the input's windows are
// gathered tile by tile into panels (im2col). A constant weight is packed once, a computed one by
// every run.

#include "ops/convolution.hpp"

#include <algorithm>
#include <optional>

#include "base/size.hpp"
#include "device/cpu/chain.hpp"
#include "device/cpu/im2col.hpp"

namespace hone::cpu {
namespace conv_kernel {
namespace {

std::optional<Chain> chain_of(const Problem& problem) {
  return chain_at(problem, [](const Op& op) { return op.as<Conv>() != nullptr; });
}

Filters filters_of(const Node& node) {
  const Conv& conv = *node.op.as<Conv>();
  return {conv.window, conv.group, *node.inputs[1]->type.tensor().concrete()};
}

Tensor pack_filters(const Problem& problem, const Tuning&, const Tensor& weight) {
  const Filters filters = filters_of(*chain_of(problem)->anchor);
  const Tensor floats = aligned(weight);
  Tensor packed(DType::f32, {filters.group * filters.packed()});
  filters.pack(reinterpret_cast<const float*>(floats.bytes().data()),
               reinterpret_cast<float*>(packed.mutable_bytes().data()));
  return packed;
}

Verdict supports(const Problem& problem) {
  const auto chain = chain_of(problem);
  if (!chain) return Verdict::no("convolves f32 only");
  const auto weight = chain->anchor->inputs[1]->type.tensor().concrete();
  if (!weight) return Verdict::no("the weight's shape is open");
  if (weight->size() < 3 || weight->size() > 5)
    return Verdict::no("one to three spatial dimensions only");
  if (element_count(*weight) == 0) return Verdict::no("the weight is empty");
  return verdict_on(problem, *chain);
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made;
  made.tuning = tuning;
  const Node& anchor = *chain_of(*problem)->anchor;
  const Filters filters = filters_of(anchor);
  const GemmCore& core = gemm_core();
  const Type& result = anchor.outputs[0]->type;
  const double pixels =
      typical_count(*problem, result) / static_cast<double>(filters.count);  // of all groups
  const auto depth = static_cast<double>(filters.depth);
  const auto rows = static_cast<double>(ceil_div(filters.count, core.rows) * core.rows);
  made.seconds = 2 * pixels * rows * depth / problem->target->flops_per_second +
                 2 * pixels * depth * sizeof(float) / problem->target->bytes_per_second;
  made.scratch_bytes = worker_scratch(problem->share, Dim(filters.block_floats()));
  const int64_t packed = filters.group * filters.packed() * static_cast<int64_t>(sizeof(float));
  if (constant_of(*problem, anchor.input(1)) == nullptr)
    made.scratch_bytes = made.scratch_bytes + Dim(packed);
  else if (const int input = Source(*problem, anchor.input(1)).input(); input >= 0)
    made.packings.push_back({static_cast<size_t>(input),
                             cat("conv.filters/", name(core.isa), "/group=", filters.group),
                             pack_filters, packed});
  made.problem = std::move(problem);
  return made;
}

struct ConvShared final : Shared<ConvShared> {
  static constexpr bool kLaunches = true;
  ConvShared(const Problem& problem, const Chain& made)
      : chain(made),
        filters(filters_of(*made.anchor)),
        added(problem, made.added),
        workers(problem.share.workers) {
    for (size_t i = 0; i < 3; ++i) operands_of.emplace_back(problem, made.anchor->input(i));
  }

  Chain chain;
  Filters filters;
  std::vector<Source> operands_of;
  Source added;
  Tensor packed;  // empty: of a computed weight, which every run packs
  int workers = 1;

  struct Geometry : ConvGeometry {
    Tiling tiling;  // of filters x pixels
  };
  Geometry geometry(const Operands& operands) const {
    Geometry g{{filters, operands_of[0].shape(operands), operands.outputs[0].shape}, {}};
    g.tiling =
        tile_product(gemm_core(), filters.count, g.pixels(), g.images * filters.group, workers);
    return g;
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte> scratch,
           Stream& stream) const {
    if (g.images == 0) return;
    const float* weights = packed.count() > 0
                               ? reinterpret_cast<const float*>(packed.bytes().data())
                               : pack(operands, scratch, stream);
    const int64_t tiles = g.tiling.tiles();
    stream.launch(g.images * filters.group * tiles, [=, this, &g, &operands](int64_t tile) {
      run_tile(g, operands, weights, tile / tiles, tile % tiles,
               scratch_of(scratch, filters.block_floats()));
    });
  }

  /// The filters of this run, packed behind what the workers use.
  const float* pack(const Operands& operands, std::span<std::byte> scratch, Stream& stream) const {
    const GemmCore& core = gemm_core();
    auto* all = reinterpret_cast<float*>(scratch.data()) + workers * filters.block_floats();
    const float* from = operands_of[1].as<float>(operands);
    const int64_t panels = ceil_div(filters.count, int64_t{core.rows});
    stream.launch(filters.group * panels, [=, this, &core](int64_t item) {
      const int64_t group = item / panels, first = item % panels * core.rows;
      pack_panels(from + (group * filters.count + first) * filters.depth,
                  std::min<int64_t>(core.rows, filters.count - first), filters.depth, filters.depth,
                  1, core.rows, all + group * filters.packed() + first * filters.depth);
    });
    return all;
  }

  /// One tile of the filters and pixels of `index`, an image and group.
  void run_tile(const Geometry& g, const Operands& operands, const float* packed_weights,
                int64_t index, int64_t tile, float* columns) const {
    const GemmCore& core = gemm_core();
    const int64_t filter = tile / g.tiling.column_tiles * g.tiling.rows;
    const int64_t first = tile % g.tiling.column_tiles * g.tiling.columns;
    const int64_t rows = std::min(g.tiling.rows, filters.count - filter);
    const int64_t count = std::min(g.tiling.columns, g.pixels() - first);
    const int64_t group = index % filters.group, plane = g.channel();
    const float* input = operands_of[0].as<float>(operands) + index * g.channels * plane;
    const auto* biases = operands_of[2].as<float>(operands);
    const int64_t place = (index * filters.count + filter) * g.pixels() + first;
    float* to = operands.outputs[0].as<float>() + place;
    for (int64_t f = 0; f < rows; ++f)
      std::fill_n(to + f * g.pixels(), count,
                  biases == nullptr ? 0.0f : biases[group * filters.count + filter + f]);
    const float* weights = packed_weights + group * filters.packed() + filter * filters.depth;
    const int64_t step = filters.block_channels();
    for (int64_t c = 0; c < g.channels; c += step) {
      const int64_t now = std::min(step, g.channels - c), block = now * filters.taps();
      for (int64_t j = 0; j < count; j += core.columns)
        gather_windows(filters, g, input + c * plane, now, first + j,
                       std::min<int64_t>(core.columns, count - j), core.columns, 0.0f,
                       columns + j * block);
      multiply_panels(core, rows, count, block,
                      {weights + c * filters.taps() * core.rows, filters.depth * core.rows},
                      {columns, block * core.columns}, to, g.pixels());
    }
    const float* also = added.as<float>(operands);
    for (int64_t f = 0; f < rows; ++f)
      follow(chain, count, also == nullptr ? nullptr : also + place + f * g.pixels(),
             to + f * g.pixels());
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor> packed,
                                        hone::Device&) {
  const Problem& problem = *recipe.problem;
  const Chain chain = *chain_of(problem);
  auto shared = std::make_shared<ConvShared>(problem, chain);
  const Weight* weight = constant_of(problem, chain.anchor->input(1));
  if (!packed.empty()) shared->packed = std::move(packed.front());
  else if (weight != nullptr)
    shared->packed = pack_filters(problem, recipe.tuning, weight->tensor());
  return shared;
}

}  // namespace
}  // namespace conv_kernel

void register_conv(KernelRegistry& registry) {
  using namespace conv_kernel;
  registry.add({"cpu.conv.im2col", 2, supports, no_tunings, recipe, prepare, true});
}

}  // namespace hone::cpu
