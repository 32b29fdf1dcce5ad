#include "device/cuda/emit/warpgroup_text.hpp"

#include "base/text.hpp"
#include "device/cuda/texts.hpp"

namespace hone::cuda::emitter {
namespace {

/// "%3,%4": operands of an instruction from number `first` on.
std::string numbers(int first, int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += cat(i == 0 ? "%" : ",%", first + i);
  return text;
}

std::string sums(int count, char kind = 'f') {
  std::string text;
  for (int i = 0; i < count; ++i) text += cat(i == 0 ? "" : ", ", "\"+", kind, "\"(d[", i, "])");
  return text;
}

std::string mnemonic(int columns, bool bf16) {
  const char* type = bf16 ? "bf16" : "f16";
  return cat("wgmma.mma_async.sync.aligned.m64n", columns, "k16.f32.", type, ".", type);
}

}  // namespace

std::string warpgroup_instruction(int columns, bool bf16, bool turned) {
  const int count = columns / 2;
  return cat("__device__ void multiply_add(float (&d)[", count,
             "], unsigned long long a, unsigned long long b, int add) {\n",
             "  asm volatile(\"{.reg .pred p;\\n setp.ne.b32 p, %", count + 2, ", 0;\\n",
             mnemonic(columns, bf16), " {", numbers(0, count), "}, ", numbers(count, 1), ", ",
             numbers(count + 1, 1), ", p, 1, 1, 0, ", turned ? 1 : 0, ";}\"\n      : ", sums(count),
             "\n      : \"l\"(a), \"l\"(b), \"r\"(add));\n}\n");
}

std::string warpgroup_instruction_of_integers(int columns, bool signed_a, bool signed_b) {
  const int count = columns / 2;
  const auto type = [](bool is_signed) { return is_signed ? ".s8" : ".u8"; };
  return cat("__device__ void multiply_add(int (&d)[", count,
             "], unsigned long long a, unsigned long long b, int add) {\n",
             "  asm volatile(\"{.reg .pred p;\\n setp.ne.b32 p, %", count + 2, ", 0;\\n",
             "wgmma.mma_async.sync.aligned.m64n", columns, "k32.s32", type(signed_a),
             type(signed_b), " {", numbers(0, count), "}, ", numbers(count, 1), ", ",
             numbers(count + 1, 1), ", p;}\"\n      : ", sums(count, 'r'),
             "\n      : \"l\"(a), \"l\"(b), \"r\"(add));\n}\n");
}

std::string product_text(const HalfProduct& product, int columns, bool turned) {
  const Contraction& of = product.contraction;
  const bool bf16 = of.a->dtype() == DType::bf16;
  std::string text = cat("constexpr bool kBf16 = ", bf16 ? "true" : "false", ";\n");
  const bool signed_a = is_signed(of.a->dtype()), signed_b = is_signed(of.b->dtype());
  if (product.integers())
    text += cat("constexpr bool kSignedA = ", signed_a ? "true" : "false",
                ", kSignedB = ", signed_b ? "true" : "false", ";\n", "#define TYPE_A \"",
                signed_a ? "s8" : "u8", "\"\n#define TYPE_B \"", signed_b ? "s8" : "u8", "\"\n",
                embedded_text("integers"));
  text += embedded_text("tensor");
  if (product.adds_up) text += embedded_text("integers_added");
  if (columns == 0) return text;
  return cat(text, embedded_text("warpgroup"),
             product.integers() ? warpgroup_instruction_of_integers(columns, signed_a, signed_b)
                                : warpgroup_instruction(columns, bf16, turned));
}

std::string warpgroup_instruction_of_registers(int columns, bool bf16) {
  const int count = columns / 2;
  return cat(
      "__device__ void multiply_add_rows(float* d, const unsigned (&a)[4], "
      "unsigned long long b) {\n  asm volatile(\"",
      mnemonic(columns, bf16), " {", numbers(0, count), "}, {", numbers(count, 4), "}, ",
      numbers(count + 4, 1), ", 1, 1, 1, 1;\"\n      : ", sums(count),
      "\n      : \"r\"(a[0]), \"r\"(a[1]), \"r\"(a[2]), \"r\"(a[3]), \"l\"(b));\n}\n");
}

}  // namespace hone::cuda::emitter
