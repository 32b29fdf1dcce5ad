// Depthwise convolution against reference evaluation: windows of every kind over maps of every
// size.

#include <gtest/gtest.h>

#include "device/kernel_case.hpp"
#include "support/rng.hpp"

namespace hone::test::depthwise_test {

constexpr const char* kKernel = "cpu.conv.depthwise";

TEST_P(KernelTest, DepthwiseOfRandomWindows) {
  Rng rng(20261130);
  for (int i = 0; i < 60; ++i) {
    const int64_t channels = rng.among({1, 3, 8, 17});
    const int64_t kh = rng.among({1, 2, 3, 5, 7, 9, 11, 13}), kw = rng.among({1, 2, 3, 5, 7, 11});
    const int64_t sy = rng.among({1, 1, 2, 3}), sx = rng.among({1, 1, 2, 2, 3, 5});
    const int64_t dy = rng.among({1, 1, 2}), dx = rng.among({1, 1, 2, 3});
    std::vector<int64_t> pads;
    for (int side = 0; side < 4; ++side) pads.push_back(rng.between(0, 3));
    std::string fields =
        cat(" group=", channels, " strides=[", sy, ",", sx, "] dilations=[", dy, ",", dx, "]");
    if (rng.percent(70)) fields += cat(" pads=[", join(pads, ","), "]");
    else fields += rng.percent(50) ? " auto_pad=SAME_UPPER" : " auto_pad=SAME_LOWER";
    const bool biased = rng.percent(50);
    std::vector<Bindings> sizes;  // each at least as large as the window
    for (int j = 0; j < 2; ++j)
      sizes.push_back({{"n", rng.among({1, 1, 2, 0})},
                       {"h", (kh - 1) * dy + 1 + rng.between(0, 40)},
                       {"w", (kw - 1) * dx + 1 + rng.between(0, 140)}});
    std::string weights = cat("@w : f32[", channels, ",1,", kh, ",", kw, "]");
    if (biased) weights += cat("\n  @b : f32[", channels, "]");
    SCOPED_TRACE(cat("window ", i, fields, " kernel ", kh, "x", kw));
    expect_kernel(kKernel,
                  {cat("%x: f32[n,", channels, ",h,w]"),
                   cat("Conv(%x, @w", biased ? ", @b" : "", ")", fields), weights, "%y", sizes});
  }
}

TEST_P(KernelTest, DepthwiseAndWhatFollows) {
  for (const char* strides : {"[1,1]", "[2,2]"}) {
    KernelCase given{"%x: f32[2,3,h,w], %z: f32[2,3,h,w]",
                     "Sigmoid(%d)",
                     "@w : f32[3,1,5,5]\n  @b : f32[3]",
                     "%y",
                     {{{"h", 9}, {"w", 20}}, {{"h", 40}, {"w", 7}}}};
    const bool halves = strides[1] == '2';
    given.before = {cat("%c = Conv(%x, @w, @b) group=3 pads=[2,2,2,2] strides=", strides)};
    if (halves) {
      given.inputs = "%x: f32[2,3,h,w]";
      given.before.push_back("%d = Clip(%c, f32[]{-0.5}, f32[]{0.75})");
    } else {
      given.before.push_back("%s = Add(%c, %z)");
      given.before.push_back("%d = Relu(%s)");
    }
    expect_kernel(kKernel, given);
  }
}

TEST_P(KernelTest, DepthwiseOfLines) {
  for (const char* fields : {"pads=[15,15]", "strides=[2] pads=[3,0]",
                             "dilations=[4] auto_pad=SAME_UPPER", "strides=[5] dilations=[2]"})
    for (const int64_t taps : {1, 3, 31})
      expect_kernel(kKernel,
                    {"%x: f32[n,6,w]",
                     cat("Conv(%x, @w, @b) group=6 ", fields),
                     cat("@w : f32[6,1,", taps, "]\n  @b : f32[6]"),
                     "%y",
                     {{{"n", 1}, {"w", 400}}, {{"n", 3}, {"w", 125}}, {{"n", 0}, {"w", 200}}}});
}

TEST_P(KernelTest, DepthwiseOfWideMaps) {
  // Several bands of rows, several vectors a row; one result a row.
  for (const char* strides : {"[1,1]", "[2,2]"})
    expect_kernel(kKernel, {"%x: f32[1,2,h,w]",
                            cat("Conv(%x, @w) group=2 pads=[1,1,1,1] strides=", strides),
                            "@w : f32[2,1,3,3]",
                            "%y",
                            {{{"h", 70}, {"w", 300}}, {{"h", 33}, {"w", 1}}}});
  // Dilated so far that most of the window hangs over the edges.
  expect_kernel(kKernel,
                {"%x: f32[1,3,20,w]", "Conv(%x, @w) group=3 pads=[24,24,24,24] dilations=[24,24]",
                 "@w : f32[3,1,3,3]", "%y", each("w", {20, 7})});
}

}  // namespace hone::test::depthwise_test
