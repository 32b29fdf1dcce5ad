// Kernels along sequences: Fourier transforms, sequences in reverse, attention and convolution that
// carry a state.

#include <gtest/gtest.h>

#include "device/kernel_case.hpp"

namespace hone::test::sequences_test {

class SequencesTest : public KernelTest {};
INSTANTIATE_TEST_SUITE_P(Isas, SequencesTest,
                         testing::Values(cpu::Isa::generic, cpu::Isa::avx2, cpu::Isa::avx512),
                         [](const auto& info) { return std::string(name(info.param)); });

TEST_P(SequencesTest, FourierTransforms) {
  // Lengths of each radix, of several, of a prime that is not short, and of one element.
  const std::vector<Bindings> lengths =
      each("l", {1, 2, 3, 4, 5, 7, 12, 30, 37, 64, 74, 77, 97, 210, 512, 1000});
  for (const char* parts : {"1", "2"})
    for (const char* fields : {"axis=[1]", "axis=[1] inverse=true"})
      expect_kernel("cpu.fourier",
                    {cat("%x: f32[3,l,", parts, "]"), cat("DFT(%x) ", fields), "", "%y", lengths});
  expect_kernel("cpu.fourier",
                {"%x: f32[3,l,1]", "DFT(%x) axis=[1] onesided=true", "", "%y", lengths});
  expect_kernel("cpu.fourier", {"%x: f32[3,l,2]", "DFT(%x) axis=[1] onesided=true inverse=true", "",
                                "%y", each("l", {2, 3, 4, 17, 257})});
  // More rows than are transformed at a time, along an axis that is not the last.
  expect_kernel("cpu.fourier",
                {"%x: f32[2,l,19,1]", "DFT(%x) axis=[1]", "", "%y", each("l", {6, 16})});
  // Cut, and with zeros behind.
  for (const int length : {5, 24, 64})
    for (const char* fields : {"", " onesided=true"})
      expect_kernel("cpu.fourier",
                    {"%x: f32[5,20,1]", cat("DFT(%x) axis=[1] dft_length=[", length, "]", fields)});
  expect_kernel("cpu.fourier",
                {"%x: f32[1,20,2]", "DFT(%x) axis=[1] dft_length=[50] inverse=true onesided=true"});
  expect_kernel("cpu.fourier", {"%x: f32[1,10000,1]", "DFT(%x) axis=[1] onesided=true"});
  EXPECT_EQ(refusal("cpu.fourier", {"%x: f32[1,8,1], %n: i64[]", "DFT(%x, %n) axis=[1]"}),
            "a size or an axis is computed");
}

TEST_P(SequencesTest, FramesOfASignal) {
  for (const char* frame : {"frame_length=[16]", "frame_length=[15] onesided=false",
                            "frame_length=[40] onesided=false"})
    expect_kernel("cpu.fourier", {"%x: f32[2,l,1]", cat("STFT(%x) frame_step=[3] ", frame), "",
                                  "%y", each("l", {40, 41, 300})});
  expect_kernel("cpu.fourier",
                {"%x: f32[2,300,1], %w: f32[64]", "STFT(%x, _, %w) frame_step=[10]"});
  expect_kernel("cpu.fourier", {"%x: f32[2,300,2], %w: f32[64]",
                                "STFT(%x, _, %w) frame_step=[10] onesided=false"});
}

TEST_P(SequencesTest, Reversed) {
  for (const char* type : {"f32", "f16", "u8", "i64", "bool"})
    for (const char* axes : {"batch_axis=0 time_axis=1", "batch_axis=1 time_axis=0"}) {
      KernelCase given{cat("%x: ", type, "[6,6,n], %l: i64[6]"),
                       cat("ReverseSequence(%x, %l) ", axes)};
      given.sizes = each("n", {0, 1, 9});
      given.bounds = {{"l", {0, 6}}};
      expect_kernel("cpu.reverse_sequence", given);
    }
  KernelCase given{"%x: f32[2,5], %l: i64[2]", "ReverseSequence(%x, %l) batch_axis=0 time_axis=1"};
  given.bounds = {{"l", {6, 6}}};
  EXPECT_NE(kernel_error("cpu.reverse_sequence", given).find("sequence_lens has 6, wanted 0 to 5"),
            std::string::npos);
}

TEST_P(SequencesTest, LinearAttention) {
  const std::string qkv = "%q: f32[b,s,24], %k: f32[b,s,12], %v: f32[b,s,10]";
  const std::string heads = " q_num_heads=4 kv_num_heads=2";
  const auto given = [&](const std::string& more, const std::string& operands,
                         const std::string& fields, const std::string& results) {
    KernelCase made{qkv + more, cat("LinearAttention(%q, %k, %v", operands, ")", heads, fields), "",
                    results};
    made.sizes = {{{"b", 2}, {"s", 5}}, {{"b", 1}, {"s", 1}}, {{"b", 3}, {"s", 0}}};
    made.bounds = {{"d", {-1, 0}}, {"e", {0, 1}}};
    return made;
  };
  const std::string past = ", %p: f32[b,2,6,5]";
  expect_kernel("cpu.linear_attention", given("", "", " update_rule=linear", "%y, %s1"));
  expect_kernel("cpu.linear_attention",
                given(past, ", %p", " update_rule=linear scale=0.7", "%y, %s1"));
  expect_kernel("cpu.linear_attention",
                given(past + ", %d: f32[b,s,2]", ", %p, %d", " update_rule=gated", "%y, %s1"));
  expect_kernel("cpu.linear_attention",
                given(", %d: f32[b,s,12]", ", _, %d", " update_rule=gated", "%y"));
  expect_kernel("cpu.linear_attention",
                given(past + ", %e: f32[b,s,2]", ", %p, _, %e", " update_rule=delta", "_, %s1"));
  expect_kernel("cpu.linear_attention",
                given(past + ", %d: f32[b,s,12], %e: f32[b,s,1]", ", %p, %d, %e", "", "%y, %s1"));
}

TEST_P(SequencesTest, CausalConvolution) {
  const std::vector<Bindings> sizes = each("l", {1, 2, 40, 300});
  for (const char* activation : {"none", "silu"}) {
    const std::string fields = cat(") activation=", activation);
    expect_kernel("cpu.causal_conv", {"%x: f32[2,6,l]", "CausalConvWithState(%x, @w" + fields,
                                      "@w : f32[6,1,4]", "%y, %s", sizes});
    expect_kernel("cpu.causal_conv",
                  {"%x: f32[2,6,l], %p: f32[2,6,3]", "CausalConvWithState(%x, @w, @b, %p" + fields,
                   "@w : f32[6,1,4]\n  @b : f32[6]", "%y, %s", sizes});
  }
  expect_kernel("cpu.causal_conv",
                {"%x: f32[2,6,l], %p: f32[2,6,3]", "CausalConvWithState(%x, @w, _, %p)",
                 "@w : f32[6,1,4]", "_, %s", sizes});
}

}  // namespace hone::test::sequences_test
