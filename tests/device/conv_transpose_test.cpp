// Transposed convolution against reference evaluation.

#include <gtest/gtest.h>

#include "device/kernel_case.hpp"
#include "support/rng.hpp"

namespace hone::test::conv_transpose_test {

TEST_P(KernelTest, TransposedConvolution) {
  const std::vector<Bindings> sizes = {{{"n", 1}, {"h", 5}, {"w", 7}},
                                       {{"n", 2}, {"h", 1}, {"w", 40}},
                                       {{"n", 0}, {"h", 3}, {"w", 3}}};
  const std::string x = "%x: f32[n,6,h,w]", kernel = "cpu.conv_transpose";
  expect_kernel(kernel, {x, "ConvTranspose(%x, @w)", "@w : f32[6,8,3,2]", "%y", sizes});
  expect_kernel(kernel, {x,
                         "ConvTranspose(%x, @w, @b) strides=[2,3] pads=[1,0,2,1] dilations=[2,1] "
                         "output_padding=[1,2]",
                         "@w : f32[6,5,3,4]\n  @b : f32[5]", "%y", sizes});
  expect_kernel(kernel, {x, "ConvTranspose(%x, @w) group=3 auto_pad=SAME_UPPER strides=[2,2]",
                         "@w : f32[6,2,3,3]", "%y", sizes});
  expect_kernel(kernel, {"%x: f32[2,4,l], %w: f32[4,3,5]",
                         "ConvTranspose(%x, %w, f32[3]{1,2,3}) strides=[3] output_shape=[60]", "",
                         "%y", each("l", {20})});
}

TEST_P(KernelTest, TransposedConvolutionOfRandomWindows) {
  Rng rng(20261203);
  for (int i = 0; i < 25; ++i) {
    const int64_t axes = rng.among({1, 2, 2, 3}), group = rng.among({1, 1, 2, 3});
    std::vector<int64_t> kernel, strides, dilations, pads, sizes;
    for (int64_t axis = 0; axis < axes; ++axis) {
      kernel.push_back(rng.between(1, axes == 3 ? 3 : 6));
      strides.push_back(rng.among({1, 2, 2, 3}));
      dilations.push_back(rng.among({1, 1, 2}));
      sizes.push_back(rng.between(2, axes == 3 ? 6 : 20));
    }
    // Less than the window: something is left.
    for (int64_t at = 0; at < 2 * axes; ++at)
      pads.push_back(rng.below(std::min<int64_t>(kernel[static_cast<size_t>(at % axes)], 3)));
    const std::string fields =
        cat("ConvTranspose(%x, @w) group=", group, " strides=[", join(strides, ","),
            "] dilations=[", join(dilations, ","), "] pads=[", join(pads, ","), "]");
    const std::string inputs = cat("%x: f32[n,", 7 * group, ",", join(sizes, ","), "]");
    SCOPED_TRACE(cat(i, ": ", inputs, " ", fields, " ", join(kernel, ",")));
    expect_kernel("cpu.conv_transpose",
                  {inputs, fields,
                   cat("@w : f32[", 7 * group, ",", rng.between(1, 9), ",", join(kernel, ","), "]"),
                   "%y", each("n", {1, 2})});
  }
}

/// One filter a channel: phases of results, of windows smaller and larger than the stride.
TEST_P(KernelTest, TransposedDepthwise) {
  const std::vector<Bindings> sizes = {{{"n", 1}, {"h", 5}, {"w", 7}},
                                       {{"n", 2}, {"h", 1}, {"w", 40}},
                                       {{"n", 0}, {"h", 3}, {"w", 3}}};
  const std::string x = "%x: f32[n,3,h,w]", kernel = "cpu.conv_transpose.planes";
  for (const char* fields :
       {"", " strides=[2,2]", " strides=[2,2] pads=[1,1,1,1]", " strides=[3,2] pads=[0,1,2,0]",
        " strides=[2,3] output_padding=[1,2]", " auto_pad=SAME_UPPER strides=[2,2]",
        " auto_pad=SAME_LOWER strides=[3,1]"})
    for (const char* window : {"4,4", "2,2", "3,3", "1,5", "2,1"}) {
      SCOPED_TRACE(cat(window, fields));
      if (std::string(fields).find("pads=[1,1,1,1]") != std::string::npos && window[0] < '3')
        continue;  // nothing would be left of one row
      if (std::string(fields).find("pads=[0,1,2,0]") != std::string::npos && window[0] < '3')
        continue;
      expect_kernel(kernel, {x, cat("ConvTranspose(%x, @w, @b) group=3", fields),
                             cat("@w : f32[3,1,", window, "]\n  @b : f32[3]"), "%y", sizes});
    }
  expect_kernel(kernel, {"%x: f32[2,3,l]", "ConvTranspose(%x, @w) group=3 strides=[8] pads=[4,4]",
                         "@w : f32[3,1,16]", "%y", each("l", {20, 2})});
  EXPECT_EQ(refusal(kernel, {x, "ConvTranspose(%x, @w) group=3 dilations=[2,1]",
                             "@w : f32[3,1,3,3]", "%y", sizes}),
            "dilated windows");
}

TEST_P(KernelTest, LargeTransposedConvolution) {
  // Of one pixel, from which every element of the weight goes to a place of its own.
  for (const char* fields : {"", " pads=[1,1,1,1]", " strides=[2,2] output_padding=[1,0]"})
    expect_kernel("cpu.conv_transpose",
                  {"%x: f32[n,33,1,1]", cat("ConvTranspose(%x, @w, @b) group=3", fields),
                   "@w : f32[33,700,4,3]\n  @b : f32[2100]", "%y", each("n", {1, 2})});
  // In several tiles of pixels, of filters and of a single filter's kernel.
  expect_kernel("cpu.conv_transpose",
                {"%x: f32[1,390,17,w]", "ConvTranspose(%x, @w) strides=[2,2] pads=[1,1,1,1]",
                 "@w : f32[390,3,4,4]", "%y", each("w", {1, 19})});
  expect_kernel("cpu.conv_transpose", {"%x: f32[1,3,l]", "ConvTranspose(%x, @w) strides=[100]",
                                       "@w : f32[3,2,450]", "%y", each("l", {3})});
  // Of no channels, the biases are all of the result.
  expect_kernel("cpu.conv_transpose",
                {"%x: f32[2,0,5,w]", "ConvTranspose(%x, @w, @b)",
                 "@w : f32[0,4,3,3]\n  @b : f32[4]", "%y", each("w", {1, 7})});
}

TEST(TransposedConvolution, RefusesWhatItCannotRun) {
  EXPECT_EQ(refusal("cpu.conv_transpose",
                    {"%x: f32[1,2,3,3,3,3]", "ConvTranspose(%x, @w)", "@w : f32[2,2,2,2,2,2]"}),
            "one to three spatial dimensions only");
  EXPECT_EQ(
      refusal("cpu.conv_transpose", {"%x: f64[1,2,3]", "ConvTranspose(%x, @w)", "@w : f64[2,2,2]"}),
      "f32 only");
  EXPECT_EQ(refusal("cpu.conv_transpose",
                    {"%x: f32[1,2,3], %w: f32[*]", "ConvTranspose(%x, %w)", "", "%y"}),
            "the weight's rank is unknown");
}

}  // namespace hone::test::conv_transpose_test
