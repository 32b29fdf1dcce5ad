// Convolution by gathered windows: three spatial dimensions, weights that are computed, what
// follows in one step.

#include <gtest/gtest.h>

#include "device/kernel_case.hpp"
#include "support/rng.hpp"

namespace hone::test::conv_columns_test {

constexpr const char* kKernel = "cpu.conv.im2col";

TEST_P(KernelTest, ConvolutionOfVolumes) {
  const std::vector<Bindings> sizes = {{{"n", 1}, {"d", 5}, {"h", 9}, {"w", 11}},
                                       {{"n", 2}, {"d", 3}, {"h", 3}, {"w", 40}},
                                       {{"n", 0}, {"d", 4}, {"h", 9}, {"w", 9}}};
  const std::string x = "%x: f32[n,6,d,h,w]";
  expect_kernel(kKernel,
                {x, "Conv(%x, @w) pads=[1,1,1,1,1,1]", "@w : f32[8,6,3,3,3]", "%y", sizes});
  expect_kernel(kKernel, {x, "Conv(%x, @w)", "@w : f32[33,6,1,1,1]", "%y", sizes});
  expect_kernel(kKernel, {x,
                          "Conv(%x, @w, @b) strides=[2,1,3] pads=[1,0,2,0,1,1] dilations=[2,1,2] "
                          "group=2",
                          "@w : f32[20,3,2,3,2]\n  @b : f32[20]", "%y", sizes});
  expect_kernel(kKernel,
                {x + ", %w: f32[12,1,3,2,3]",
                 "Conv(%x, %w) auto_pad=SAME_UPPER strides=[2,2,2] group=6", "", "%y", sizes});
}

TEST_P(KernelTest, ConvolutionOfRandomVolumes) {
  Rng rng(20261130);
  for (int i = 0; i < 20; ++i) {
    int64_t kernel[3], strides[3], dilations[3], pads[6];
    std::vector<Bindings> sizes(2);
    for (int d = 0; d < 3; ++d) {
      kernel[d] = rng.among({1, 2, 3}), strides[d] = rng.among({1, 1, 2, 3});
      dilations[d] = rng.among({1, 1, 2});
      const int64_t reach = (kernel[d] - 1) * dilations[d] + 1;
      for (const int side : {0, 3}) pads[d + side] = rng.below(std::min<int64_t>(reach + 1, 3));
      for (Bindings& each : sizes) each[std::string(1, "dhw"[d])] = reach + rng.between(0, 6);
    }
    sizes[1]["w"] += 40;
    const int64_t group = rng.among({1, 1, 2, 4}), filters = group * rng.between(1, 9);
    const std::string fields =
        cat(" strides=[", join(strides, ","), "] dilations=[", join(dilations, ","), "] pads=[",
            join(pads, ","), "] group=", group);
    const std::string weight = cat("f32[", filters, ",", 8 / group, ",", join(kernel, ","), "]");
    SCOPED_TRACE(cat(weight, fields));
    expect_kernel(kKernel,
                  {"%x: f32[2,8,d,h,w]", "Conv(%x, @w)" + fields, "@w : " + weight, "%y", sizes});
    expect_kernel(kKernel,
                  {"%x: f32[2,8,d,h,w], %w: " + weight, "Conv(%x, %w)" + fields, "", "%y", sizes});
  }
}

TEST_P(KernelTest, ConvolutionWithComputedWeight) {
  const std::vector<Bindings> sizes = {{{"n", 1}, {"h", 9}, {"w", 11}},
                                       {{"n", 2}, {"h", 3}, {"w", 40}},
                                       {{"n", 0}, {"h", 9}, {"w", 9}}};
  const auto convolves = [&](const std::string& weight, const std::string& fields) {
    SCOPED_TRACE(cat(weight, fields));
    expect_kernel(kKernel, {"%x: f32[n,6,h,w], %w: f32[" + weight + "], %b: f32[12]",
                            "Conv(%x, %w, %b)" + fields, "", "%y", sizes});
  };
  convolves("12,6,3,3", " pads=[1,1,1,1]");
  convolves("12,6,1,1", "");
  convolves("12,3,3,2", " strides=[2,3] pads=[0,2,1,0] dilations=[1,2] group=2");
  convolves("12,1,3,3", " auto_pad=SAME_LOWER strides=[2,2] group=6");
  expect_kernel(kKernel, {"%x: f32[1,100,5,w], %w: f32[230,100,3,3]", "Conv(%x, %w) pads=[1,1,1,1]",
                          "", "%y", each("w", {1, 60})});
  expect_kernel(kKernel, {"%x: f32[2,4,l], %w: f32[6,4,5]", "Conv(%x, %w) strides=[2] pads=[2,1]",
                          "", "%y", each("l", {3, 30})});
}

TEST_P(KernelTest, DepthwiseConvolutionWithComputedWeight) {
  const std::vector<Bindings> sizes = {{{"n", 1}, {"w", 11}}, {{"n", 2}, {"w", 40}}};
  for (const char* fields : {"", " pads=[1,1,1,1]", " strides=[2,1] dilations=[1,2]"})
    expect_kernel("cpu.conv.depthwise", {"%x: f32[n,6,9,w], %k: f32[6,1,3,3], %b: f32[6]",
                                         cat("Conv(%x, %k, %b) group=6", fields), "", "%y", sizes});
  expect_kernel("cpu.conv.depthwise",
                {"%x: f32[n,6,w], %k: f32[6,1,5]", "Conv(%x, %k) group=6", "", "%y", sizes});
  EXPECT_EQ(
      refusal("cpu.conv.depthwise", {"%x: f32[1,2,3,3], %k: f32[2,1,k,3]", "Conv(%x, %k) group=2"}),
      "the weight's shape is open");
}

TEST_P(KernelTest, ConvolutionAndWhatFollows) {
  const std::vector<Bindings> sizes = {{{"n", 1}, {"w", 7}}, {{"n", 2}, {"w", 50}}};
  const std::string x = "%x: f32[n,3,4,5,w], %s: f32[n,13,4,5,w]";
  const std::string conv = "%a = Conv(%x, @w, @b) pads=[1,1,1,1,1,1]";
  const std::string weights = "@w : f32[13,3,3,3,3]\n  @b : f32[13]";
  expect_kernel(kKernel,
                {x, "Relu(%c)", weights, "%y", sizes, {}, 1e-5, {conv, "%c = Add(%a, %s)"}});
  expect_kernel(kKernel, {x,
                          "Sigmoid(%c)",
                          weights,
                          "%y",
                          sizes,
                          {},
                          1e-5,
                          {conv, "%c = Clip(%a, f32[]{-0.5}, f32[]{6})"}});
  expect_kernel(kKernel, {"%x: f32[n,3,5,w], %w: f32[13,3,3,3]",
                          "Relu(%a)",
                          "",
                          "%y",
                          sizes,
                          {},
                          1e-5,
                          {"%a = Conv(%x, %w) pads=[1,1,1,1]"}});
}

TEST_P(KernelTest, TransposedConvolutionOfVolumes) {
  const std::vector<Bindings> sizes = {{{"n", 1}, {"d", 3}, {"w", 7}},
                                       {{"n", 2}, {"d", 1}, {"w", 40}}};
  const std::string x = "%x: f32[n,6,d,4,w]", kernel = "cpu.conv_transpose";
  expect_kernel(kernel, {x, "ConvTranspose(%x, @w)", "@w : f32[6,8,2,3,2]", "%y", sizes});
  expect_kernel(kernel, {x,
                         "ConvTranspose(%x, @w, @b) strides=[3,2,3] pads=[1,1,0,0,2,1] "
                         "dilations=[1,2,1] output_padding=[0,1,2] group=2",
                         "@w : f32[6,5,3,3,4]\n  @b : f32[10]", "%y", sizes});
}

TEST(ConvolutionByColumns, RefusesWhatItCannotRun) {
  EXPECT_EQ(refusal(kKernel, {"%x: f32[1,2,3,3], %w: f32[k,2,3,3]", "Conv(%x, %w)"}),
            "the weight's shape is open");
  EXPECT_EQ(refusal(kKernel, {"%x: f32[1,2,2,2,2,2]", "Conv(%x, @w)", "@w : f32[2,2,1,1,1,1]"}),
            "one to three spatial dimensions only");
}

}  // namespace hone::test::conv_columns_test
