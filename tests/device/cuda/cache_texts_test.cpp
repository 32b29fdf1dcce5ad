// Texts of what language models run on a GPU: NVRTC takes them for every architecture. No GPU.

#include <gtest/gtest.h>

#include "device/cuda/caches.hpp"
#include "device/cuda/compiler.hpp"
#include "device/cuda/device.hpp"
#include "device/cuda/emit/attention_text.hpp"
#include "device/cuda/emit/nbits_text.hpp"

namespace hone::test::cache_texts_test {

using namespace cuda;

TEST(CacheText, Compiles) {
  if (!compiler_state().why.empty()) GTEST_SKIP() << "NVRTC: " << compiler_state().why;
  const auto constants = [](int turns, int positions) {
    return cat("constexpr int kLast = 0, kFirst = -1, kSoftcap = 0, kLengthBits = 32, ",
               "kLengthMore = 1, kTurns = ", turns, ", kPositionBits = ", positions, ";\n");
  };
  for (const int capability : {75, 80, 90, 100}) {
    const auto compiles = [&](const std::string& text) {
      EXPECT_GT(compile(text, architecture(capability))->image.size(), 100u);
    };
    compiles(emitter::cache_text(constants(0, 0), 64, DType::f32));
    compiles(emitter::cache_text(constants(1, 64), 128, DType::f16));
    compiles(emitter::cache_text(constants(2, 32), 40, DType::bf16));
  }
}

TEST(NBitsText, Compiles) {
  if (!compiler_state().why.empty()) GTEST_SKIP() << "NVRTC: " << compiler_state().why;
  for (const int bits : {4, 8})
    for (const int zeros : {0, 1, 2})
      for (const int capability : {75, 80, 90, 100}) {
        const MatMulNBits op{.K = 160, .N = 70, .bits = bits, .block_size = 32};
        const auto compiles = [&](const emitter::NBitsOperands& operands) {
          const std::string text = emitter::nbits_text(op, operands);
          EXPECT_GT(compile(text, architecture(capability))->image.size(), 100u);
        };
        compiles({DType::f32, zeros == 1 ? DType::f16 : DType::f32, zeros, zeros == 2});
        if (capability < 80) continue;
        compiles({DType::f16, zeros == 2 ? DType::bf16 : DType::f16, zeros, zeros == 0});
      }
}

/// Pairs of neighbours are 16 bits apart.
TEST(NBitsText, PutsNumbersInPairs) {
  EXPECT_EQ(emitter::nbits_word(0x76543210, 4), 0x75316420U);
  EXPECT_EQ(emitter::nbits_word(0x03020100, 8), 0x03010200U);
}

std::string verdict(std::string_view kernel, const RegionCase& region, bool constants,
                    int capability = 90) {
  const auto problem =
      constants ? problem_of_nbits(region) : problem_of(*graph_of(region), false, false);
  problem->target = std::make_shared<const Target>(target_of(capability, nullptr));
  const Verdict said = kernels().find(kernel)->accepts(*problem);
  return said.yes ? "yes" : said.why;
}

TEST(LanguageKernels, TakeTheirRegions) {
  for (const RegionCase& region : kGroupQueries)
    EXPECT_EQ(verdict("cuda.group_query", region, false), "yes") << region.name;
  for (const RegionCase& region : kNBits)
    EXPECT_EQ(verdict("cuda.nbits", region, true), "yes") << region.name;
  EXPECT_EQ(verdict("cuda.nbits", kNBits[0], false), "wants weights that are constants");
  EXPECT_EQ(verdict("cuda.nbits", kNBits[0], true, 75),
            "wants tensor cores of compute capability 8.0");
  const RegionCase odd{"",
                       "graph g(%x: f32[3,40], %w: u8[7,3,8], %s: f32[7,3]) -> (%y)\n"
                       "  %y = MatMulNBits(%x, %w, %s) K=40 N=7 bits=4 block_size=16\n"};
  EXPECT_EQ(verdict("cuda.nbits", odd, true), "wants blocks and a depth of multiples of 32");
  const RegionCase behind{
      "",
      "graph g(%x: f16[n,96], %w: u8[90,3,16], %s: f16[90,3]) -> (%y)\n"
      "  %a = MatMulNBits(%x, %w, %s) K=96 N=90 bits=4 block_size=32\n  %y = Relu(%a)\n"};
  EXPECT_EQ(verdict("cuda.nbits", behind, true), "a sum may follow, and nothing else");
  EXPECT_EQ(verdict("cuda.contract", behind, true), "its weights have a few bits");
  const RegionCase sinks{
      "",
      "graph g(%q: f16[2,n,64], %k: f16[2,n,64], %v: f16[2,n,64], %l: i32[2]) -> (%y)\n"
      "  %y = GroupQueryAttention(%q, %k, %v, _, _, %l, i32[]{9}) num_heads=2 kv_num_heads=2 "
      "smooth_softmax=true\n"};
  EXPECT_EQ(verdict("cuda.group_query", sinks, false), "sinks of the softmax");
}

}  // namespace hone::test::cache_texts_test
