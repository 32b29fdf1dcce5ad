// MatMulNBits whose rows may be rounded: a block of each row at a time becomes bytes, which are
// multiplied with the weights as they are stored.

#include <algorithm>

#include "base/size.hpp"
#include "device/cpu/nibble_weights.hpp"
#include "device/cpu/rounded.hpp"
#include "device/cpu/step.hpp"

namespace hone::cpu {
namespace matmul_rounded_kernel {
namespace {

constexpr int64_t kPanelsAtOnce = 4;  // that a worker multiplies by
constexpr int64_t kRowsAtOnce = 64;   // whose bytes stay in the second-level cache
constexpr int64_t kRounded = 4096;    // numbers that a worker rounds at a time

Verdict supports(const Problem& problem) {
  if (const char* why = nibbles_refusal(problem)) return Verdict::no(why);
  if (op_of<MatMulNBits>(problem)->accuracy_level != 4)
    return Verdict::no("the rows are not to be rounded");
  return {};
}

/// Of all rows: bytes, scales, sums.
Dim scratch_of_rows(const Problem& problem, const Dim& rows) {
  const MatMulNBits& op = *op_of<MatMulNBits>(problem);
  const NibbleLayout layout(problem);
  return rows * Dim(op.K + 2 * layout.blocks * int64_t{sizeof(float)}) + 64;
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made;
  made.tuning = tuning;
  const MatMulNBits& op = *op_of<MatMulNBits>(*problem);
  const Type& result = problem->region.single()->outputs[0]->type;
  const double weights = static_cast<double>(op.K) * static_cast<double>(op.N);
  made.seconds = typical_count(*problem, result) * static_cast<double>(op.K) /
                     problem->target->flops_per_second +
                 weights * static_cast<double>(op.bits) / 8 / problem->target->bytes_per_second;
  Dim rows = 1;
  const Dims& a = operand_type(*problem, 0)->shape();
  for (size_t i = 0; i + 1 < a.size(); ++i) rows = rows * a[i];
  made.scratch_bytes = scratch_of_rows(*problem, rows);
  made.packings.push_back(nibbles_packing(*problem));
  made.problem = std::move(problem);
  return made;
}

struct RoundedShared final : Shared<RoundedShared> {
  RoundedShared(const Problem& problem, Tensor words)
      : op(*op_of<MatMulNBits>(problem)),
        layout(problem),
        a(problem, 0),
        bias(problem, 5),
        packed(std::move(words)),
        workers(problem.share.workers) {
    for (int64_t i = 0; i < layout.panels; ++i) panels.push_back(layout.at(packed, i));
  }

  static constexpr bool kLaunches = true;
  MatMulNBits op;
  NibbleLayout layout;
  Source a, bias;
  Tensor packed;
  std::vector<NibblePanel> panels;
  int workers;

  /// Rows.
  int64_t geometry(const Operands& operands) const {
    return element_count(operands.outputs[0].shape) / op.N;
  }

  void run(const int64_t& rows, const Operands& operands, std::span<std::byte> scratch,
           Stream& stream) const {
    if (rows == 0) return;
    auto* scales = reinterpret_cast<float*>(scratch.data());
    float* sums = scales + rows * layout.blocks;
    auto* bytes = reinterpret_cast<signed char*>(sums + rows * layout.blocks);
    const auto round = [=, this, &operands](int64_t first, int64_t last) {
      const auto* from = a.as<float>(operands);
      for (int64_t i = first; i < last; ++i) {
        const int64_t at = i / layout.blocks * op.K + i % layout.blocks * op.block_size;
        const int64_t count = std::min(op.block_size, op.K - i % layout.blocks * op.block_size);
        rounded_functions().round(count, op.bits == 4, from + at, bytes + at, scales + i, sums + i);
      }
    };
    launch_ranges(stream, rows * layout.blocks, std::max<int64_t>(1, kRounded / op.block_size),
                  round);
    const RoundedRows all{bytes, op.K, scales, sums, layout.blocks};
    const int64_t parts = ceil_div(rows, kRowsAtOnce);
    int64_t at_once = kPanelsAtOnce;
    while (at_once > 1 && parts * ceil_div(layout.panels, at_once) < 4 * workers) at_once /= 2;
    stream.launch(parts * ceil_div(layout.panels, at_once), [=, this, &operands](int64_t index) {
      const int64_t first = index % parts * kRowsAtOnce, panel = index / parts * at_once;
      multiply(operands, all, first, std::min(kRowsAtOnce, rows - first), panel,
               std::min(at_once, layout.panels - panel));
    });
  }

  void multiply(const Operands& operands, const RoundedRows& all, int64_t first, int64_t rows,
                int64_t panel, int64_t count) const {
    const int64_t column = panel * kNibbleColumns;
    RoundedProduct product{};
    product.panels = panels.data() + panel;
    product.panel_count = count;
    product.a = all;
    product.a.bytes += first * op.K;
    product.a.scales += first * layout.blocks;
    product.a.sums += first * layout.blocks;
    product.rows = rows;
    product.columns = std::min(count * kNibbleColumns, op.N - column);
    product.bias = bias.present() ? bias.as<float>(operands) + column : nullptr;
    product.c = operands.outputs[0].as<float>() + first * op.N + column;
    product.c_row = op.N;
    const RoundedFunctions& functions = rounded_functions();
    (op.bits == 4 ? functions.multiply4 : functions.multiply8)(product);
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor> packed,
                                        hone::Device&) {
  return std::make_shared<RoundedShared>(*recipe.problem, std::move(packed.front()));
}

}  // namespace
}  // namespace matmul_rounded_kernel

void register_matmul_rounded(KernelRegistry& registry) {
  using namespace matmul_rounded_kernel;
  registry.add({"cpu.matmul.rounded", 1, supports, no_tunings, recipe, prepare});
}

}  // namespace hone::cpu
