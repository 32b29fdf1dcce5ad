// MatMul and Gemm of constant weights of f16, which stay so in memory: of few rows the product is
// taken of them as they are read, of many a panel at a time is widened to f32.

#include <algorithm>
#include <optional>

#include "base/size.hpp"
#include "device/cpu/chain.hpp"
#include "device/cpu/gemm.hpp"
#include "device/cpu/half_rows.hpp"
#include "device/cpu/rows.hpp"
#include "ops/matmul.hpp"

namespace hone::cpu {
namespace matmul_halves_kernel {
namespace {

constexpr int64_t kPanelsAtOnce = 4;     // that a worker multiplies few rows by
constexpr int64_t kWidened = 1 << 18;    // floats that stay in the second-level cache
constexpr int64_t kMostDepth = 1 << 15;  // so that a panel of floats fits a worker's memory

std::optional<Chain> chain_of(const Problem& problem) {
  const auto multiplies = [](const Op& op) {
    return op.as<MatMul>() != nullptr || op.as<Gemm>() != nullptr;
  };
  return chain_at(problem, multiplies, true);
}

bool is_transposed(const Node& node) {
  const auto* gemm = node.op.as<Gemm>();
  return gemm != nullptr && gemm->transB;
}

Verdict supports(const Problem& problem) {
  const auto chain = chain_of(problem);
  if (!chain) return Verdict::no("multiplies matrices of f32 only");
  if (half_functions() == nullptr) return Verdict::no("no instructions for f16");
  const Node& node = *chain->anchor;
  const Weight* weight = constant_of(problem, node.inputs[1]);
  if (weight == nullptr || !weight->is_converted() || weight->stored().dtype() != DType::f16 ||
      weight->shape().size() != 2 || Source(problem, node.inputs[1]).input() < 0)
    return Verdict::no("the weight is no constant matrix of f16");
  const Value& a = *node.inputs[0];
  if (!a.is_input() || a.type.tensor().rank() < 2) return Verdict::no("rows of an input only");
  const auto* gemm = node.op.as<Gemm>();
  if (gemm != nullptr && (gemm->transA || gemm->alpha != 1 || node.input(2) != nullptr))
    return Verdict::no("Gemm of rows and nothing else");
  if (weight->shape()[is_transposed(node) ? 1 : 0] > kMostDepth)
    return Verdict::no("more than 32768 along the depth");
  return verdict_on(problem, *chain);
}

Tensor pack(const Problem& problem, const Tuning&, const Tensor& weight) {
  const bool transposed = is_transposed(*chain_of(problem)->anchor);
  const int64_t depth = weight.dim(transposed ? 1 : 0), n = weight.dim(transposed ? 0 : 1);
  const Tensor floats = aligned(weight);
  const auto* from = reinterpret_cast<const float*>(floats.bytes().data());
  const int64_t width = gemm_core().columns;
  Tensor packed(DType::f16, {packed_floats(n, depth, gemm_core().columns)});
  auto* to = reinterpret_cast<uint16_t*>(packed.mutable_bytes().data());
  std::vector<float> panel(static_cast<size_t>(depth * width));
  for (int64_t column = 0; column < n; column += width, to += depth * width) {
    pack_panels(from + column * (transposed ? depth : 1), std::min(width, n - column), depth,
                transposed ? depth : 1, transposed ? 1 : n, gemm_core().columns, panel.data());
    row_functions().narrow_f16(depth * width, panel.data(), to);
  }
  return packed;
}

/// Panels that a worker widens at a time: rows are read once for all of them.
int64_t widened_panels(int64_t depth) {
  return std::clamp<int64_t>(kWidened / (depth * gemm_core().columns + 1), 1, 8);
}
int64_t worker_floats(int64_t depth) {
  return kTileScratch + depth * widened_panels(depth) * gemm_core().columns;
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made;
  made.tuning = tuning;
  const Node& node = *chain_of(*problem)->anchor;
  const Weight& weight = *constant_of(*problem, node.inputs[1]);
  const int64_t depth = weight.shape()[is_transposed(node) ? 1 : 0];
  // A little less than with floats, which take twice as long to be read.
  made.seconds = 1.95 * typical_count(*problem, node.outputs[0]->type) *
                 static_cast<double>(depth) / problem->target->flops_per_second;
  made.scratch_bytes = worker_scratch(problem->share, Dim(worker_floats(depth)));
  made.packings.push_back(
      {static_cast<size_t>(Source(*problem, node.inputs[1]).input()),
       cat(is_transposed(node) ? "halves.bt/" : "halves.b/", name(gemm_core().isa)), pack});
  made.problem = std::move(problem);
  return made;
}

struct HalvesShared final : Shared<HalvesShared> {
  static constexpr bool kLaunches = true;
  Source a, bias, added;
  std::vector<Applied> applied;
  ContractionForm form;
  float low, high;
  int64_t depth, n;
  Tensor packed;
  int workers;
  ProductKernels kernels;

