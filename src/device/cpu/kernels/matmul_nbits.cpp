// MatMulNBits of constant weights: they are unpacked to f32 once, into the panels of a product in
// f32.

#include <algorithm>
#include <cstring>

#include "base/size.hpp"
#include "device/cpu/gemm.hpp"
#include "device/cpu/step.hpp"
#include "ops/blockwise.hpp"

namespace hone::cpu {
namespace matmul_nbits_kernel {
namespace {

/// Number `at` of `bits` bits in packed bytes.
int unpacked(const uint8_t* bytes, int64_t bits, int64_t at) {
  const int64_t per_byte = 8 / bits;
  return bytes[at / per_byte] >> (at % per_byte * bits) & ((1 << bits) - 1);
}

Tensor pack_columns(const Problem& problem, const Tuning&, const Tensor& weight) {
  const MatMulNBits& op = *op_of<MatMulNBits>(problem);
  const int64_t blocks = ceil_div(op.K, op.block_size);
  const Tensor& scales = constant_operand(problem, 2)->tensor();
  const Weight* zeros = constant_operand(problem, 3);
  const auto* bytes = reinterpret_cast<const uint8_t*>(weight.bytes().data());
  const bool packed_zeros = zeros != nullptr && zeros->dtype() == DType::u8;
  const int64_t zero_row = packed_zeros ? ceil_div(blocks, 8 / op.bits) * (8 / op.bits) : blocks;
  const auto zero_point = [&](int64_t n, int64_t block) {
    if (zeros == nullptr) return static_cast<double>(int64_t{1} << (op.bits - 1));
    const int64_t at = n * zero_row + block;
    if (!packed_zeros) return zeros->tensor().number(at);
    return double(
        unpacked(reinterpret_cast<const uint8_t*>(zeros->tensor().bytes().data()), op.bits, at));
  };
  std::vector<float> floats(static_cast<size_t>(op.N * op.K));
  for (int64_t n = 0; n < op.N; ++n)
    for (int64_t block = 0; block < blocks; ++block) {
      const double scale = scales.number(n * blocks + block), zero = zero_point(n, block);
      const int64_t first = block * op.block_size, last = std::min(op.K, first + op.block_size);
      for (int64_t k = first; k < last; ++k)
        floats[static_cast<size_t>(n * op.K + k)] = static_cast<float>(
            (unpacked(bytes, op.bits, n * blocks * op.block_size + k) - zero) * scale);
    }
  const GemmCore& core = gemm_core();
  Tensor packed(DType::f32, {packed_floats(op.N, op.K, core.columns)});
  pack_panels(floats.data(), op.N, op.K, op.K, 1, core.columns,
              reinterpret_cast<float*>(packed.mutable_bytes().data()));
  return packed;
}

Verdict supports(const Problem& problem) {
  const auto* op = op_of<MatMulNBits>(problem);
  if (op == nullptr) return Verdict::no("MatMulNBits only");
  const TensorType* a = operand_type(problem, 0);
  if (a->dtype != DType::f32 || !a->has_rank()) return Verdict::no("f32 of a known rank only");
  if (operand_type(problem, 4) != nullptr) return Verdict::no("blocks are named by indices");
  for (const size_t i : {1, 2, 3})
    if (operand_type(problem, i) != nullptr && constant_operand(problem, i) == nullptr)
      return Verdict::no("the weight, its scales or zero points are computed");
  if (region_input(problem, 1) < 0) return Verdict::no("the weight is a literal");
  const int64_t blocks = ceil_div(op->K, op->block_size);
  if (constant_operand(problem, 2)->count() != op->N * blocks)
    return Verdict::no("not a scale for each block");
  return {};
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made;
  made.tuning = tuning;
  const MatMulNBits& op = *op_of<MatMulNBits>(*problem);
  const Type& result = problem->region.single()->outputs[0]->type;
  const double weights = static_cast<double>(op.K) * static_cast<double>(op.N);
  made.seconds = 2 * typical_count(*problem, result) * static_cast<double>(op.K) /
                     problem->target->flops_per_second +
                 weights * sizeof(float) / problem->target->bytes_per_second;
  made.scratch_bytes = worker_scratch(problem->share, Dim(kTileScratch));
  const Weight *scales = constant_operand(*problem, 2), *zeros = constant_operand(*problem, 3);
  made.packings.push_back({static_cast<size_t>(region_input(*problem, 1)),
                           cat("nbits/", name(gemm_core().isa), "/", op.bits, "/", op.block_size,
                               "/", scales->hash(), "/", zeros == nullptr ? Hash{} : zeros->hash()),
                           pack_columns});
  made.problem = std::move(problem);
  return made;
}

struct NBitsShared final : Shared<NBitsShared> {
  NBitsShared(const Problem& problem, Tensor columns)
      : op(*op_of<MatMulNBits>(problem)),
        a(problem, 0),
        bias(problem, 5),
        packed(std::move(columns)),
        workers(problem.share.workers),
        kernels(ContractionForm{.bias = bias.present() ? ContractionForm::Bias::column
                                                       : ContractionForm::Bias::none}) {}

  MatMulNBits op;
  Source a, bias;
  Tensor packed;
  int workers;
  ProductKernels kernels;

  struct Geometry {
    Product product;  // without addresses
    Tiling tiling;
  };
  Geometry geometry(const Operands& operands) const {
    Geometry g;
    Product& product = g.product;
    product.m = element_count(operands.outputs[0].shape) / op.N;
    product.n = op.N;
    product.depth = op.K;
    product.a_row = op.K;
    product.a_depth = 1;
    product.starts = false;
    if (product.m > 0) g.tiling = tile_product(gemm_core(), product.m, product.n, 1, workers);
    return g;
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte> scratch,
           Stream& stream) const {
    stream.parallel(g.tiling.tiles(), [&](int64_t tile) {
      Product product = g.product;
      product.a = a.as<float>(operands);
      product.packed_b = reinterpret_cast<const float*>(packed.bytes().data());
      product.bias = bias.as<float>(operands);
      kernels.run(product, g.tiling, tile, scratch_of(scratch, kTileScratch),
                  operands.outputs[0].as<float>(), product.n);
    });
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor> packed,
                                        hone::Device&) {
  return std::make_shared<NBitsShared>(*recipe.problem, std::move(packed.front()));
}

}  // namespace
}  // namespace matmul_nbits_kernel

void register_matmul_nbits(KernelRegistry& registry) {
  using namespace matmul_nbits_kernel;
  registry.add({"cpu.matmul.nbits", 1, supports, no_tunings, recipe, prepare});
}

}  // namespace hone::cpu
