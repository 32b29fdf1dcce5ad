// f32 convolution in one or two spatial dimensions as a matrix product: the input's windows are
// gathered tile by tile into panels (im2col), the weight is packed once.

#include "ops/convolution.hpp"

#include <algorithm>

#include "base/size.hpp"
#include "device/cpu/im2col.hpp"
#include "device/cpu/step.hpp"

namespace hone::cpu {
namespace {

Filters filters_of(const Problem& problem) {
  const Conv& conv = *op_of<Conv>(problem);
  return {conv.window, conv.group, constant_operand(problem, 1)->shape()};
}

Tensor pack_filters(const Problem& problem, const Tuning&, const Tensor& weight) {
  const Filters filters = filters_of(problem);
  const Tensor floats = aligned(weight);
  Tensor packed(DType::f32, {filters.group * filters.packed()});
  filters.pack(reinterpret_cast<const float*>(floats.bytes().data()),
               reinterpret_cast<float*>(packed.mutable_bytes().data()));
  return packed;
}

Verdict supports(const Problem& problem) {
  if (op_of<Conv>(problem) == nullptr) return Verdict::no("convolves only");
  if (!all_are(problem, DType::f32)) return Verdict::no("f32 only");
  const Weight* weight = constant_operand(problem, 1);
  if (weight == nullptr) return Verdict::no("the weight is no constant");
  if (weight->shape().size() != 3 && weight->shape().size() != 4)
    return Verdict::no("one or two spatial dimensions only");
  if (weight->count() == 0) return Verdict::no("the weight is empty");
  return {};
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made;
  made.tuning = tuning;
  const Filters filters = filters_of(*problem);
  const GemmCore& core = gemm_core();
  const Type& result = problem->region.single()->outputs[0]->type;
  const double pixels =
      typical_count(*problem, result) / static_cast<double>(filters.count);  // of all groups
  const auto depth = static_cast<double>(filters.depth);
  const auto rows = static_cast<double>(ceil_div(filters.count, core.rows) * core.rows);
  made.seconds = 2 * pixels * rows * depth / problem->target->flops_per_second +
                 2 * pixels * depth * sizeof(float) / problem->target->bytes_per_second;
  made.scratch_bytes = worker_scratch(problem->share, Dim(filters.block_floats()));
  if (const int input = region_input(*problem, 1); input >= 0)
    made.packings.push_back(
        {static_cast<size_t>(input), cat("conv.filters/", name(core.isa), "/group=", filters.group),
         pack_filters, filters.group * filters.packed() * static_cast<int64_t>(sizeof(float))});
  made.problem = std::move(problem);
  return made;
}

struct ConvShared final : Shared<ConvShared> {
  Filters filters;
  std::vector<Source> operands_of;
  Tensor packed;
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
    const int64_t tiles = g.tiling.tiles();
    stream.parallel(g.images * filters.group * tiles, [&](int64_t tile) {
      run_tile(g, operands, tile / tiles, tile % tiles,
               scratch_of(scratch, filters.block_floats()));
    });
  }

  /// One tile of the filters and pixels of `index`, an image and group.
  void run_tile(const Geometry& g, const Operands& operands, int64_t index, int64_t tile,
                float* columns) const {
    const GemmCore& core = gemm_core();
    const int64_t filter = tile / g.tiling.column_tiles * g.tiling.rows;
    const int64_t first = tile % g.tiling.column_tiles * g.tiling.columns;
    const int64_t rows = std::min(g.tiling.rows, filters.count - filter);
    const int64_t count = std::min(g.tiling.columns, g.pixels() - first);
    const int64_t group = index % filters.group, plane = g.height * g.width;
    const float* input = operands_of[0].as<float>(operands) + index * g.channels * plane;
    const auto* biases = operands_of[2].as<float>(operands);
    float* to =
        operands.outputs[0].as<float>() + (index * filters.count + filter) * g.pixels() + first;
    for (int64_t f = 0; f < rows; ++f)
      std::fill_n(to + f * g.pixels(), count,
                  biases == nullptr ? 0.0f : biases[group * filters.count + filter + f]);
    const auto* weights = reinterpret_cast<const float*>(packed.bytes().data()) +
                          group * filters.packed() + filter * filters.depth;
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
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor> packed,
                                        hone::Device&) {
  auto shared = std::make_shared<ConvShared>();
  const Problem& problem = *recipe.problem;
  shared->filters = filters_of(problem);
  shared->workers = problem.share.workers;
  for (size_t i = 0; i < 3; ++i) shared->operands_of.emplace_back(problem, i);
  shared->packed =
      packed.empty() ? pack_filters(problem, recipe.tuning, constant_operand(problem, 1)->tensor())
                     : std::move(packed.front());
  return shared;
}

}  // namespace

void register_conv(KernelRegistry& registry) {
  registry.add({"cpu.conv.im2col", 1, supports, no_tunings, recipe, prepare});
}

}  // namespace hone::cpu
