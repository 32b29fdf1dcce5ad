// Pooling against reference evaluation.

#include <gtest/gtest.h>

#include "device/kernel_case.hpp"
#include "support/rng.hpp"

namespace hone::test::pool_test {

TEST_P(KernelTest, Pooling) {
  const std::vector<Bindings> sizes = {{{"n", 1}, {"h", 9}, {"w", 11}},
                                       {{"n", 2}, {"h", 4}, {"w", 40}},
                                       {{"n", 0}, {"h", 9}, {"w", 9}}};
  const auto pools = [&](const std::string& inputs, const std::string& node) {
    expect_kernel("cpu.pool", {inputs, node, "", "%y", sizes});
  };
  for (const char* op : {"MaxPool", "AveragePool"}) {
    const std::string x = "%x: f32[n,3,h,w]";
    pools(x, cat(op, "(%x) kernel_shape=[2,2] strides=[2,2]"));
    pools(x, cat(op, "(%x) kernel_shape=[3,3] strides=[2,2] pads=[1,1,1,1]"));
    pools(x, cat(op, "(%x) kernel_shape=[3,2] strides=[2,3] pads=[0,1,2,0] ceil_mode=true"));
    pools(x, cat(op, "(%x) kernel_shape=[2,3] dilations=[2,1] auto_pad=SAME_UPPER"));
    pools("%x: f32[n,w,h]", cat(op, "(%x) kernel_shape=[3] pads=[1,1]"));
  }
  pools("%x: f32[n,3,h,w]",
        "AveragePool(%x) kernel_shape=[3,3] pads=[1,1,1,1] count_include_pad=true strides=[2,2]");
  pools("%x: u8[n,3,h,w]", "MaxPool(%x) kernel_shape=[3,3] strides=[2,1] pads=[1,1,1,1]");
  pools("%x: i8[n,3,h,w]", "MaxPool(%x) kernel_shape=[3,3]");
}

TEST_P(KernelTest, PoolingOfRandomWindows) {
  Rng rng(20261201);
  for (int i = 0; i < 60; ++i) {
    const bool average = rng.percent(50), line = rng.percent(20);
    const int64_t kh = rng.among({1, 2, 3, 3, 5, 9}), kw = rng.among({1, 2, 3, 3, 5, 7});
    const int64_t sy = rng.among({1, 1, 2, 3}), sx = rng.among({1, 1, 2, 2, 3, 5});
    const int64_t dy = rng.among({1, 1, 2}), dx = rng.among({1, 1, 2, 3});
    const auto lists = [&](int64_t y, int64_t x) {
      return line ? cat("[", x, "]") : cat("[", y, ",", x, "]");
    };
    std::string fields = cat(" kernel_shape=", lists(kh, kw), " strides=", lists(sy, sx),
                             " dilations=", lists(dy, dx));
    const auto pad = [&](int64_t kernel, int64_t dilation) {  // less than the window
      return rng.below(std::min<int64_t>((kernel - 1) * dilation + 1, 4));
    };
    if (rng.percent(70))
      fields += cat(" pads=[", line ? "" : cat(pad(kh, dy), ","), pad(kw, dx), ",",
                    line ? "" : cat(pad(kh, dy), ","), pad(kw, dx), "]");
    else fields += rng.percent(50) ? " auto_pad=SAME_UPPER" : " auto_pad=SAME_LOWER";
    if (rng.percent(30)) fields += " ceil_mode=true";
    if (average && rng.percent(50)) fields += " count_include_pad=true";
    std::vector<Bindings> sizes;  // each at least as large as the window
    for (int j = 0; j < 2; ++j)
      sizes.push_back({{"n", rng.among({1, 1, 2, 0})},
                       {"h", (kh - 1) * dy + 1 + rng.between(0, 40)},
                       {"w", (kw - 1) * dx + 1 + rng.between(0, 140)}});
    SCOPED_TRACE(cat("window ", i, fields));
    expect_kernel("cpu.pool",
                  {line ? "%x: f32[n,h,w]" : "%x: f32[n,3,h,w]",
                   cat(average ? "AveragePool" : "MaxPool", "(%x)", fields), "", "%y", sizes});
  }
}

TEST_P(KernelTest, PoolingOfNan) {
  const std::string numbers = "f32[1,1,3,5]{1,nan,2,inf,0, 3,4,5,-inf,1, 9,8,7,6,nan}";
  for (const char* op : {"MaxPool", "AveragePool"})
    for (const char* fields : {" kernel_shape=[3,3] pads=[1,1,1,1]", " kernel_shape=[1,2]",
                               " kernel_shape=[2,2] strides=[2,2] pads=[0,1,1,0]"})
      expect_kernel("cpu.pool", {"", cat(op, "(", numbers, ")", fields)});
}

TEST_P(KernelTest, NormsOfWindows) {
  const std::vector<Bindings> sizes = {{{"n", 2}, {"h", 9}, {"w", 11}},
                                       {{"n", 1}, {"h", 3}, {"w", 40}},
                                       {{"n", 0}, {"h", 9}, {"w", 9}}};
  for (const int p : {1, 2, 3})
    for (const char* fields :
         {"kernel_shape=[3,3]", "kernel_shape=[2,3] strides=[2,3] pads=[1,2,0,1]",
          "kernel_shape=[3,2] dilations=[1,2] strides=[1,2] pads=[1,1,1,1] ceil_mode=true",
          "kernel_shape=[3,3] auto_pad=SAME_LOWER"})
      expect_kernel("cpu.lp_pool",
                    {"%x: f32[n,3,h,w]", cat("LpPool(%x) p=", p, " ", fields), "", "%y", sizes});
  expect_kernel("cpu.lp_pool", {"%x: f32[2,3,w]", "LpPool(%x) kernel_shape=[4] strides=[3]", "",
                                "%y", each("w", {4, 50})});
  for (const int p : {1, 2, 3})
    expect_kernel("cpu.lp_pool",
                  {"%x: f32[n,3,h,w]", cat("GlobalLpPool(%x) p=", p), "", "%y", sizes});
  EXPECT_EQ(refusal("cpu.lp_pool", {"%x: f32[1,2,4,4,4]", "LpPool(%x) kernel_shape=[2,2,2]"}),
            "one or two spatial dimensions only");
}

TEST_P(KernelTest, Unpooling) {
  KernelCase given{"%x: f32[2,3,h,5], %i: i64[2,3,h,5]",
                   "MaxUnpool(%x, %i) kernel_shape=[2,2] strides=[2,2]"};
  given.sizes = each("h", {0, 1, 7});
  given.bounds = {{"i", {0, 59}}};
  expect_kernel("cpu.max_unpool", given);
  given.inputs = "%x: f32[1,1,4,5], %i: i64[1,1,4,5]";
  given.node = "MaxUnpool(%x, %i) kernel_shape=[2,2] strides=[2,2] output_shape=[1,1,9,11]";
  given.sizes = {{}};
  given.bounds = {{"i", {0, 79}}};
  expect_kernel("cpu.max_unpool", given);
  given.bounds = {{"i", {80, 80}}};
  EXPECT_NE(kernel_error("cpu.max_unpool", given).find("offset 80 in 80 elements"),
            std::string::npos);
}

TEST_P(KernelTest, PlacesOfMaxima) {
  const std::vector<Bindings> sizes = {{{"n", 1}, {"h", 9}, {"w", 11}},
                                       {{"n", 2}, {"h", 4}, {"w", 700}},
                                       {{"n", 0}, {"h", 9}, {"w", 9}}};
  for (const char* results : {"%y, %p", "_, %p"})
    for (const char* order : {"", " storage_order=1"}) {
      const auto pools = [&](const std::string& inputs, const std::string& fields) {
        expect_kernel("cpu.pool.places",
                      {inputs, cat("MaxPool(%x)", fields, order), "", results, sizes});
      };
      pools("%x: f32[n,3,h,w]", " kernel_shape=[2,2] strides=[2,2]");
      pools("%x: f32[n,3,h,w]",
            " kernel_shape=[3,2] strides=[1,3] pads=[1,0,2,1] dilations=[1,2] ceil_mode=true");
      pools("%x: f32[n,3,w]", " kernel_shape=[3] pads=[1,1]");
      pools("%x: f32[n,2,3,h,w]", " kernel_shape=[2,2,3] pads=[1,0,1,0,1,1]");
      expect_kernel("cpu.pool.places",
                    {"",
                     cat("MaxPool(f32[1,1,2,5]{1,nan,nan,-inf,-inf,2,2,2,-inf,-inf}) "
                         "kernel_shape=[2,2]",
                         order),
                     "", results});
    }
}

TEST_P(KernelTest, PoolingOfVolumes) {
  Rng rng(20261209);
  for (int i = 0; i < 30; ++i) {
    const bool average = rng.percent(50);
    int64_t kernel[3], strides[3], dilations[3], pads[6];
    std::vector<Bindings> sizes(2);
    for (int d = 0; d < 3; ++d) {
      kernel[d] = rng.among({1, 2, 3}), strides[d] = rng.among({1, 2, 3});
      dilations[d] = rng.among({1, 1, 2});
      const int64_t reach = (kernel[d] - 1) * dilations[d] + 1;
      for (const int side : {0, 3}) pads[d + side] = rng.below(std::min<int64_t>(reach, 3));
      for (Bindings& each : sizes) each[std::string(1, "dhw"[d])] = reach + rng.between(0, 9);
    }
    sizes[1]["w"] += 40;
    std::string fields = cat(" kernel_shape=[", join(kernel, ","), "] strides=[",
                             join(strides, ","), "] dilations=[", join(dilations, ","), "]");
    if (rng.percent(70)) fields += cat(" pads=[", join(pads, ","), "]");
    else fields += " auto_pad=SAME_LOWER";
    if (rng.percent(30)) fields += " ceil_mode=true";
    if (average && rng.percent(50)) fields += " count_include_pad=true";
    SCOPED_TRACE(fields);
    expect_kernel("cpu.pool",
                  {"%x: f32[2,3,d,h,w]", cat(average ? "AveragePool" : "MaxPool", "(%x)", fields),
                   "", "%y", sizes});
  }
  expect_kernel("cpu.pool", {"", "MaxPool(f32[1,1,1,1,4]{1,nan,2,inf}) kernel_shape=[1,1,2]"});
}

TEST_P(KernelTest, PoolingSideBySide) {
  Rng rng(20261202);
  for (int i = 0; i < 40; ++i) {
    const int64_t axes = rng.among({1, 2, 2, 2, 3});
    std::vector<int64_t> kernel, strides, dilations, pads, sizes;
    for (int64_t axis = 0; axis < axes; ++axis) {
      kernel.push_back(axes == 3 ? rng.among({1, 2, 3}) : rng.among({1, 2, 3, 3, 5, 7}));
      strides.push_back(rng.among({1, 2, 2, 3}));
      dilations.push_back(rng.among({1, 1, 2}));
      sizes.push_back((kernel.back() - 1) * dilations.back() + 1 +
                      rng.between(0, axes == 3 ? 7 : 40));
    }
    for (int64_t at = 0; at < 2 * axes; ++at)
      pads.push_back(rng.below(kernel[static_cast<size_t>(at % axes)]));
    std::string fields = cat(" kernel_shape=[", join(kernel, ","), "] strides=[",
                             join(strides, ","), "] dilations=[", join(dilations, ","), "]");
    if (rng.percent(80)) fields += cat(" pads=[", join(pads, ","), "]");
    else fields += rng.percent(50) ? " auto_pad=SAME_UPPER" : " auto_pad=SAME_LOWER";
    if (rng.percent(30)) fields += " ceil_mode=true";
    const bool average = rng.percent(50);
    if (average && rng.percent(50)) fields += " count_include_pad=true";
    const int64_t channels = rng.among({1, 5, 16, 19, 40});
    const std::string inputs = cat("%x: f32[n,", channels, ",", join(sizes, ","), "]");
    SCOPED_TRACE(cat("window ", i, ": ", inputs, fields));
    expect_kernel("cpu.pool.side_by_side",
                  {inputs, cat(average ? "AveragePool" : "MaxPool", "(%x)", fields), "", "%y",
                   each("n", {1, 2, 0})});
  }
  // NaN, and windows without a number.
  expect_kernel("cpu.pool.side_by_side",
                {"%r: f32[1]",
                 "MaxPool(f32[1,1,3,4]{1,nan,-inf,2,-1,-3,-inf,-inf,0,1,-inf,-inf}) "
                 "kernel_shape=[2,2] strides=[1,2]"});
}

}  // namespace hone::test::pool_test
