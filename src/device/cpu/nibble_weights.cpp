#include "device/cpu/nibble_weights.hpp"

#include <algorithm>

#include "base/size.hpp"
#include "device/cpu/step.hpp"

namespace hone::cpu {
namespace {

/// The zero point of a block of a column.
double zero_point(const MatMulNBits& op, const Weight& zeros, int64_t column, int64_t block) {
  const int64_t blocks = ceil_div(op.K, op.block_size), in_byte = 8 / op.bits;
  if (zeros.dtype() != DType::u8) return zeros.tensor().number(column * blocks + block);
  const auto* bytes = reinterpret_cast<const uint8_t*>(zeros.tensor().bytes().data());
  const int byte = bytes[column * ceil_div(blocks, in_byte) + block / in_byte];
  return byte >> (block % in_byte * op.bits) & ((1 << op.bits) - 1);
}

Tensor pack(const Problem& problem, const Tuning&, const Tensor& weight) {
  const MatMulNBits& op = *op_of<MatMulNBits>(problem);
  const Tensor& scales = constant_operand(problem, 2)->tensor();
  const Weight* zeros = constant_operand(problem, 3);
  const NibbleLayout layout(problem);
  Tensor packed(DType::f32, {layout.panels * layout.panel()});
  auto* words = reinterpret_cast<uint32_t*>(packed.mutable_bytes().data());
  std::fill_n(words, packed.count(), 0U);
  const auto* bytes = reinterpret_cast<const uint8_t*>(weight.bytes().data());
  const int64_t row = layout.blocks * op.block_size * op.bits / 8;  // bytes of a column
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
      if (layout.shifted)
        to[layout.blocks * kNibbleColumns] =
            static_cast<float>(-scale * zero_point(op, *zeros, n, block));
    }
  }
  return packed;
}

}  // namespace

NibbleLayout::NibbleLayout(const Problem& problem) : shifted(operand_type(problem, 3) != nullptr) {
  const MatMulNBits& op = *op_of<MatMulNBits>(problem);
  bits = op.bits;
  words = op.K * op.bits / 32;
  blocks = ceil_div(op.K, op.block_size);
  block = op.block_size * op.bits / 32;
  panels = ceil_div(op.N, int64_t{kNibbleColumns});
}

NibblePanel NibbleLayout::at(const Tensor& packed, int64_t index) const {
  const auto* from = reinterpret_cast<const unsigned*>(packed.bytes().data()) + index * panel();
  const auto* scales = reinterpret_cast<const float*>(from + words * kNibbleColumns);
  return {from, scales, shifted ? scales + blocks * kNibbleColumns : nullptr, words, block, bits};
}

const char* nibbles_refusal(const Problem& problem) {
  const auto* op = op_of<MatMulNBits>(problem);
  if (op == nullptr) return "MatMulNBits only";
  const TensorType* a = operand_type(problem, 0);
  if (a->dtype != DType::f32 || !a->has_rank()) return "f32 of a known rank only";
  if (op->bits < 4 || op->K % 8 != 0 || op->block_size % 8 != 0)
    return "4 or 8 bits, whole words of them, only";
  if (operand_type(problem, 4) != nullptr) return "blocks are named by indices";
  for (const size_t i : {1, 2, 3})
    if (operand_type(problem, i) != nullptr && constant_operand(problem, i) == nullptr)
      return "the weight, its scales or zero points are computed";
  if (region_input(problem, 1) < 0) return "the weight is a literal";
  if (constant_operand(problem, 2)->count() != op->N * NibbleLayout(problem).blocks)
    return "not a scale for each block";
  return nullptr;
}

Packing nibbles_packing(const Problem& problem) {
  const Weight *scales = constant_operand(problem, 2), *zeros = constant_operand(problem, 3);
  const MatMulNBits& op = *op_of<MatMulNBits>(problem);
  return {static_cast<size_t>(region_input(problem, 1)),
          cat("nibbles/", op.bits, "/", op.block_size, "/", scales->hash(), "/",
              zeros == nullptr ? Hash{} : zeros->hash()),
          pack};
}

}  // namespace hone::cpu
