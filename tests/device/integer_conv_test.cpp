// Generated convolutions of integers against reference evaluation, exactly.

#include "device/integer_case.hpp"

namespace hone::test::integer_conv_test {

constexpr const char* kKernel = "cpu.conv.integer";

using IntegerConvTest = KernelTest;
INSTANTIATE_TEST_SUITE_P(Isas, IntegerConvTest, testing::Values(cpu::Isa::avx2, cpu::Isa::avx512),
                         [](const auto& info) { return std::string(name(info.param)); });

TEST_P(IntegerConvTest, TypesAndZeroPoints) {
  const std::vector<Bindings> sizes = {{{"n", 1}, {"h", 9}, {"w", 11}},
                                       {{"n", 2}, {"h", 3}, {"w", 40}},
                                       {{"n", 0}, {"h", 9}, {"w", 9}}};
  for (const char* x : {"u8", "i8"})
    for (const auto& [w, zero] : {std::pair{"u8", 128}, {"u8", 7}, {"i8", 0}, {"i8", -5}})
      expect_kernel(kKernel,
                    quantized_conv(x, "[n,6,h,w]", w, "[20,6,3,3]", zero, "pads=[1,1,1,1]", sizes));
}

TEST_P(IntegerConvTest, Windows) {
  const std::vector<Bindings> sizes = {{{"n", 1}, {"h", 9}, {"w", 11}},
                                       {{"n", 3}, {"h", 7}, {"w", 7}},
                                       {{"n", 1}, {"h", 56}, {"w", 57}}};
  for (const auto& [shape, fields] : {std::pair{"[33,8,1,1]", ""},
                                      {"[9,8,1,1]", "strides=[2,2]"},
                                      {"[17,8,3,3]", "strides=[2,2] pads=[1,1,1,1]"},
                                      {"[5,8,3,3]", "dilations=[2,3] pads=[2,3,2,3]"},
                                      {"[5,8,2,3]", "strides=[3,1] pads=[0,2,1,0]"},
                                      {"[12,2,3,3]", "group=4 pads=[1,1,1,1]"},
                                      {"[8,1,3,3]", "group=8 pads=[1,1,1,1]"},
                                      {"[3,8,5,1]", "pads=[2,0,2,0]"}})
    for (const char* x : {"u8", "i8"})
      expect_kernel(kKernel, quantized_conv(x, "[n,8,h,w]", "i8", shape, 0, fields, sizes));
  expect_kernel(kKernel, quantized_conv("u8", "[2,3,w]", "i8", "[20,3,3]", 0, "pads=[1,1]",
                                        each("w", {3, 20, 300})));
  // More pixels in a row than a patch has room for beside so many channels.
  expect_kernel(kKernel, quantized_conv("u8", "[1,900,4,w]", "i8", "[3,900,3,3]", 0,
                                        "pads=[1,1,1,1]", each("w", {40, 300})));
}

/// As planes lie where bytes are masked, else from copies with their padding.
TEST_P(IntegerConvTest, Planes) {
  const bool masks = GetParam() == cpu::Isa::avx512;
  const char* kPlanes = masks ? "cpu.conv.integer_planes" : "cpu.conv.integer_padded";
  if (GetParam() == cpu::Isa::generic) GTEST_SKIP() << "no code is generated";
  for (const char* map : {"7,7", "9,31", "40,57", "3,1", "14,16", "200,33"})
    for (const auto& [window, fields] : {std::pair{"3,3", "pads=[1,1,1,1]"},
                                         {"3,3", "strides=[2,2] pads=[1,1,1,1]"},
                                         {"3,3", "strides=[2,1] pads=[1,0,1,2]"},
                                         {"3,3", "strides=[1,2] pads=[2,2,1,1]"},
                                         {"5,5", "pads=[2,2,2,2]"},
                                         {"5,5", "strides=[2,2] pads=[2,2,2,2]"},
                                         {"3,3", "dilations=[2,3] pads=[2,3,2,3]"},
                                         {"3,3",
                                          "strides=[2,2] dilations=[3,2]"
                                          " pads=[3,2,4,2]"},
                                         {"1,1", ""},
                                         {"2,7", "pads=[0,3,1,3]"}})
      for (const char* x : {"u8", "i8"})
        expect_kernel(kPlanes,
                      quantized_conv(x, cat("[n,7,", map, "]"), "i8", cat("[7,1,", window, "]"), 0,
                                     cat("group=7 ", fields), each("n", {0, 1, 2})));
  for (const char* fields : {"pads=[1,1,1,1]", "strides=[2,2] pads=[1,1,1,1]"})
    expect_kernel(kPlanes, quantized_conv("u8", "[n,70,14,16]", "i8", "[70,1,3,3]", 0,
                                          cat("group=70 ", fields), each("n", {2})));
  for (const auto& [w, zero] : {std::pair{"u8", 128}, {"u8", 7}, {"i8", -5}})
    expect_kernel(kPlanes, quantized_conv("i8", "[n,6,9,20]", w, "[6,1,3,3]", zero,
                                          "group=6 strides=[2,2] pads=[1,1,1,1]", each("n", {1})));
  expect_kernel(kPlanes, quantized_conv("u8", "[n,6,50]", "i8", "[6,1,3]", 0, "group=6 pads=[1,1]",
                                        each("n", {1, 2})));
  EXPECT_EQ(
      refusal(kPlanes, quantized_conv("u8", "[1,6,h,9]", "i8", "[6,1,3,3]", 0, "group=6", {})),
      masks ? "planes that are open or large" : "sizes that are open, or long lines or strides");
  EXPECT_EQ(
      refusal(kPlanes, quantized_conv("u8", "[1,6,9,9]", "i8", "[12,1,3,3]", 0, "group=6", {})),
      "one filter a channel, of a small window, only");
}

TEST_P(IntegerConvTest, Depthwise) {
  constexpr const char* kDepthwise = "cpu.conv.integer_depthwise";
  const std::vector<Bindings> sizes = {{{"n", 1}, {"h", 9}, {"w", 11}},
                                       {{"n", 3}, {"h", 7}, {"w", 7}},
                                       {{"n", 1}, {"h", 40}, {"w", 57}},
                                       {{"n", 1}, {"h", 12}, {"w", 300}}};
  for (const auto& [shape, fields] : {std::pair{"[6,1,3,3]", "pads=[1,1,1,1]"},
                                      {"[6,1,3,3]", "strides=[2,2] pads=[0,0,1,1]"},
                                      {"[12,1,5,5]", "pads=[2,2,2,2]"},
                                      {"[6,1,2,7]", "strides=[1,3] pads=[1,3,1,3]"},
                                      {"[6,1,3,3]", "dilations=[2,3] pads=[2,3,2,3]"}})
    for (const char* x : {"u8", "i8"})
      for (const auto& [w, zero] : {std::pair{"i8", 0}, {"u8", 9}})
        expect_kernel(kDepthwise, quantized_conv(x, "[n,6,h,w]", w, shape, zero,
                                                 cat("group=6 ", fields), sizes));
  expect_kernel(kDepthwise, quantized_conv("i8", "[2,6,w]", "i8", "[6,1,3]", 0,
                                           "group=6 pads=[1,1]", each("w", {3, 20, 9000})));
  expect_kernel(kDepthwise,
                {"%x: u8[1,4,9,w], %z: u8[]", "ConvInteger(%x, @w, %z) group=4 pads=[1,1,1,1]",
                 "@w : i8[4,1,3,3]", "%y", each("w", {4, 33})});
  expect_kernel(kDepthwise,
                {"%x: i8[1,4,9,w], %r: i8[1,4,9,w]",
                 "QLinearAdd(%a, f32[]{0.07}, i8[]{4}, %r, f32[]{0.12}, i8[]{40}, f32[]{0.1})",
                 "@w : i8[4,1,3,3]",
                 "%y",
                 each("w", {4, 33}),
                 {},
                 0,
                 {"%a = QLinearConv(%x, f32[]{0.1}, i8[]{5}, @w, f32[]{0.02}, i8[]{0}, f32[]{3}, "
                  "i8[]{5}) group=4 pads=[1,1,1,1]"}});
}

TEST_P(IntegerConvTest, SmallMapsShareTheirPatches) {
  expect_kernel(kKernel, quantized_conv("i8", "[n,64,7,7]", "i8", "[200,64,3,3]", 0,
                                        "pads=[1,1,1,1]", each("n", {1, 2})));
  expect_kernel(kKernel, quantized_conv("u8", "[n,130,7,7]", "i8", "[200,130,1,1]", 0, "",
                                        each("n", {1, 5})));
}

TEST_P(IntegerConvTest, IntegersNotQuantizedAgain) {
  for (const char* x : {"u8", "i8"})
    for (const char* w : {"u8", "i8"}) {
      const std::string weight = cat("@w : ", w, "[6,2,3,2]");
      expect_kernel(kKernel, {cat("%x: ", x, "[1,4,9,w]"),
                              cat("ConvInteger(%x, @w, ", x, "[]{9}, ", w, "[6]{0,1,2,3,4,5})",
                                  " strides=[2,1] group=2 pads=[1,1,1,1]"),
                              weight, "%y", each("w", {4, 33})});
      // The zero point is known while running only.
      expect_kernel(kKernel, {cat("%x: ", x, "[1,4,9,w], %z: ", x, "[]"),
                              "ConvInteger(%x, @w, %z) group=2 pads=[1,1,1,1]", weight, "%y",
                              each("w", {4, 33})});
    }
}

TEST_P(IntegerConvTest, WeightsOfEverySize) {
  // Where bytes are multiplied in pairs, no pair may leave 16 bits: 255 * (127 + 127) would.
  for (const int most : {30, 64, 70, 128})
    for (const char* x : {"u8", "i8"}) {
      KernelCase given = quantized_conv(x, "[2,12,9,w]", "i8", "[30,12,3,3]", 0, "pads=[1,1,1,1]",
                                        each("w", {11, 40}));
      given.bounds["w"] = {-double(most), most - 0.01};
      given.bounds["x"] = {x[0] == 'u' ? 200.0 : 60.0, x[0] == 'u' ? 255.99 : 127.99};
      expect_kernel(kKernel, given);
      KernelCase depthwise = quantized_conv(x, "[2,12,9,w]", "i8", "[12,1,5,5]", 0,
                                            "group=12 pads=[2,2,2,2]", each("w", {11, 40}));
      depthwise.bounds = given.bounds;
      expect_kernel("cpu.conv.integer_depthwise", depthwise);
    }
}

TEST_P(IntegerConvTest, SumsBeyondF32) {
  expect_kernel(kKernel,
                {"%x: u8[1,700,4,w]",
                 "QLinearConv(%x, f32[]{0.1}, u8[]{0}, @w, f32[3]{0.02,0.03,0.04}, u8[3]{0,1,2}, "
                 "f32[]{900}, u8[]{10})",
                 "@w : u8[3,700,1,1]",
                 "%y",
                 each("w", {1, 33}),
                 {{"x", {200, 255}}, {"w", {200, 255}}}});
}

TEST_P(IntegerConvTest, WhatFollows) {
  for (const char* x : {"u8", "i8"}) {
    const std::string zero = cat(x, "[]{5}"), scalar = cat(x, "[]");
    const std::string product =
        cat("%a = QLinearConv(%x, f32[]{0.1}, ", zero, ", @w, f32[]{0.02}, i8[]{0}, f32[]{3}, ",
            zero, ") pads=[1,1,1,1]");
    const std::string clip = cat("Clip(%a, ", scalar, "{9}, ", scalar, "{70})");
    const std::vector<Bindings> sizes = {{{"h", 9}, {"w", 11}}, {{"h", 30}, {"w", 33}}};
    const std::string inputs = cat("%x: ", x, "[2,6,h,w], %r: ", x, "[2,20,h,w]");
    const auto sum = [&](const char* first, const char* second) {
      return cat("QLinearAdd(", first, ", f32[]{0.07}, ", zero, ", ", second, ", f32[]{0.12}, ",
                 scalar, "{40}, f32[]{0.1}, ", scalar, "{3})");
    };
    const std::string weight = "@w : i8[20,6,3,3]";
    expect_kernel(kKernel,
                  {cat("%x: ", x, "[2,6,h,w]"), clip, weight, "%y", sizes, {}, 0, {product}});
    expect_kernel(kKernel, {inputs, sum("%a", "%r"), weight, "%y", sizes, {}, 0, {product}});
    expect_kernel(kKernel, {inputs, sum("%r", "%a"), weight, "%y", sizes, {}, 0, {product}});
    expect_kernel(kKernel, {inputs,
                            cat("Clip(%s, ", scalar, "{20}, ", scalar, "{90})"),
                            weight,
                            "%y",
                            sizes,
                            {},
                            0,
                            {product, cat("%c = ", clip), cat("%s = ", sum("%c", "%r"))}});
  }
}

TEST_P(IntegerConvTest, Refusals) {
  const std::string zeros = "u8[]{0}";
  EXPECT_EQ(refusal(kKernel, {"%x: u8[1,2,3,3], %s: f32[5]",
                              "QLinearConv(%x, f32[]{1}, u8[]{0}, @w, %s, u8[]{0}, f32[]{1}, "
                              "u8[]{0})",
                              "@w : u8[5,2,2,2]"}),
            "the weight's scale is computed");
  EXPECT_EQ(
      refusal(kKernel,
              {"%x: u8[1,2,3,3]",
               "QLinearConv(%x, f32[]{1}, u8[]{0}, @w, f32[]{1}, u8[2]{0,1}, f32[]{1}, u8[]{0})",
               "@w : u8[5,2,2,2]"}),
      "the weight's zero point is not one a filter");
  EXPECT_EQ(
      refusal(kKernel, {"%x: u8[1,40000,1,1]", "ConvInteger(%x, @w)", "@w : u8[1,40000,1,1]"}),
      "sums may leave 32 bits");
}

}  // namespace hone::test::integer_conv_test
