// Convolution by generated kernels: the shapes that its tiles, patches and masks tell apart, and
// what may follow it in one step.

#include <gtest/gtest.h>

#include "device/kernel_case.hpp"

namespace hone::test::conv_direct_test {

constexpr const char* kKernel = "cpu.conv.direct";

class ConvDirect : public KernelTest {};
INSTANTIATE_TEST_SUITE_P(Isas, ConvDirect, testing::Values(cpu::Isa::avx2, cpu::Isa::avx512),
                         [](const auto& info) { return std::string(name(info.param)); });

std::vector<Bindings> sizes(std::initializer_list<std::array<int64_t, 3>> all) {
  std::vector<Bindings> made;
  for (const auto& [n, h, w] : all) made.push_back({{"n", n}, {"h", h}, {"w", w}});
  return made;
}

TEST_P(ConvDirect, EveryNumberOfFilters) {
  for (const int64_t filters : {1, 2, 3, 4, 6, 7, 9, 14, 15, 29, 61})
    expect_kernel(kKernel, {"%x: f32[n,5,h,w]", "Conv(%x, @w, @b) pads=[1,1,1,1]",
                            cat("@w : f32[", filters, ",5,3,3]\n  @b : f32[", filters, "]"), "%y",
                            sizes({{1, 7, 7}, {2, 5, 33}})});
}

TEST_P(ConvDirect, WindowsStridesAndPadding) {
  const auto places = sizes({{1, 13, 17}, {2, 14, 14}, {1, 9, 50}});
  for (const char* fields :
       {"pads=[1,1,1,1]", "", "pads=[2,0,0,1]", "pads=[0,3,1,0]", "strides=[2,2] pads=[1,1,1,1]",
        "strides=[1,2]", "strides=[3,1] pads=[1,2,3,4]", "strides=[4,3] pads=[1,0,0,1]",
        "dilations=[2,3] pads=[2,3,2,3]", "dilations=[3,2] strides=[2,3] pads=[4,4,4,4]",
        "auto_pad=SAME_LOWER strides=[2,2]"})
    expect_kernel(kKernel, {"%x: f32[n,4,h,w]", cat("Conv(%x, @w) ", fields), "@w : f32[8,4,3,3]",
                            "%y", places});
  // Padding on both sides that is larger than the window.
  expect_kernel(kKernel, {"%x: f32[n,3,h,w]", "Conv(%x, @w, @b) pads=[1,2,4,4]",
                          "@w : f32[4,3,1,1]\n  @b : f32[4]", "%y", places});
  expect_kernel(kKernel, {"%x: f32[n,3,h,w]", "Conv(%x, @w) pads=[5,6,7,8]", "@w : f32[4,3,3,3]",
                          "%y", places});
  expect_kernel(kKernel, {"%x: f32[n,3,h,w]", "Conv(%x, @w) strides=[2,2] pads=[3,3,3,3]",
                          "@w : f32[16,3,7,7]", "%y", places});
  expect_kernel(kKernel, {"%x: f32[n,6,h,w]", "Conv(%x, @w) strides=[2,2]", "@w : f32[20,6,1,1]",
                          "%y", places});
  expect_kernel(kKernel,
                {"%x: f32[n,24,h,w]", "Conv(%x, @w)", "@w : f32[40,24,1,1]", "%y", places});
  expect_kernel(kKernel, {"%x: f32[n,12,h,w]", "Conv(%x, @w) group=3 pads=[1,1,1,1]",
                          "@w : f32[6,4,3,3]", "%y", places});
}

TEST_P(ConvDirect, Depthwise) {
  const auto places = sizes({{1, 7, 7}, {2, 14, 14}, {1, 9, 50}, {1, 12, 5}, {0, 8, 8}});
  for (const char* fields :
       {"pads=[1,1,1,1]", "pads=[1,1,0,0]", "pads=[0,1,2,1]", "strides=[2,2] pads=[1,1,1,1]",
        "strides=[1,2] pads=[2,2,1,1]", "strides=[2,1] pads=[1,1,1,1]",
        "dilations=[2,2] pads=[2,2,2,2]", "strides=[3,3] pads=[1,1,1,1]"})
    expect_kernel(kKernel, {"%x: f32[n,37,h,w]", cat("Conv(%x, @w) group=37 ", fields),
                            "@w : f32[37,1,3,3]", "%y", places});
  for (const char* fields : {"pads=[2,2,2,2]", "pads=[2,2,2,2] strides=[2,2]"})
    expect_kernel(kKernel, {"%x: f32[n,5,h,w]", cat("Conv(%x, @w, @b) group=5 ", fields),
                            "@w : f32[5,1,5,5]\n  @b : f32[5]", "%y", places});
  expect_kernel(kKernel, {"%x: f32[n,3,h,w]", "Conv(%x, @w) group=3 pads=[3,3,3,3]",
                          "@w : f32[3,1,7,7]", "%y", places});
  expect_kernel(kKernel, {"%x: f32[1,2,300,200]", "Conv(%x, @w) group=2 pads=[1,1,1,1]",
                          "@w : f32[2,1,3,3]"});
  expect_kernel(kKernel, {"%x: f32[2,6,l]", "Conv(%x, @w) group=6 pads=[1,1]", "@w : f32[6,1,3]",
                          "%y", each("l", {3, 100})});
}

TEST_P(ConvDirect, DepthInSteps) {
  // More channels than one patch holds.
  expect_kernel(kKernel, {"%x: f32[1,1200,h,w]", "Conv(%x, @w) pads=[1,1,1,1]",
                          "@w : f32[3,1200,3,3]", "%y", sizes({{1, 3, 120}})});
  KernelCase relu{"%x: f32[1,1200,h,w], %z: f32[1,3,h,w]", "Relu(%s)", "@w : f32[3,1200,3,3]", "%y",
                  sizes({{1, 3, 120}})};
  relu.before = {"%c = Conv(%x, @w) pads=[1,1,1,1]", "%s = Add(%c, %z)"};
  expect_kernel(kKernel, relu);
}

TEST_P(ConvDirect, WhatFollows) {
  const auto places = sizes({{1, 7, 7}, {2, 6, 40}});
  for (const char* window : {"@w) pads=[1,1,1,1]", "@d) group=8 pads=[1,1,1,1]", "@p)"}) {
    KernelCase given{"%x: f32[n,8,h,w]", "", "", "%y", places};
    given.weights = "@w : f32[8,8,3,3]\n  @d : f32[8,1,3,3]\n  @p : f32[8,8,1,1]";
    const std::string conv = cat("%c = Conv(%x, ", window);
    given.before = {conv};
    for (const char* node :
         {"Relu(%c)", "Clip(%c, f32[]{-20}, f32[]{20})", "Clip(%c, _, f32[]{10})", "Add(%x, %c)",
          "Swish(%c)", "HardSwish(%c)"}) {
      given.node = node;
      expect_kernel(kKernel, given);
    }
    given.before = {conv, "%s = Add(%c, %x)"};
    for (const char* node : {"Relu(%s)", "Sigmoid(%s)"}) {
      given.node = node;
      expect_kernel(kKernel, given);
    }
    given.sizes = sizes({{1, 30, 41}});  // tiles are smaller where a function follows
    expect_kernel(kKernel, given);
  }
}

TEST_P(ConvDirect, SaysWhatItDoesNotRun) {
  const std::string x = "%x: f32[1,4,9,9]";
  KernelCase given{x, "Add(%r, %x)", "@w : f32[4,4,1,1]"};
  given.before = {"%c = Conv(%x, @w)", "%r = Relu(%c)"};
  EXPECT_EQ(refusal(kKernel, given),
            "only a sum, then clipping, then functions of one operand follow in one step");
  EXPECT_EQ(refusal(kKernel, {x + ", %w: f32[4,4,1,1]", "Conv(%x, %w)"}),
            "the weight is no constant");
  EXPECT_EQ(refusal(kKernel, {"%x: f32[1,4,9000,9]", "Conv(%x, @w) dilations=[4000,1]",
                              "@w : f32[4,4,3,1]"}),
            "the window reaches too far");
}

}  // namespace hone::test::conv_direct_test