  HalvesShared(const Problem& problem, const Chain& chain, Tensor panels)
      : a(problem, chain.anchor->inputs[0]),
        bias(problem, chain.bias),
        added(problem, chain.added),
        applied(chain.applied),
        form(chain.form),
        low(chain.low),
        high(chain.high),
        packed(std::move(panels)),
        workers(problem.share.workers),
        kernels(chain.form) {
    const std::vector<int64_t>& shape = constant_of(problem, chain.anchor->inputs[1])->shape();
    const bool transposed = is_transposed(*chain.anchor);
    depth = shape[transposed ? 1 : 0], n = shape[transposed ? 0 : 1];
  }

  /// Rows.
  int64_t geometry(const Operands& operands) const {
    return element_count(operands.outputs[0].shape) / std::max<int64_t>(n, 1);
  }
  const uint16_t* panel(int64_t column) const {
    return reinterpret_cast<const uint16_t*>(packed.bytes().data()) + column * depth;
  }

  void run(const int64_t& rows, const Operands& operands, std::span<std::byte> scratch,
           Stream& stream) const {
    if (rows == 0 || n == 0) return;
    const int64_t width = gemm_core().columns, panels = ceil_div(n, width);
    const bool few = rows <= kHalfRows;
    const int64_t share = std::max<int64_t>(1, panels / (4 * int64_t{workers}));
    const int64_t grain = std::min(share, few ? kPanelsAtOnce : widened_panels(depth));
    launch_ranges(stream, panels, grain, [=, this, &operands](int64_t first, int64_t last) {
      const int64_t column = first * width, columns = std::min(n, last * width) - column;
      if (few) multiply_few(rows, operands, column, columns);
      else multiply_many(rows, operands, column, columns, scratch);
      float* to = operands.outputs[0].as<float>() + column;
      for (int64_t i = 0; !applied.empty() && i < rows; ++i) apply(applied, columns, to + i * n);
    });
  }

  void multiply_few(int64_t rows, const Operands& operands, int64_t column, int64_t columns) const {
    float* to = operands.outputs[0].as<float>() + column;
    const int64_t width = gemm_core().columns;
    for (int64_t at = 0; at < columns; at += width)
      half_functions()->multiply({panel(column + at), a.as<float>(operands), depth, rows, depth,
                                  std::min(width, columns - at), to + at, n});
    const auto* row_bias = bias.as<float>(operands);
    const auto* more = added.as<float>(operands);
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t j = 0; j < columns; ++j) {
        float value = to[i * n + j];
        if (row_bias != nullptr) value += row_bias[column + j];
        if (more != nullptr) value += more[i * n + column + j];
        if (form.clips_low && value < low) value = low;
        if (form.clips_high && value > high) value = high;
        to[i * n + j] = value;
      }
  }

  void multiply_many(int64_t rows, const Operands& operands, int64_t column, int64_t columns,
                     std::span<std::byte> scratch) const {
    float* working = scratch_of(scratch, worker_floats(depth));
    float* widened = working + kTileScratch;
    const int64_t width = gemm_core().columns;
    row_functions().widen_f16(depth * ceil_div(columns, width) * width, panel(column), widened);
    Product product;
    product.m = rows;
    product.n = columns;
    product.depth = depth;
    product.a = a.as<float>(operands);
    product.a_row = depth;
    product.a_depth = 1;
    product.packed_b = widened;
    product.starts = false;
    product.low = low;
    product.high = high;
    if (bias.present()) product.bias = bias.as<float>(operands) + column;
    if (added.present()) product.added = added.as<float>(operands) + column;
    const Tiling tiling = tile_product(gemm_core(), rows, columns, 1, 1);
    for (int64_t tile = 0; tile < tiling.tiles(); ++tile)
      kernels.run(product, tiling, tile, working, operands.outputs[0].as<float>() + column, n);
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor> packed,
                                        hone::Device&) {
  const Problem& problem = *recipe.problem;
  return std::make_shared<HalvesShared>(problem, *chain_of(problem), std::move(packed.front()));
}

}  // namespace
}  // namespace matmul_halves_kernel

void register_matmul_halves(KernelRegistry& registry) {
  using namespace matmul_halves_kernel;
  registry.add({"cpu.matmul.halves", 1, supports, no_tunings, recipe, prepare, true});
}

}  // namespace hone::cpu
