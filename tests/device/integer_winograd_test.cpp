// Convolution of integers by Winograd's transforms: exactly what the reference computes, up to the
// largest sums that it takes.

#include "device/integer_case.hpp"
#include "support/rng.hpp"

namespace hone::test::integer_winograd_test {

constexpr const char* kKernel = "cpu.conv.integer_winograd";

using IntegerWinogradTest = KernelTest;
INSTANTIATE_TEST_SUITE_P(Isas, IntegerWinogradTest,
                         testing::Values(cpu::Isa::avx2, cpu::Isa::avx512),
                         [](const auto& info) { return std::string(name(info.param)); });

TEST_P(IntegerWinogradTest, TypesAndZeroPoints) {
  const std::vector<Bindings> sizes = {{{"n", 1}, {"h", 9}, {"w", 11}},
                                       {{"n", 2}, {"h", 3}, {"w", 40}},
                                       {{"n", 0}, {"h", 9}, {"w", 9}}};
  for (const char* x : {"u8", "i8"})
    for (const auto& [w, zero] : {std::pair{"u8", 128}, {"u8", 7}, {"i8", 0}, {"i8", -5}})
      expect_kernel(kKernel, quantized_conv(x, "[n,17,h,w]", w, "[20,17,3,3]", zero,
                                            "pads=[1,1,1,1]", sizes));
}

TEST_P(IntegerWinogradTest, RandomShapes) {
  Rng rng(20261201);
  for (int round = 0; round < 12; ++round) {
    const int64_t channels = rng.between(16, 40), filters = rng.between(16, 90);
    std::string pads = cat("pads=[", rng.between(0, 2));
    for (int i = 0; i < 3; ++i) pads += cat(",", rng.between(0, 3));
    expect_kernel(
        kKernel,
        quantized_conv(
            rng.percent(50) ? "u8" : "i8", cat("[n,", channels, ",h,w]"), "i8",
            cat("[", filters, ",", channels, ",3,3]"), 0, pads + "]",
            {{{"n", rng.between(1, 2)}, {"h", rng.between(3, 30)}, {"w", rng.between(3, 70)}}}));
  }
}

TEST_P(IntegerWinogradTest, LargestSums) {
  // 255 * 128 * 9 * 114 is just below 2^25.
  for (const double weight : {-128.0, 127.0})
    for (const auto& [zero, least] : {std::pair{0, 250.0}, {255, 0.0}})
      expect_kernel(kKernel,
                    {"%x: u8[1,114,7,9]",
                     cat("QLinearConv(%x, f32[]{0.1}, u8[]{", zero,
                         "}, @w, f32[]{0.02}, i8[]{0}, f32[]{2000}, u8[]{128}) pads=[1,1,1,1]"),
                     "@w : i8[16,114,3,3]",
                     "%y",
                     {{}},
                     {{"w", {weight, weight + 0.5}}, {"x", {least, least + 5.99}}}});
  KernelCase more = quantized_conv("u8", "[1,230,7,9]", "i8", "[16,230,3,3]", 0, "", {{}});
  more.bounds["w"] = {127.0, 127.5};
  EXPECT_EQ(refusal(kKernel, more), "sums may leave 26 bits");
}

TEST_P(IntegerWinogradTest, SharedOut) {
  // Few filters or few tiles for 12 workers.
  expect_kernel(kKernel, quantized_conv("u8", "[n,64,7,7]", "i8", "[200,64,3,3]", 0,
                                        "pads=[1,1,1,1]", each("n", {1, 2})));
  expect_kernel(kKernel, quantized_conv("i8", "[n,16,14,14]", "i8", "[17,16,3,3]", 0,
                                        "pads=[1,1,1,1]", each("n", {1})));
}

TEST_P(IntegerWinogradTest, WhatFollows) {
  for (const char* x : {"u8", "i8"}) {
    const std::string zero = cat(x, "[]{5}"), scalar = cat(x, "[]");
    const std::string product =
        cat("%a = QLinearConv(%x, f32[]{0.1}, ", zero, ", @w, f32[]{0.02}, i8[]{0}, f32[]{3}, ",
            zero, ") pads=[1,1,1,1]");
    const std::string clip = cat("%c = Clip(%a, ", scalar, "{9}, ", scalar, "{70})");
    const std::string sum = cat("QLinearAdd(%c, f32[]{0.07}, ", zero, ", %r, f32[]{0.12}, ", scalar,
                                "{40}, f32[]{0.1}, ", scalar, "{3})");
    const std::string inputs = cat("%x: ", x, "[2,16,h,w], %r: ", x, "[2,20,h,w]");
    expect_kernel(kKernel, {inputs,
                            sum,
                            "@w : i8[20,16,3,3]",
                            "%y",
                            {{{"h", 9}, {"w", 11}}, {{"h", 30}, {"w", 33}}},
                            {},
                            0,
                            {product, clip}});
    // Sums as they are; the zero point is known while running only.
    expect_kernel(kKernel, {cat("%x: ", x, "[1,16,9,w], %z: ", x, "[]"),
                            "ConvInteger(%x, @w, %z) pads=[1,1,1,1]", "@w : i8[16,16,3,3]", "%y",
                            each("w", {4, 33})});
  }
}

TEST_P(IntegerWinogradTest, Refusals) {
  const auto refused = [](const char* shape, const char* fields) {
    return refusal(kKernel, quantized_conv("u8", "[1,16,9,9]", "i8", shape, 0, fields, {{}}));
  };
  EXPECT_EQ(refused("[16,16,3,5]", ""), "windows of 3x3 only");
  EXPECT_EQ(refused("[16,16,3,3]", "strides=[1,2]"), "strides, dilations or groups");
  EXPECT_EQ(refused("[8,16,3,3]", ""), "few channels or filters");
}

}  // namespace hone::test::integer_winograd_test
