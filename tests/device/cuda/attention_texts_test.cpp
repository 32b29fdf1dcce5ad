// Attention as texts for a GPU: NVRTC takes them for every architecture; which regions the kernel
// takes. Neither needs a GPU.

#include <gtest/gtest.h>

#include "device/cuda/compiler.hpp"
#include "device/cuda/device.hpp"
#include "device/cuda/emit/attention_text.hpp"
#include "device/cuda/halves.hpp"

namespace hone::test::attention_texts_test {

using namespace cuda;

/// As kernels write them; `bits`: of a mask's numbers.
std::string constants_of_attention(int mask, int bits, bool past = false) {
  return cat("constexpr int kMask = ", mask, ", kMaskBits = ", bits,
             ", kMaskRows = ", mask == 2 ? 2 : 1, ", kFill = 0, kZeroUnseen = 1, kZeroNan = 0",
             ", kLast = ", mask - 1, ", kFirst = -1, kSoftcap = 0, kLengthBits = ", past ? 0 : 64,
             ", kLengthMore = 0, kPast = ", past ? 1 : 0, ", kKeeps = ", past ? 1 : 0, ";\n");
}

TEST(AttentionText, Compiles) {
  if (!compiler_state().why.empty()) GTEST_SKIP() << "NVRTC: " << compiler_state().why;
  for (const int mask : {0, 1, 2}) {
    const std::string text =
        emitter::attention_of_floats_text(constants_of_attention(mask, 32), 64, 40);
    for (const int capability : {75, 80, 90, 100})
      EXPECT_GT(compile(text, architecture(capability))->image.size(), 100u);
  }
}

/// With tiles for instructions of warps and of warpgroups.
TEST(AttentionText, OfHalvesCompiles) {
  if (!compiler_state().why.empty()) GTEST_SKIP() << "NVRTC: " << compiler_state().why;
  const auto compiles = [](int mask, const emitter::AttentionTile& tile, int capability) {
    const std::string constants = constants_of_attention(mask, mask == 2 ? 8 : 16);
    const auto compiled =
        compile(emitter::attention_text(constants, tile, mask == 1), architecture(capability));
    EXPECT_GT(compiled->image.size(), 100u);
    // What makes instructions of warpgroups wait for each other.
    EXPECT_EQ(compiled->log.find("(C75"), std::string::npos) << compiled->log;
  };
  for (const int capability : {80, 90, 100}) compiles(1, {40, 72, 0, 64, 2}, capability);
  compiles(0, {64, 64, 1, 128, 2}, 90);
  compiles(1, {40, 136, 1, 64, 1}, 90);
  compiles(2, {64, 64, 2, 64, 2}, 90);
}

TEST(AttentionText, OfFewQueriesCompiles) {
  if (!compiler_state().why.empty()) GTEST_SKIP() << "NVRTC: " << compiler_state().why;
  for (const bool past : {false, true})
    for (const int capability : {80, 90, 100}) {
      const std::string text =
          emitter::few_queries_text(constants_of_attention(past ? 1 : 2, past ? 16 : 8, past),
                                    {past ? 128 : 40, past ? 128 : 200, past ? 3 : 2}, past);
      EXPECT_GT(compile(text, architecture(capability))->image.size(), 100u);
    }
}

TEST(AttentionKernel, ReadsViewsThatLieInSixteens) {
  const auto verdict = [](std::string_view text, int capability = 90) {
    auto graph = parse(text, all_ops());
    infer(*graph);
    const auto problem = problem_of(*graph, false, false);
    problem->target = std::make_shared<const Target>(target_of(capability, nullptr));
    const Verdict said = kernels().find("cuda.attention")->accepts(*problem);
    return said.yes ? "yes" : cat(said.why, said.up_to.empty() ? "" : " up to ", said.up_to);
  };
  const std::string rows = "  %y = Attention(%q, %k, %v) q_num_heads=2 kv_num_heads=2\n";
  const auto split = [&](std::string_view type, int width, int first) {
    return cat("graph g(%x: ", type, "[2,n,", 3 * width + first, "]) -> (%y)\n  %z = Slice(%x) ",
               "starts=[", first, "] ends=[", 3 * width + first, "] axes=[2]\n",
               "  %q, %k, %v = Split(%z) axis=2 split=[", width, ",", width, ",", width, "]\n",
               rows);
  };
  EXPECT_EQ(verdict(split("f16", 64, 0)), "yes");
  EXPECT_EQ(verdict(split("f16", 64, 8)), "yes");
  EXPECT_EQ(verdict(split("f16", 64, 0), 75), "wants tensor cores of compute capability 8.0");
  EXPECT_EQ(verdict(split("f16", 64, 4)), "wants operands and a result aligned to 16 bytes");
  EXPECT_EQ(verdict(split("f32", 64, 4)), "yes");
  EXPECT_EQ(verdict("graph g(%x: f16[2,4,8,16]) -> (%y)\n  %q = Transpose(%x) perm=[0,1,3,2]\n"
                    "  %y = Attention(%q, %q, %q)\n"),
            "an operand is no view of one that is given");
  EXPECT_EQ(verdict("graph g(%x: f16[2,4,8,16]) -> (%y)\n  %a = Attention(%x, %x, %x)\n"
                    "  %y = Relu(%a)\n"),
            "only views follow up to a");
}

}  // namespace hone::test::attention_texts_test
