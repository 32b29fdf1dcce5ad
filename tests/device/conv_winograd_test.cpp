// Convolution by Winograd's transforms: tiles that the output does not fill, few and many of them,
// and what may follow.

#include <gtest/gtest.h>

#include "device/kernel_case.hpp"

namespace hone::test::conv_winograd_test {

constexpr const char* kKernel = "cpu.conv.winograd";

class ConvWinograd : public KernelTest {};
INSTANTIATE_TEST_SUITE_P(Isas, ConvWinograd, testing::Values(cpu::Isa::avx2, cpu::Isa::avx512),
                         [](const auto& info) { return std::string(name(info.param)); });

KernelCase square(const std::string& node, std::vector<std::array<int64_t, 3>> sizes) {
  KernelCase given{"%x: f32[n,16,h,w]", node, "@w : f32[16,16,3,3]\n  @b : f32[16]"};
  given.sizes.clear();
  for (const auto& [n, h, w] : sizes) given.sizes.push_back({{"n", n}, {"h", h}, {"w", w}});
  return given;
}

TEST_P(ConvWinograd, SizesAndPadding) {
  const std::vector<std::array<int64_t, 3>> sizes = {
      {1, 4, 4}, {1, 7, 7}, {2, 14, 14}, {1, 5, 70}, {1, 33, 30}, {0, 9, 9}, {1, 3, 3}};
  for (const char* fields : {"pads=[1,1,1,1]", "", "pads=[2,0,0,1]", "pads=[0,2,3,0]"})
    expect_kernel(kKernel, square(cat("Conv(%x, @w, @b) ", fields), sizes));
}

TEST_P(ConvWinograd, ManyFiltersAndChannels) {
  for (const char* shape : {"[61,16,3,3]", "[130,16,3,3]"}) {
    KernelCase given = square("Conv(%x, @w) pads=[1,1,1,1]", {{1, 9, 9}, {1, 40, 40}});
    given.weights = cat("@w : f32", shape);
    expect_kernel(kKernel, given);
  }
  KernelCase deep = square("Conv(%x, @w) pads=[1,1,1,1]", {{1, 14, 14}});
  deep.inputs = "%x: f32[n,600,h,w]";
  deep.weights = "@w : f32[17,600,3,3]";
  expect_kernel(kKernel, deep);
}

TEST_P(ConvWinograd, WhatFollows) {
  const std::vector<std::array<int64_t, 3>> sizes = {{2, 9, 11}};
  for (const char* node :
       {"Relu(%c)", "Clip(%c, f32[]{-20}, f32[]{20})", "Add(%x, %c)", "Swish(%c)"}) {
    KernelCase given = square(node, sizes);
    given.before = {"%c = Conv(%x, @w, @b) pads=[1,1,1,1]"};
    expect_kernel(kKernel, given);
  }
  KernelCase given = square("Relu(%s)", sizes);
  given.before = {"%c = Conv(%x, @w, @b) pads=[1,1,1,1]", "%s = Add(%c, %x)"};
  expect_kernel(kKernel, given);
}

TEST_P(ConvWinograd, SaysWhatItDoesNotRun) {
  const std::string x = "%x: f32[1,16,9,9]";
  EXPECT_EQ(refusal(kKernel, {x, "Conv(%x, @w)", "@w : f32[16,16,5,5]"}), "windows of 3x3 only");
  EXPECT_EQ(refusal(kKernel, {x, "Conv(%x, @w) strides=[2,2]", "@w : f32[16,16,3,3]"}),
            "strides, dilations or groups");
  EXPECT_EQ(refusal(kKernel, {x, "Conv(%x, @w)", "@w : f32[8,16,3,3]"}), "few channels or filters");
}

}  // namespace hone::test::conv_winograd_test
