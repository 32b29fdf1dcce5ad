// Depthwise convolution of channels side by side against reference evaluation: windows of every
// kind in one to three dimensions, any number of channels.

#include <gtest/gtest.h>

#include "device/kernel_case.hpp"
#include "support/rng.hpp"

namespace hone::test::conv_side_by_side_test {

constexpr const char* kKernel = "cpu.conv.side_by_side";

std::string list(const std::vector<int64_t>& values) { return cat("[", join(values, ","), "]"); }

/// A convolution over maps of at least the window's size, some of them wider than a tile.
KernelCase random_case(Rng& rng) {
  const int64_t channels = rng.among({1, 3, 8, 16, 17, 35}), axes = rng.among({1, 2, 2, 2, 3});
  std::vector<int64_t> strides, dilations, pads, kernel, sizes;
  for (int64_t i = 0; i < axes; ++i) {
    strides.push_back(rng.among({1, 1, 2, 3}));
    dilations.push_back(rng.among({1, 1, 2, 3}));
    kernel.push_back(axes == 3 ? rng.among({1, 2, 3, 4}) : rng.among({1, 2, 3, 5, 7, 11}));
    sizes.push_back((kernel.back() - 1) * dilations.back() + 1 +
                    rng.between(0, axes == 1   ? 900
                                   : axes == 2 ? 60
                                               : 9));
  }
  for (int64_t i = 0; i < 2 * axes; ++i) pads.push_back(rng.between(0, 6));
  std::string fields =
      cat(" group=", channels, " strides=", list(strides), " dilations=", list(dilations));
  if (rng.percent(70)) fields += cat(" pads=", list(pads));
  else fields += rng.percent(50) ? " auto_pad=SAME_UPPER" : " auto_pad=SAME_LOWER";
  const bool biased = rng.percent(50);
  std::string weights = cat("@w : f32[", channels, ",1,", join(kernel, ","), "]");
  if (biased) weights += cat("\n  @b : f32[", channels, "]");
  return {cat("%x: f32[n,", channels, ",", join(sizes, ","), "]"),
          cat("Conv(%x, @w", biased ? ", @b" : "", ")", fields), weights, "%y",
          each("n", {1, 2, 0})};
}

TEST_P(KernelTest, SideBySideOfRandomWindows) {
  Rng rng(20261201);
  for (int i = 0; i < 40; ++i) {
    const KernelCase given = random_case(rng);
    SCOPED_TRACE(cat(i, ": ", given.inputs, " ", given.node, " ", given.weights));
    expect_kernel(kKernel, given);
  }
}

TEST_P(KernelTest, SideBySideOfSeveralTiles) {
  for (const char* strides : {"[1,1]", "[2,2]"})
    for (const char* size : {"112,112", "30,300", "200,9"})
      expect_kernel(kKernel, {cat("%x: f32[n,19,", size, "]"),
                              cat("Conv(%x, @w) group=19 pads=[2,2,2,2] strides=", strides),
                              "@w : f32[19,1,5,5]", "%y", each("n", {1})});
  expect_kernel(
      kKernel, {"%x: f32[n,17,9,40,40]", "Conv(%x, @w) group=17 pads=[1,1,1,1,1,1] strides=[2,1,1]",
                "@w : f32[17,1,3,3,3]", "%y", each("n", {1})});
}

TEST_P(KernelTest, SideBySideAndWhatFollows) {
  for (const char* strides : {"[1,1]", "[2,2]"}) {
    KernelCase given{"%x: f32[2,19,9,20]", "Sigmoid(%d)", "@w : f32[19,1,5,5]\n  @b : f32[19]"};
    given.before = {cat("%c = Conv(%x, @w, @b) group=19 pads=[2,2,2,2] strides=", strides)};
    if (strides[1] == '2') {
      given.before.push_back("%d = Clip(%c, f32[]{-0.5}, f32[]{0.75})");
    } else {
      given.inputs += ", %z: f32[2,19,9,20]";
      given.before.push_back("%s = Add(%c, %z)");
      given.before.push_back("%d = Relu(%s)");
    }
    expect_kernel(kKernel, given);
  }
}

TEST_P(KernelTest, SideBySideSaysWhatItDoesNotRun) {
  EXPECT_EQ(refusal(kKernel, {"%x: f32[1,4,9,9]", "Conv(%x, @w) group=2", "@w : f32[4,2,3,3]"}),
            "not one filter a channel");
  EXPECT_EQ(refusal(kKernel, {"%x: f32[1,4,h,9]", "Conv(%x, @w) group=4", "@w : f32[4,1,3,3]"}),
            "the weight is no constant, or sizes are open");
  EXPECT_EQ(refusal(kKernel, {"%x: f32[1,4,9,9999]", "Conv(%x, @w) group=4", "@w : f32[4,1,3,3]"}),
            "one row of results reads too much");
}

}  // namespace hone::test::conv_side_by_side_test
