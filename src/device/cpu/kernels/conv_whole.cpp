// f32 convolution whose window takes in all of the map and so makes one pixel of it, as the small
// products of a squeeze-and-excitation do: images times filters, whose elements lie as the
// channels and pixels of an image do.

#include <algorithm>

#include "base/size.hpp"
#include "device/cpu/chain.hpp"
#include "device/cpu/gemm.hpp"
#include "ops/convolution.hpp"

namespace hone::cpu {
namespace conv_whole_kernel {
namespace {

constexpr int kFloat = sizeof(float);

std::optional<Chain> chain_of(const Problem& problem) {
  return chain_at(problem, [](const Op& op) { return op.as<Conv>() != nullptr; });
}

/// Spatial axes of the value are these.
bool has_sizes(const Value* value, const std::vector<int64_t>& sizes) {
  const Dims& shape = value->type.tensor().shape();
  if (shape.size() != sizes.size() + 2) return false;
  for (size_t i = 0; i < sizes.size(); ++i)
    if (!shape[i + 2].is(sizes[i])) return false;
  return true;
}

Verdict supports(const Problem& problem) {
  const auto chain = chain_of(problem);
  if (!chain) return Verdict::no("convolves f32 only");
  const Node& anchor = *chain->anchor;
  const Weight* weight = constant_of(problem, anchor.input(1));
  if (weight == nullptr || !anchor.input(1)->is_input())
    return Verdict::no("the weight is no constant");
  if (weight->count() == 0 || anchor.op.as<Conv>()->group != 1)
    return Verdict::no("groups, or no weight at all");
  const std::vector<int64_t> kernel(weight->shape().begin() + 2, weight->shape().end());
  // A result of one pixel has the window begin where the input does: were there padding before it,
  // it would hang over the end.
  const std::vector<int64_t>& pads = anchor.op.as<Conv>()->window.pads;
  const bool is_padded =
      std::any_of(pads.begin(), pads.end(), [](int64_t pad) { return pad != 0; });
  if (is_padded || !has_sizes(anchor.inputs[0], kernel) ||
      !has_sizes(anchor.output(), std::vector<int64_t>(kernel.size(), 1)))
    return Verdict::no("the window is not the whole map");
  const std::vector<int64_t>& dilations = anchor.op.as<Conv>()->window.dilations;
  for (size_t axis = 0; axis < dilations.size(); ++axis)
    if (dilations[axis] != 1 && kernel[axis] != 1)
      return Verdict::no("the window is not the whole map");
  return verdict_on(problem, *chain);
}

Tensor pack_filters(const Problem&, const Tuning&, const Tensor& weight) {
  const GemmCore& core = gemm_core();
  const int64_t filters = weight.dim(0), depth = weight.count() / filters;
  const Tensor floats = aligned(weight);
  Tensor packed(DType::f32, {packed_floats(filters, depth, core.columns)});
  pack_panels(reinterpret_cast<const float*>(floats.bytes().data()), filters, depth, depth, 1,
              core.columns, reinterpret_cast<float*>(packed.mutable_bytes().data()));
  return packed;
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made;
  made.tuning = tuning;
  const Node& anchor = *chain_of(*problem)->anchor;
  const Weight& weight = *constant_of(*problem, anchor.input(1));
  const int64_t filters = weight.shape()[0], depth = weight.count() / filters;
  made.seconds = 2 * typical_count(*problem, anchor.outputs[0]->type) * static_cast<double>(depth) /
                 (5 * problem->target->flops_per_second);
  made.scratch_bytes = worker_scratch(problem->share, Dim(kTileScratch));
  made.packings.push_back({static_cast<size_t>(Source(*problem, anchor.input(1)).input()),
                           cat("conv.whole/", name(gemm_core().isa)), pack_filters,
                           packed_floats(filters, depth, gemm_core().columns) * kFloat});
  made.problem = std::move(problem);
  return made;
}

struct WholeShared final : Shared<WholeShared> {
  static constexpr bool kLaunches = true;
  int64_t filters, depth;
  Source input, bias, added;
  std::vector<Applied> applied;
  float low, high;
  int workers;
  Tensor packed;
  ProductKernels kernels;

