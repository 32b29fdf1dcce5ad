#include "device/cuda/emit/nbits_text.hpp"

#include "base/size.hpp"
#include "base/text.hpp"
#include "device/cuda/emit/emit.hpp"
#include "device/cuda/texts.hpp"

namespace hone::cuda::emitter {

std::string nbits_text(const MatMulNBits& op, const NBitsOperands& operands) {
  const auto boolean = [](bool x) { return x ? "true" : "false"; };
  const int64_t row = ceil_div(op.K, op.block_size) * op.block_size * op.bits / 8;
  std::string text = cat("constexpr int kDepth = ", op.K, ", kColumns = ", op.N,
                         ", kBits = ", op.bits, ", kBlock = ", op.block_size, ", kRowBytes = ", row,
                         ", kZeros = ", operands.zeros, ", kNumberBits = ", bits(operands.numbers),
                         ";\nconstexpr bool kBias = ", boolean(operands.bias),
                         ", kAdds = ", boolean(operands.adds),
                         ", kNumbersBf16 = ", boolean(operands.numbers == DType::bf16), ";\n");
  if (operands.dtype == DType::f32)
    text += cat(embedded_text("nbits_weights"), embedded_text("nbits_floats"));
  else
    text += cat("constexpr bool kBf16 = false;\n", embedded_text("tensor"),
                embedded_text("nbits_weights"), embedded_text("nbits"));
  return Text{text}.narrow();
}

int nbits_shared_bytes(int64_t bits) {
  constexpr int kStages = 3, kRows = 64, kChunks = 4;  // as in the text
  return kStages * kRows * kChunks * static_cast<int>(128 / bits) * 2;
}

uint32_t nbits_word(uint32_t stored, int64_t bits) {
  const auto width = static_cast<uint32_t>(bits), count = 32 / width;
  const uint32_t mask = (1U << width) - 1;
  uint32_t word = 0;
  for (uint32_t i = 0; i < count; ++i)
    word |= (stored >> i * width & mask) << (i / 2 * width + i % 2 * 16);
  return word;
}

}  // namespace hone::cuda::emitter
