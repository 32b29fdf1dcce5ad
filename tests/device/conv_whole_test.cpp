// Convolution whose window is the whole map: one and several images, axes, and what may follow.

#include <gtest/gtest.h>

#include "device/kernel_case.hpp"

namespace hone::test::conv_whole_test {

constexpr const char* kKernel = "cpu.conv.whole";

TEST_P(KernelTest, ConvWhole) {
  for (const int64_t filters : {1, 7, 24, 130})
    for (const char* map : {"1,1", "3,3", "2,5"})
      expect_kernel(kKernel,
                    {cat("%x: f32[n,40,", map, "]"), "Conv(%x, @w, @b)",
                     cat("@w : f32[", filters, ",40,", map, "]\n  @b : f32[", filters, "]"), "%y",
                     each("n", {0, 1, 2, 15})});
  expect_kernel(kKernel, {"%x: f32[n,9,4]", "Conv(%x, @w) strides=[3]", "@w : f32[5,9,4]", "%y",
                          each("n", {1, 3})});
  expect_kernel(kKernel, {"%x: f32[n,1500,1,1]", "Conv(%x, @w) dilations=[2,2] strides=[2,2]",
                          "@w : f32[5,1500,1,1]", "%y", each("n", {1, 3})});
}

TEST_P(KernelTest, WhatFollowsConvWhole) {
  KernelCase given{"%x: f32[n,33,1,1]", "", "@w : f32[33,33,1,1]\n  @b : f32[33]", "%y",
                   each("n", {1, 4})};
  for (const char* conv : {"%c = Conv(%x, @w, @b)", "%c = Conv(%x, @w)"}) {
    given.before = {conv};
    for (const char* node : {"Relu(%c)", "Clip(%c, f32[]{-20}, f32[]{20})", "Add(%x, %c)",
                             "HardSigmoid(%c)", "Swish(%c)"}) {
      given.node = node;
      expect_kernel(kKernel, given);
    }
    given.before = {conv, "%s = Add(%c, %x)"};
    given.node = "Relu(%s)";
    expect_kernel(kKernel, given);
  }
}

TEST_P(KernelTest, ConvWholeSaysWhatItDoesNotRun) {
  const std::string no = "the window is not the whole map";
  EXPECT_EQ(refusal(kKernel, {"%x: f32[1,4,3,3]", "Conv(%x, @w)", "@w : f32[4,4,2,3]"}), no);
  EXPECT_EQ(refusal(kKernel, {"%x: f32[1,4,h,3]", "Conv(%x, @w)", "@w : f32[4,4,3,3]"}), no);
  EXPECT_EQ(refusal(kKernel, {"%x: f32[1,4,3,3]", "Conv(%x, @w) strides=[2,2] pads=[0,0,1,1]",
                              "@w : f32[4,4,3,3]"}),
            no);
  EXPECT_EQ(refusal(kKernel, {"%x: f32[1,40,1,1]", "Conv(%x, @w) group=2", "@w : f32[4,20,1,1]"}),
            "groups, or no weight at all");
}

}  // namespace hone::test::conv_whole_test
