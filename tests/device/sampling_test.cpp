// Kernels that read at places which an operand gives, against reference evaluation.

#include <gtest/gtest.h>

#include "device/kernel_case.hpp"

namespace hone::test::sampling_test {

TEST_P(KernelTest, GridSample) {
  const std::vector<Bindings> sizes = {{{"n", 2}, {"c", 3}, {"h", 5}, {"w", 7}, {"k", 9}},
                                       {{"n", 1}, {"c", 1}, {"h", 1}, {"w", 4}, {"k", 70}},
                                       {{"n", 1}, {"c", 0}, {"h", 2}, {"w", 4}, {"k", 3}}};
  for (const char* mode : {"linear", "nearest", "cubic"})
    for (const char* padding : {"zeros", "border", "reflection"})
      for (const char* corners : {"false", "true"}) {
        const std::string fields =
            cat(" mode=", mode, " padding_mode=", padding, " align_corners=", corners);
        for (const double reach : {1.0, 3.0}) {
          const std::map<std::string, ElementBounds> bounds = {{"g", {-reach, reach}}};
          expect_kernel("cpu.grid_sample",
                        {"%x: f32[n,c,h,w], %g: f32[n,3,k,2]", "GridSample(%x, %g)" + fields, "",
                         "%y", sizes, bounds});
          expect_kernel("cpu.grid_sample",
                        {"%x: f32[n,c,w], %g: f32[n,k,1]", "GridSample(%x, %g)" + fields, "", "%y",
                         sizes, bounds});
          if (std::string(mode) != "cubic")
            expect_kernel("cpu.grid_sample",
                          {"%x: f32[n,c,h,w,3], %g: f32[n,3,k,2,3]", "GridSample(%x, %g)" + fields,
                           "", "%y", sizes, bounds});
        }
        expect_kernel("cpu.grid_sample",
                      {"%x: f32[1,2,3,3]",
                       "GridSample(%x, f32[1,1,5,2]{nan,0,inf,-inf,0,nan,1e30,0,0,0})" + fields});
      }
  // An element outside counts as zero, though an infinity is beside it.
  expect_kernel("cpu.grid_sample", {"%g: f32[1,4,4,2]",
                                    "GridSample(f32[1,1,2,2]{inf,nan,1,2}, %g)",
                                    "",
                                    "%y",
                                    {{}},
                                    {{"g", {-2, 2}}}});
  EXPECT_EQ(refusal("cpu.grid_sample",
                    {"%x: f32[1,1,3,3,3], %g: f32[1,2,2,2,3]", "GridSample(%x, %g) mode=cubic"}),
            "more axes, or elements for each place, than it takes");
}

TEST_P(KernelTest, RoiAlign) {
  const std::vector<Bindings> sizes = {{{"c", 3}, {"h", 9}, {"w", 12}, {"r", 7}},
                                       {{"c", 70}, {"h", 1}, {"w", 5}, {"r", 2}},
                                       {{"c", 2}, {"h", 4}, {"w", 5}, {"r", 0}}};
  for (const char* mode : {"avg", "max"})
    for (const char* coordinates : {"half_pixel", "output_half_pixel"})
      for (const char* fields :
           {"output_height=3 output_width=2 sampling_ratio=2", "output_height=1 output_width=4",
            "output_height=5 output_width=5 spatial_scale=0.5",
            "output_height=2 output_width=2 spatial_scale=100"})
        for (const char* images : {"i64", "i32"})
          expect_kernel("cpu.roi_align",
                        {cat("%x: f32[2,c,h,w], %b: f32[r,4], %i: ", images, "[r]"),
                         cat("RoiAlign(%x, %b, %i) mode=", mode,
                             " coordinate_transformation_mode=", coordinates, " ", fields),
                         "",
                         "%y",
                         sizes,
                         {{"b", {-3, 14}}, {"i", {0, 1.99}}}});
  EXPECT_NE(kernel_error("cpu.roi_align",
                         {"%x: f32[2,1,4,4], %b: f32[1,4]", "RoiAlign(%x, %b, i64[1]{2})"})
                .find("region 0 is of image 2 of 2"),
            std::string::npos);
}

TEST_P(KernelTest, AffineGrid) {
  for (const char* type : {"f32", "f64"})
    for (const char* corners : {"false", "true"}) {
      const std::string fields = cat(" align_corners=", corners);
      expect_kernel("cpu.affine_grid", {cat("%x: ", type, "[n,2,3]"),
                                        cat("AffineGrid(%x) size=[n,5,h,w]", fields),
                                        "",
                                        "%y",
                                        {{{"n", 2}, {"h", 7}, {"w", 13}},
                                         {{"n", 1}, {"h", 1}, {"w", 1}},
                                         {{"n", 3}, {"h", 0}, {"w", 4}},
                                         {{"n", 1}, {"h", 90}, {"w", 101}}}});
      expect_kernel("cpu.affine_grid",
                    {cat("%x: ", type, "[n,3,4]"),
                     cat("AffineGrid(%x) size=[n,1,3,h,w]", fields),
                     "",
                     "%y",
                     {{{"n", 2}, {"h", 4}, {"w", 5}}, {{"n", 1}, {"h", 1}, {"w", 70}}}});
    }
  EXPECT_EQ(refusal("cpu.affine_grid", {"%x: f16[1,2,3]", "AffineGrid(%x) size=[1,1,4,4]"}),
            "f32 and f64 only");
}

TEST_P(KernelTest, RoiAlignOfWideImages) {
  // Boxes that are joined row by row, with pixels that are no numbers; one too large for that.
  for (const char* mode : {"avg", "max"})
    for (const char* fields :
         {"output_height=7 output_width=7 sampling_ratio=2", "output_height=3 output_width=5"})
      expect_kernel("cpu.roi_align", {"%x: f32[2,c,h,w], %b: f32[r,4], %i: i64[r]",
                                      cat("RoiAlign(%x, %b, %i) mode=", mode, " ", fields),
                                      "",
                                      "%y",
                                      {{{"c", 17}, {"h", 50}, {"w", 47}, {"r", 6}},
                                       {{"c", 5}, {"h", 70}, {"w", 80}, {"r", 3}}},
                                      {{"b", {-8, 90}}, {"i", {0, 1.99}}}});
  expect_kernel("cpu.roi_align",
                {"%b: f32[9,4]",
                 "RoiAlign(f32[1,1,2,3]{1,nan,-inf,2,-1,-3}, %b, i64[9]{0,0,0,0,0,0,0,0,0}) "
                 "mode=max output_height=2 output_width=2 sampling_ratio=2",
                 "",
                 "%y",
                 {{}},
                 {{"b", {-1, 3}}}});
}

TEST_P(KernelTest, MaxRoiPool) {
  for (const char* fields : {"pooled_shape=[7,7]", "pooled_shape=[1,3] spatial_scale=0.5",
                             "pooled_shape=[5,2] spatial_scale=3"})
    expect_kernel("cpu.max_roi_pool", {"%x: f32[2,c,h,w], %b: f32[r,5]",
                                       cat("MaxRoiPool(%x, %b) ", fields),
                                       "",
                                       "%y",
                                       {{{"c", 3}, {"h", 9}, {"w", 12}, {"r", 7}},
                                        {{"c", 37}, {"h", 20}, {"w", 41}, {"r", 9}},
                                        {{"c", 3}, {"h", 70}, {"w", 80}, {"r", 9}},
                                        {{"c", 2}, {"h", 1}, {"w", 1}, {"r", 2}},
                                        {{"c", 2}, {"h", 4}, {"w", 5}, {"r", 0}}},
                                       {{"b", {0, 1.99}}}});
  // Boxes of every kind: inside, partly outside, empty, the whole of a large image, no numbers.
  for (const auto& [height, width] : {std::pair{9, 12}, {40, 33}, {90, 80}})
    for (const char* boxes :
         {"0,0,0,8,8,1,3,2,11,7,0,-5,-5,4,30", "1,20,20,3,3,1,0.5,1.5,200,200,0,nan,1,inf,4"})
      expect_kernel("cpu.max_roi_pool",
                    {cat("%x: f32[2,19,", height, ",", width, "]"),
                     cat("MaxRoiPool(%x, f32[3,5]{", boxes, "}) pooled_shape=[3,4]")});
  expect_kernel("cpu.max_roi_pool", {"%r: f32[1]",
                                     "MaxRoiPool(f32[1,1,2,2]{-inf,nan,-inf,-1}, "
                                     "f32[2,5]{0,0,0,1,1,0,0,1,0,1}) pooled_shape=[2,2]"});
  EXPECT_NE(
      kernel_error("cpu.max_roi_pool",
                   {"%x: f32[2,1,4,4]", "MaxRoiPool(%x, f32[1,5]{2,0,0,1,1}) pooled_shape=[1,1]"})
          .find("region 0 is of image 2 of 2"),
      std::string::npos);
}

}  // namespace hone::test::sampling_test
