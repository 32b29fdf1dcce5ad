// MatMulNBits of constant weights of 4 bits, which stay so in memory: of few rows the product is
// taken of them as they are read, of many a panel at a time is unpacked to f32.

#include <algorithm>

#include "base/size.hpp"
#include "device/cpu/gemm.hpp"
#include "device/cpu/nibbles.hpp"
#include "device/cpu/step.hpp"
#include "ops/blockwise.hpp"

namespace hone::cpu {
namespace matmul_nibbles_kernel {
namespace {

constexpr int64_t kPanelsAtOnce = 4;     // that a worker multiplies few rows by
constexpr int64_t kUnpacked = 2;         // panels of the f32 product that a worker unpacks
constexpr int64_t kMostDepth = 1 << 15;  // so that these fit its memory
constexpr int64_t kZeroOfUnsigned = 8;   // where no zero point is given

struct Layout {
  int64_t words, blocks, block, panels;  // words: along the depth, in all and of a block

  explicit Layout(const MatMulNBits& op)
      : words(op.K / kNibbles),
        blocks(ceil_div(op.K, op.block_size)),
        block(op.block_size / kNibbles),
        panels(ceil_div(op.N, int64_t{kNibbleColumns})) {}
  /// Of a panel, in words: numbers, scales, shifts.
  int64_t panel() const { return (words + 2 * blocks) * kNibbleColumns; }
  NibblePanel at(const Tensor& packed, int64_t index) const {
    const auto* from = reinterpret_cast<const unsigned*>(packed.bytes().data()) + index * panel();
    const auto* scales = reinterpret_cast<const float*>(from + words * kNibbleColumns);
    return {from, scales, scales + blocks * kNibbleColumns, words, block};
  }
};

Verdict supports(const Problem& problem) {
  const auto* op = op_of<MatMulNBits>(problem);
  if (op == nullptr) return Verdict::no("MatMulNBits only");
  if (gemm_core().isa == Isa::generic) return Verdict::no("no code can be generated");
  const TensorType* a = operand_type(problem, 0);
  if (a->dtype != DType::f32 || !a->has_rank()) return Verdict::no("f32 of a known rank only");
  if (op->bits != 4 || op->K % kNibbles != 0 || op->block_size % kNibbles != 0)
    return Verdict::no("4 bits, 8 of them in a word, only");
  if (op->K > kMostDepth) return Verdict::no("more than 32768 along the depth");
  if (operand_type(problem, 4) != nullptr) return Verdict::no("blocks are named by indices");
  for (const size_t i : {1, 2, 3})
    if (operand_type(problem, i) != nullptr && constant_operand(problem, i) == nullptr)
      return Verdict::no("the weight, its scales or zero points are computed");
  if (region_input(problem, 1) < 0) return Verdict::no("the weight is a literal");
  if (constant_operand(problem, 2)->count() != op->N * Layout(*op).blocks)
    return Verdict::no("not a scale for each block");
  return {};
}

/// The zero point of a block of a column.
double zero_point(const MatMulNBits& op, const Weight* zeros, int64_t column, int64_t block) {
  const int64_t blocks = ceil_div(op.K, op.block_size);
  if (zeros == nullptr) return kZeroOfUnsigned;
  if (zeros->dtype() != DType::u8) return zeros->tensor().number(column * blocks + block);
  const auto* bytes = reinterpret_cast<const uint8_t*>(zeros->tensor().bytes().data());
  return bytes[column * ceil_div(blocks, int64_t{2}) + block / 2] >> (block % 2 * 4) & 15;
}

Tensor pack(const Problem& problem, const Tuning&, const Tensor& weight) {
  const MatMulNBits& op = *op_of<MatMulNBits>(problem);
  const Tensor& scales = constant_operand(problem, 2)->tensor();
  const Weight* zeros = constant_operand(problem, 3);
  const Layout layout(op);
  Tensor packed(DType::f32, {layout.panels * layout.panel()});
  auto* words = reinterpret_cast<uint32_t*>(packed.mutable_bytes().data());
  std::fill_n(words, packed.count(), 0U);
  const auto* bytes = reinterpret_cast<const uint8_t*>(weight.bytes().data());
  const int64_t row = layout.blocks * op.block_size / 2;  // bytes of a column
  for (int64_t n = 0; n < op.N; ++n) {
    const int64_t column = n % kNibbleColumns;
    uint32_t* panel = words + n / kNibbleColumns * layout.panel();
    for (int64_t word = 0; word < layout.words; ++word)
      for (int64_t i = 0; i < 4; ++i)
        panel[word * kNibbleColumns + column] |= uint32_t{bytes[n * row + 4 * word + i]} << 8 * i;
    auto* of_blocks = reinterpret_cast<float*>(panel + layout.words * kNibbleColumns);
    for (int64_t block = 0; block < layout.blocks; ++block) {
      const double scale = scales.number(n * layout.blocks + block);
      float* to = of_blocks + block * kNibbleColumns + column;
      to[0] = static_cast<float>(scale);
      to[layout.blocks * kNibbleColumns] =
          static_cast<float>(-scale * zero_point(op, zeros, n, block));
    }
  }
  return packed;
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
  made.seconds =
      2 * typical_count(*problem, result) * static_cast<double>(op.K) /
          problem->target->flops_per_second +
      weights * (0.5 / problem->target->bytes_per_second + 4 / problem->target->flops_per_second);
  made.scratch_bytes = worker_scratch(problem->share, Dim(worker_floats(op)));
  const Weight *scales = constant_operand(*problem, 2), *zeros = constant_operand(*problem, 3);
  made.packings.push_back({static_cast<size_t>(region_input(*problem, 1)),
                           cat("nibbles/", op.block_size, "/", scales->hash(), "/",
                               zeros == nullptr ? Hash{} : zeros->hash()),
                           pack});
  made.problem = std::move(problem);
  return made;
}

struct NibblesShared final : Shared<NibblesShared> {
  NibblesShared(const Problem& problem, Tensor words)
      : op(*op_of<MatMulNBits>(problem)),
        layout(op),
        a(problem, 0),
        bias(problem, 5),
        packed(std::move(words)),
        workers(problem.share.workers),
        kernels(ContractionForm{.bias = bias.present() ? ContractionForm::Bias::column
                                                       : ContractionForm::Bias::none}) {}

  MatMulNBits op;
  Layout layout;
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
  registry.add({"cpu.matmul.nibbles", 1, supports, no_tunings, recipe, prepare});
}

}  // namespace hone::cpu