  static ContractionForm form_of(const Chain& chain) {
    ContractionForm form = chain.form;
    if (chain.anchor->input(2) != nullptr) form.bias = ContractionForm::Bias::column;
    return form;
  }
  WholeShared(const Problem& problem, const Chain& chain)
      : filters(constant_of(problem, chain.anchor->input(1))->shape()[0]),
        depth(constant_of(problem, chain.anchor->input(1))->count() / filters),
        input(problem, chain.anchor->input(0)),
        bias(problem, chain.anchor->input(2)),
        added(problem, chain.added),
        applied(chain.applied),
        low(chain.low),
        high(chain.high),
        workers(problem.share.workers),
        kernels(form_of(chain)) {}

  struct Geometry {
    Product product;  // without addresses
    Tiling tiling;
  };
  Geometry geometry(const Operands& operands) const {
    Geometry g;
    g.product.m = operands.outputs[0].shape[0];
    g.product.n = filters;
    g.product.depth = g.product.a_row = depth;
    g.product.a_depth = 1;
    g.product.starts = false;
    g.product.low = low;
    g.product.high = high;
    if (g.product.m > 0) g.tiling = tile_product(gemm_core(), g.product.m, filters, 1, workers);
    return g;
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte> scratch,
           Stream& stream) const {
    Product product = g.product;
    product.a = input.as<float>(operands);
    product.packed_b = reinterpret_cast<const float*>(packed.bytes().data());
    product.bias = bias.as<float>(operands);
    product.added = added.as<float>(operands);
    auto* to = operands.outputs[0].as<float>();
    const Tiling& tiling = g.tiling;
    stream.launch(
        tiling.tiles(),
        [=, this, &tiling](int64_t tile) {
          kernels.run(product, tiling, tile, scratch_of(scratch, kTileScratch), to, filters);
          const int64_t row = tile / tiling.column_tiles * tiling.rows;
          const int64_t column = tile % tiling.column_tiles * tiling.columns;
          for (int64_t i = row; !applied.empty() && i < std::min(product.m, row + tiling.rows); ++i)
            apply(applied, std::min(tiling.columns, filters - column), to + i * filters + column);
        },
        [&](int64_t tile) {
          const int64_t row = tile / tiling.column_tiles * tiling.rows;
          const int64_t column = tile % tiling.column_tiles * tiling.columns;
          const int64_t rows = std::min(product.m - row, tiling.rows);
          const auto box = [&](const float* matrix) {
            return Box::of(matrix + row * filters, column,
                           std::min(filters, column + tiling.columns), rows, filters);
          };
          Touched all{{Box::of(product.a, row * depth, (row + rows) * depth)}, {box(to)}};
          if (product.added != nullptr) all.reads.push_back(box(product.added));
          if (product.bias != nullptr) all.reads.push_back(Box::of(product.bias, 0, filters));
          return all;
        });
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor> packed,
                                        hone::Device&) {
  const Problem& problem = *recipe.problem;
  const Chain chain = *chain_of(problem);
  auto shared = std::make_shared<WholeShared>(problem, chain);
  const Weight& weight = *constant_of(problem, chain.anchor->input(1));
  shared->packed = packed.empty() ? pack_filters(problem, recipe.tuning, weight.tensor())
                                  : std::move(packed.front());
  return shared;
}

}  // namespace
}  // namespace conv_whole_kernel

void register_conv_whole(KernelRegistry& registry) {
  using namespace conv_whole_kernel;
  registry.add({"cpu.conv.whole", 1, supports, no_tunings, recipe, prepare, true});
}

}  // namespace hone::cpu
