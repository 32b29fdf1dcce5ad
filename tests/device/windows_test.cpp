// What reads or writes windows and is no plain convolution: DeformConv, Col2Im.

#include <gtest/gtest.h>

#include "device/kernel_case.hpp"
#include "support/rng.hpp"

namespace hone::test::windows_test {

TEST_P(KernelTest, DeformableConvolution) {
  const std::vector<Bindings> sizes = {{{"n", 1}, {"h", 5}, {"w", 7}},
                                       {{"n", 2}, {"h", 3}, {"w", 40}},
                                       {{"n", 0}, {"h", 4}, {"w", 4}}};
  const std::map<std::string, ElementBounds> far = {{"o", {-4, 4}}};  // many outside
  const std::map<std::string, ElementBounds> near = {{"o", {-0.4, 0.4}}};
  const std::string x = "%x: f32[n,6,h,w]", kernel = "cpu.deform_conv";
  for (const auto& bounds : {far, near}) {
    expect_kernel(kernel, {x + ", %o: f32[n,18,h,w]", "DeformConv(%x, @w, %o) pads=[1,1,1,1]",
                           "@w : f32[8,6,3,3]", "%y", sizes, bounds});
    expect_kernel(kernel, {x + ", %o: f32[n,4,h-1,w]", "DeformConv(%x, @w, %o)",
                           "@w : f32[5,6,2,1]", "%y", sizes, bounds});
  }
  expect_kernel(kernel, {x + ", %o: f32[n,36,h,w], %m: f32[n,18,h,w]",
                         "DeformConv(%x, @w, %o, @b, %m) pads=[1,1,1,1] offset_group=2 group=3",
                         "@w : f32[9,2,3,3]\n  @b : f32[9]", "%y", sizes, far});
  expect_kernel(kernel, {"%x: f32[2,6,9,w], %w: f32[4,3,3,2], %o: f32[2,36,4,27]",
                         "DeformConv(%x, %w, %o) strides=[2,3] dilations=[1,2] pads=[1,2,0,0] "
                         "offset_group=3 group=2",
                         "", "%y", each("w", {81}), far});
  // Several tiles of places, several blocks of the depth.
  expect_kernel(kernel,
                {"%x: f32[1,130,20,w], %o: f32[1,18,20,w]", "DeformConv(%x, @w, %o) pads=[1,1,1,1]",
                 "@w : f32[20,130,3,3]", "%y", each("w", {21}), far});
}

TEST(DeformableConvolution, ReadsNothingOutside) {
  // The only element is infinite: what lies beside it counts as nothing, not as 0 * inf.
  expect_kernel("cpu.deform_conv", {"",
                                    "DeformConv(f32[1,1,1,2]{inf,1}, f32[1,1,1,1]{1}, "
                                    "f32[1,2,1,2]{0,0,-0.5,1})"});
  EXPECT_EQ(refusal("cpu.deform_conv", {"%x: f32[1,2,3], %o: f32[1,1,3]", "DeformConv(%x, @w, %o)",
                                        "@w : f32[2,2,1]"}),
            "two spatial dimensions only");
}

TEST_P(KernelTest, BlocksOverImages) {
  const std::string kernel = "cpu.col2im";
  expect_kernel(kernel, {"%x: f32[n,18,(h-2)*(w-2)]",
                         "Col2Im(%x) image_shape=[h,w] block_shape=[3,3]",
                         "",
                         "%y",
                         {{{"n", 2}, {"h", 5}, {"w", 40}}, {{"n", 0}, {"h", 3}, {"w", 3}}}});
  expect_kernel(kernel, {"%x: f32[2,12,16]",
                         "Col2Im(%x) image_shape=[9,11] block_shape=[2,3] strides=[2,3] "
                         "dilations=[2,2] pads=[1,2,0,3]"});
  expect_kernel(kernel, {"%x: f32[1,8,12]",
                         "Col2Im(%x) image_shape=[14] block_shape=[4] "
                         "pads=[1,0]"});
  expect_kernel(kernel, {"%x: f32[1,24,30]",
                         "Col2Im(%x) image_shape=[3,4,7] block_shape=[2,2,3] "
                         "strides=[1,1,1]"});
}

}  // namespace hone::test::windows_test
