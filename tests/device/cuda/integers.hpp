#pragma once
// Products of integers of 8 bits for tensor cores, as quantized networks have them.

#include "device/cuda/halves.hpp"

namespace hone::test {

/// The second operand may be a constant, pictures may have their channels innermost.
inline const RegionCase kIntegers[] = {
    {"a picture of integers",
     "graph g(%x: u8[2,64,9,11], %w: i8[80,64,3,3], %s: f32[80], %b: i32[80]) -> (%y)\n"
     "  %y = QLinearConv(%x, f32{0.002}, u8{0}, %w, %s, i8{0}, f32{0.5}, u8{3}, %b) "
     "pads=[1,1,1,1]\n"},
    {"a picture of integers with a zero point, and a sum",
     "graph g(%x: i8[2,128,9,7], %w: i8[64,128,3,3], %s: f32[64], %b: i32[64], %r: "
     "u8[2,64,5,4]) -> (%y)\n"
     "  %a = QLinearConv(%x, f32{0.001}, i8{-128}, %w, %s, i8{0}, f32{0.5}, u8{97}, %b) "
     "pads=[1,1,1,1] strides=[2,2]\n"
     "  %y = QLinearAdd(%a, f32{0.31}, u8{97}, %r, f32{0.17}, u8{4}, f32{0.27}, u8{12})\n"},
    {"a picture of 80 channels",
     "graph g(%x: i8[1,80,10,9], %w: i8[128,80,3,3]) -> (%y)\n"
     "  %a = QLinearConv(%x, f32{0.003}, i8{5}, %w, f32{0.01}, i8{0}, f32{0.9}, i8{-3}) "
     "pads=[1,1,1,1]\n  %y = Clip(%a, i8{-100}, i8{90})\n"},
    {"points of a picture of integers, halved",
     "graph g(%x: i8[3,128,14,14], %w: i8[256,128,1,1], %s: f32[256]) -> (%y)\n"
     "  %y = QLinearConv(%x, f32{0.001}, i8{-128}, %w, %s, i8{0}, f32{0.5}, i8{0}) "
     "strides=[2,2]\n"},
    {"points of a picture of integers, and a sum",
     "graph g(%x: u8[2,64,13,11], %w: i8[256,64,1,1], %s: f32[256], %b: i32[256], %r: "
     "u8[2,256,13,11]) -> (%y)\n"
     "  %a = QLinearConv(%x, f32{0.0000035}, u8{0}, %w, %s, i8{0}, f32{0.00583}, u8{131}, %b)\n"
     "  %y = QLinearAdd(%a, f32{0.00583}, u8{131}, %r, f32{0.00913}, u8{0}, f32{0.00997}, "
     "u8{0})\n"},
    {"a picture of integers without zero points, and a sum",
     "graph g(%x: i8[1,128,11,9], %w: i8[160,128,3,3], %s: f32[160], %b: i32[160], %r: "
     "i8[1,160,11,9]) -> (%y)\n"
     "  %a = QLinearConv(%x, f32{0.00001}, i8{0}, %w, %s, i8{0}, f32{0.05}, i8{0}, %b) "
     "pads=[1,1,1,1]\n"
     "  %y = QLinearAdd(%a, f32{0.05}, i8{0}, %r, f32{0.0713}, i8{0}, f32{0.0817}, i8{-3})\n"},
    {"rows of 64 integers",
     "graph g(%x: u8[300,64], %w: i8[64,176], %s: f32[176]) -> (%y)\n"
     "  %y = QLinearMatMul(%x, f32{0.0002}, u8{9}, %w, %s, i8{0}, f32{0.4}, i8{-128})\n"},
    {"integers of few channels",
     "graph g(%x: u8[2,3,31,29], %w: i8[32,3,7,7], %s: f32[32], %b: i32[32]) -> (%y)\n"
     "  %y = QLinearConv(%x, f32{0.003}, u8{114}, %w, %s, i8{0}, f32{0.5}, u8{0}, %b) "
     "pads=[3,3,3,3] strides=[2,2]\n"},
    {"a picture that is quantized first",
     "graph g(%x: f32[2,3,15,17], %w: i8[32,3,3,3], %s: f32[32]) -> (%y)\n"
     "  %q = QuantizeLinear(%x, f32{0.017}, u8{114}) output_dtype=u8\n"
     "  %y = QLinearConv(%q, f32{0.003}, u8{114}, %w, %s, i8{0}, f32{0.5}, u8{0}) "
     "pads=[1,1,1,1] strides=[2,2]\n"},
    {"integers with odd channels",
     "graph g(%x: u8[1,24,14,13], %w: i8[70,24,3,2]) -> (%y)\n"
     "  %y = ConvInteger(%x, %w, u8{7}) pads=[2,1,0,1] dilations=[2,1]\n"},
    {"rows of integers",
     "graph g(%x: u8[2,n,64], %w: i8[64,48], %s: f32[48]) -> (%y)\n"
     "  %y = QLinearMatMul(%x, f32{0.02}, u8{9}, %w, %s, i8{0}, f32{0.7}, u8{120})\n",
     {{{"n", 1}}, {{"n", 67}}, {{"n", 300}}}},
    {"integers that become floats",
     "graph g(%x: i8[37,50], %w: i8[33,50], %s: f32[33], %b: i32[33]) -> (%y)\n"
     "  %y = QGemm(%x, f32{0.02}, i8{9}, %w, %s, i8{0}, %b) transB=true\n"},
    {"a large product of integers",
     "graph g(%x: u8[300,320], %w: u8[320,528], %r: u8[300,528]) -> (%y)\n"
     "  %a = QLinearMatMul(%x, f32{0.01}, u8{0}, %w, f32{0.02}, u8{0}, f32{9}, u8{0})\n"
     "  %y = QLinearAdd(%a, f32{9}, u8{0}, %r, f32{5}, u8{128}, f32{7}, u8{30})\n"},
    {"integers of a long depth",
     "graph g(%x: i8[70,1024], %w: u8[136,1024], %s: f32[136], %b: i32[136]) -> (%y)\n"
     "  %y = QGemm(%x, f32{0.002}, i8{0}, %w, %s, u8{0}, %b, f32{0.4}, i8{-7}) transB=true\n"},
    {"products of integers with two zero points",
     "graph g(%x: u8[3,37,64], %w: u8[3,64,48]) -> (%y)\n"
     "  %y = QLinearMatMul(%x, f32{0.02}, u8{100}, %w, f32{0.03}, u8{131}, f32{0.9}, u8{120})\n"},
    {"integers along the depth with two zero points",
     "graph g(%x: i8[70,200], %w: u8[50,200], %s: f32[50], %b: i32[50]) -> (%y)\n"
     "  %y = QGemm(%x, f32{0.002}, i8{-11}, %w, %s, u8{128}, %b, f32{0.4}, i8{-7}) transB=true\n"},
    {"a product whose zero point comes",
     "graph g(%x: u8[130,128], %w: i8[128,64], %z: u8[], %s: f32[], %b: f32[64]) -> (%y)\n"
     "  %a = MatMulInteger(%x, %w, %z)\n  %c = Cast(%a) to=f32\n  %d = Mul(%c, %s)\n"
     "  %y = Add(%d, %b)\n"},
};

/// Convolutions whose channels fall into groups; the second operand is a constant.
inline const RegionCase kGroupedIntegers[] = {
    {"lone channels of integers",
     "graph g(%x: u8[2,48,9,11], %w: i8[48,1,3,3], %s: f32[48], %b: i32[48]) -> (%y)\n"
     "  %y = QLinearConv(%x, f32{0.02}, u8{0}, %w, %s, i8{0}, f32{0.7}, u8{3}, %b) "
     "pads=[1,1,1,1] group=48\n"},
    {"lone channels of integers, halved",
     "graph g(%x: i8[1,32,12,13], %w: i8[32,1,5,5], %s: f32[32], %r: i8[1,32,6,6]) -> (%y)\n"
     "  %a = QLinearConv(%x, f32{0.02}, i8{-128}, %w, %s, i8{0}, f32{0.7}, i8{3}) "
     "pads=[2,1,1,2] strides=[2,2] group=32\n"
     "  %y = QLinearAdd(%a, f32{0.31}, i8{3}, %r, f32{0.17}, i8{4}, f32{0.27}, i8{12})\n"},
    {"groups of four channels of integers",
     "graph g(%x: u8[n,32,h,7], %w: i8[32,4,3,3]) -> (%y)\n"
     "  %y = ConvInteger(%x, %w, u8{7}) pads=[1,2,1,2] dilations=[1,2] group=8\n",
     {{{"n", 1}, {"h", 5}}, {{"n", 3}, {"h", 10}}}},
};

}  // namespace hone::test
