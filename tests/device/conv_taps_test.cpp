// Convolution by elements of the kernel: windows that see mostly padding, maps whose vectors end
// beyond them, strides, groups, and what may follow.

#include <gtest/gtest.h>

#include "device/kernel_case.hpp"

namespace hone::test::conv_taps_test {

constexpr const char* kKernel = "cpu.conv.taps";

class ConvTaps : public KernelTest {};
INSTANTIATE_TEST_SUITE_P(Isas, ConvTaps, testing::Values(cpu::Isa::avx2, cpu::Isa::avx512),
                         [](const auto& info) { return std::string(name(info.param)); });

KernelCase padded(const std::string& input, const std::string& fields, const std::string& weights,
                  std::vector<int64_t> images = {1, 2}) {
  return {cat("%x: f32[n,", input, "]"), cat("Conv(%x, @w) ", fields), weights, "%y",
          each("n", images)};
}

TEST_P(ConvTaps, DilationsAboutAsLargeAsTheMap) {
  for (const int64_t d : {5, 9, 12})
    for (const char* map : {"20,9,9", "17,12,8", "16,16,16", "16,11,13", "16,8,40"})
      expect_kernel(
          kKernel,
          padded(map, cat("dilations=[", d, ",", d, "] pads=[", d, ",", d, ",", d, ",", d, "]"),
                 cat("@w : f32[23,", std::string(map).substr(0, 2), ",3,3]"), {0, 1, 2}));
}

TEST_P(ConvTaps, NoElementSeesTheInput) {
  // The middle one does not, and no other is in reach of an output.
  expect_kernel(kKernel,
                padded("16,9,9", "dilations=[20,20] pads=[10,10,40,40]", "@w : f32[5,16,3,3]"));
  expect_kernel(kKernel, padded("16,9,9", "pads=[12,12,12,12]", "@w : f32[5,16,1,1]"));
}

TEST_P(ConvTaps, StridesWindowsGroupsAndLines) {
  expect_kernel(kKernel, padded("16,20,20", "strides=[2,2] dilations=[12,12] pads=[12,12,12,12]",
                                "@w : f32[9,16,3,3]"));
  expect_kernel(kKernel, padded("16,20,33", "strides=[1,3] dilations=[11,16] pads=[22,32,22,32]",
                                "@w : f32[9,16,5,5]"));
  expect_kernel(
      kKernel, padded("48,10,10", "dilations=[7,7] pads=[7,7,7,7] group=3", "@w : f32[30,16,3,3]"));
  expect_kernel(kKernel, padded("16,50", "dilations=[40] pads=[40,40]", "@w : f32[7,16,3]"));
  expect_kernel(kKernel,
                padded("16,12,12", "dilations=[9,9] auto_pad=SAME_LOWER", "@w : f32[7,16,2,4]"));
}

TEST_P(ConvTaps, ManyChannelsFiltersAndPixels) {
  expect_kernel(kKernel,
                padded("700,12,12", "dilations=[8,8] pads=[8,8,8,8]", "@w : f32[61,700,3,3]", {1}));
  expect_kernel(kKernel, padded("24,60,70", "dilations=[50,50] pads=[50,50,50,50]",
                                "@w : f32[15,24,3,3]", {1}));
}

TEST_P(ConvTaps, WhatFollows) {
  const std::string conv = "%c = Conv(%x, @w, @b) dilations=[6,6] pads=[6,6,6,6]";
  KernelCase given = padded("16,9,9", "", "@w : f32[16,16,3,3]\n  @b : f32[16]");
  given.before = {conv};
  for (const char* node : {"Relu(%c)", "Clip(%c, f32[]{-20}, f32[]{20})", "Clip(%c, _, f32[]{10})",
                           "Add(%x, %c)", "Swish(%c)"}) {
    given.node = node;
    expect_kernel(kKernel, given);
  }
  given.before = {conv, "%s = Add(%c, %x)"};
  for (const char* node : {"Relu(%s)", "Sigmoid(%s)"}) {
    given.node = node;
    expect_kernel(kKernel, given);
  }
}

TEST_P(ConvTaps, SaysWhatItDoesNotRun) {
  const std::string weights = "@w : f32[16,16,3,3]";
  const std::string wide = "dilations=[6,6] pads=[6,6,6,6]";
  EXPECT_EQ(refusal(kKernel, padded("16,9,9", "pads=[1,1,1,1]", weights)),
            "windows see little padding");
  EXPECT_EQ(refusal(kKernel, padded("16,h,9", wide, weights)),
            "the weight is no constant, or sizes are open");
  EXPECT_EQ(refusal(kKernel, padded("4,9,9", wide, "@w : f32[16,4,3,3]")),
            "few channels, or large maps");
}

}  // namespace hone::test::conv_taps_test
