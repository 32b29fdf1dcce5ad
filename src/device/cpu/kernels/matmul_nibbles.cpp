// MatMulNBits of constant weights of 4 or 8 bits, which stay so in memory: of few rows the product
// is taken of them as they are read, of many a panel at a time is unpacked to f32.

#include <algorithm>

#include "base/size.hpp"
#include "device/cpu/gemm.hpp"
#include "device/cpu/nibble_weights.hpp"
#include "device/cpu/step.hpp"

namespace hone::cpu {
namespace matmul_nibbles_kernel {
namespace {

constexpr int64_t kPanelsAtOnce = 4;     // that a worker multiplies few rows by
constexpr int64_t kUnpacked = 2;         // panels of the f32 product that a worker unpacks
constexpr int64_t kMostDepth = 1 << 15;  // so that these fit its memory

Verdict supports(const Problem& problem) {
  if (const char* why = nibbles_refusal(problem)) return Verdict::no(why);
  if (gemm_core().isa == Isa::generic) return Verdict::no("no code can be generated");
  if (op_of<MatMulNBits>(problem)->K > kMostDepth)
    return Verdict::no("more than 32768 along the depth");
  return {};
}

int64_t worker_floats(const MatMulNBits& op) {
  return kTileScratch + op.K * kUnpacked * gemm_core().columns;
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made;
  made.tuning = tuning;
  const MatMulNBits& op = *op_of<MatMulNBits>(*problem);
  const Type& result = problem->region.single()->outputs[0]->type;
  const double weights = static_cast<double>(op.K) * static_cast<double>(op.N);
  made.seconds = 2 * typical_count(*problem, result) * static_cast<double>(op.K) /
                     problem->target->flops_per_second +
                 weights * (static_cast<double>(op.bits) / 8 / problem->target->bytes_per_second +
                            4 / problem->target->flops_per_second);
  made.scratch_bytes = worker_scratch(problem->share, Dim(worker_floats(op)));
  made.packings.push_back(nibbles_packing(*problem));
  made.problem = std::move(problem);
  return made;
}

struct NibblesShared final : Shared<NibblesShared> {
  NibblesShared(const Problem& problem, Tensor words)
      : op(*op_of<MatMulNBits>(problem)),
        layout(problem),
        a(problem, 0),
        bias(problem, 5),
        packed(std::move(words)),
        workers(problem.share.workers),
        kernels(ContractionForm{.bias = bias.present() ? ContractionForm::Bias::column
                                                       : ContractionForm::Bias::none}) {}

  MatMulNBits op;
  NibbleLayout layout;
  Source a, bias;
  Tensor packed;
  int workers;
  ProductKernels kernels;

  /// Rows.
  int64_t geometry(const Operands& operands) const {
    return element_count(operands.outputs[0].shape) / op.N;
  }

  void run(int64_t rows, const Operands& operands, std::span<std::byte> scratch,
           Stream& stream) const {
    if (rows == 0) return;
    if (rows <= kNibbleRows) return run_few(rows, operands, stream);
    const int64_t columns = kUnpacked * gemm_core().columns;
    stream.parallel(ceil_div(op.N, columns), [&](int64_t i) {
      run_panels(rows, operands, i * columns, std::min(columns, op.N - i * columns),
                 scratch_of(scratch, worker_floats(op)));
    });
  }

  void run_few(int64_t rows, const Operands& operands, Stream& stream) const {
    const int64_t grain =
        std::clamp<int64_t>(layout.panels / (4 * int64_t{workers}), 1, kPanelsAtOnce);
    parallel_ranges(stream, layout.panels, grain, [&](int64_t first, int64_t last) {
      NibbleRows call{};
      call.a = a.as<float>(operands);
      call.a_row = op.K;
      call.rows = rows;
      call.c_row = op.N;
      for (int64_t panel = first; panel < last; ++panel) {
        const int64_t column = panel * kNibbleColumns;
        call.panel = layout.at(packed, panel);
        call.columns = std::min<int64_t>(kNibbleColumns, op.N - column);
        call.bias = bias.present() ? bias.as<float>(operands) + column : nullptr;
        call.c = operands.outputs[0].as<float>() + column;
        nibble_functions().multiply(call);
      }
    });
  }

  /// All rows times `count` columns from `column` on.
  void run_panels(int64_t rows, const Operands& operands, int64_t column, int64_t count,
                  float* scratch) const {
    const int width = gemm_core().columns;
    float* unpacked = scratch + kTileScratch;
    for (int64_t i = 0; i < ceil_div(count, int64_t{width}) * width; i += kNibbleColumns) {
      float* to = unpacked + i / width * op.K * width + i % width;
      if (i < count)
        nibble_functions().unpack(layout.at(packed, (column + i) / kNibbleColumns), to, width);
      else
        for (int64_t k = 0; k < op.K; ++k) std::fill_n(to + k * width, kNibbleColumns, 0.0F);
    }
    Product product;
    product.m = rows;
    product.n = count;
    product.depth = op.K;
    product.a = a.as<float>(operands);
    product.a_row = op.K;
    product.a_depth = 1;
    product.packed_b = unpacked;
    product.starts = false;
    product.bias = bias.present() ? bias.as<float>(operands) + column : nullptr;
    const Tiling tiling = tile_product(gemm_core(), rows, count, 1, 1);
    for (int64_t tile = 0; tile < tiling.tiles(); ++tile)
      kernels.run(product, tiling, tile, scratch, operands.outputs[0].as<float>() + column, op.N);
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor> packed,
                                        hone::Device&) {
  return std::make_shared<NibblesShared>(*recipe.problem, std::move(packed.front()));
}

}  // namespace
}  // namespace matmul_nibbles_kernel

void register_matmul_nibbles(KernelRegistry& registry) {
  using namespace matmul_nibbles_kernel;
  registry.add({"cpu.matmul.nibbles", 2, supports, no_tunings, recipe, prepare});
}

}  // namespace hone::cpu
