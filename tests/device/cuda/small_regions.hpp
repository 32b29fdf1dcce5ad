#pragma once
// Regions with elements of less than 16 bits, and losses.

#include "device/cuda/regions.hpp"

namespace hone::test {

inline const RegionCase kSmallRegions[] = {
    {"to small floats",
     "graph g(%x: f32[3,67], %z: f16[3,67]) -> (%a, %b, %c, %d, %e)\n"
     "  %a = Cast(%x) to=f8e4m3fn\n  %b = Cast(%x) to=f8e5m2\n  %c = Cast(%x) to=f8e4m3fnuz\n"
     "  %d = Cast(%z) to=f8e5m2fnuz\n  %e = Cast(%x) to=f4e2m1\n"},
    {"from small floats",
     "graph g(%x: f8e4m3fn[259], %z: f8e5m2fnuz[259], %w: f4e2m1[259], %p: f8e8m0[259]) -> (%y)\n"
     "  %a = Cast(%x) to=f32\n  %b = Cast(%z) to=f32\n  %c = Cast(%w) to=f32\n"
     "  %d = Cast(%p) to=f32\n  %e = Add(%a, %b)\n  %f = Add(%e, %c)\n  %y = Add(%f, %d)\n"},
    {"parts of bytes",
     "graph g(%x: i4[5,7], %z: u4[5,7], %w: u2[5,7]) -> (%y, %v)\n"
     "  %a = Cast(%x) to=i32\n  %b = Cast(%z) to=i32\n  %c = Mul(%a, %b)\n"
     "  %d = Cast(%w) to=i32\n  %e = Add(%c, %d)\n  %y = Cast(%e) to=i4\n"
     "  %v = Cast(%e) to=u4\n"},
    {"turned quarters of bytes",
     "graph g(%x: f32[n,7]) -> (%y)\n  %a = Transpose(%x) perm=[1,0]\n  %y = Cast(%a) to=i2\n",
     {{{"n", 1}}, {{"n", 33}}}},
    {"quantized to u4",
     "graph g(%x: f32[5,7], %s: f32[]) -> (%y, %v)\n"
     "  %y = QuantizeLinear(%x, %s, u4[]{3}) output_dtype=u4\n  %v = DequantizeLinear(%y, %s, "
     "u4[]{3})\n"},
    {"losses",
     "graph g(%x: f32[2,7,3], %l: i64[2,3]) -> (%y, %p)\n"
     "  %y, %p = SoftmaxCrossEntropyLoss(%x, %l) reduction=none ignore_index=2\n",
     {{}},
     4},
    {"a convolution behind others",
     "graph g(%x: f32[2,3,n], %w: f32[3,1,4], %b: f32[3], %s: f32[2,3,3]) -> (%y, %p)\n"
     "  %y, %p = CausalConvWithState(%x, %w, %b, %s) activation=silu\n",
     {{{"n", 1}}, {{"n", 9}}},
     2},
    {"a weighted loss",
     "graph g(%x: f32[2,7,3,4], %l: i64[2,3,4], %w: f32[7]) -> (%y)\n"
     "  %y = NegativeLogLikelihoodLoss(%x, %l, %w) reduction=mean ignore_index=1\n"},
};

/// Of cuda.serial; functions of its text.
inline const RegionCase kSerial[] = {
    {"sizes",
     "graph g(%x: f32[3,n,5]) -> (%y)\n  %y = Shape(%x) start=1\n",
     {{{"n", 4}}, {{"n", 0}}}},
    {"a running sum",
     "graph g(%x: f32[3,n,5]) -> (%y)\n  %y = CumSum(%x) axis=[1]\n",
     {{{"n", 1}}, {{"n", 37}}}},
    {"a running sum from the end",
     "graph g(%x: i32[3,7]) -> (%y)\n  %y = CumSum(%x) axis=[-1] exclusive=true reverse=true\n"},
    {"a running product",
     "graph g(%x: f16[4,6]) -> (%y)\n  %y = CumProd(%x) axis=[0] exclusive=true\n"},
    {"the largest", "graph g(%x: f32[3,9,4]) -> (%y)\n  %y = Hardmax(%x) axis=1\n"},
    {"the largest of all that follow",
     "graph g(%x: f16[3,9,4]) -> (%y)\n  %y = Hardmax(%x) axis=1 flatten=true\n"},
    {"elements scattered",
     "graph g(%x: f32[8,7,3], %i: i64[5,6,2], %u: f32[5,6,2]) -> (%y)\n"
     "  %y = ScatterElements(%x, %i, %u) axis=1\n",
     {{}},
     2},
    {"elements scattered and added",
     "graph g(%x: f16[8,n], %i: i32[5,n], %u: f16[5,n]) -> (%y)\n"
     "  %y = ScatterElements(%x, %i, %u) reduction=add\n",
     {{{"n", 3}}},
     2},
    {"slices scattered",
     "graph g(%x: f32[8,7,5], %i: i64[4,6,2], %u: f32[4,6,5]) -> (%y)\n"
     "  %y = ScatterND(%x, %i, %u) reduction=max\n",
     {{}},
     2},
    {"bits", "graph g(%x: f32[5,7]) -> (%y)\n  %y = BitCast(%x) to=i32\n"},
    {"the first of lines",
     "graph g(%x: f32[3,n,5]) -> (%y, %i)\n  %y, %i = TopK(%x) k=[3] axis=1\n",
     {{{"n", 3}}, {{"n", 37}}, {{"n", 5000}}}},
    {"the least of long lines",
     "graph g(%x: f16[2,9000]) -> (%y, %i)\n  %y, %i = TopK(%x) k=[700] largest=false\n"},
    {"lines in order", "graph g(%x: i64[4,100]) -> (%i)\n  _, %i = TopK(%x) k=[100]\n"},
    {"a plain recurrence",
     "graph g(%x: f32[n,2,5], %w: f32[1,40,5], %r: f32[1,40,40], %b: f32[1,80]) -> (%y, %h)\n"
     "  %y, %h = RNN(%x, %w, %r, %b) direction=reverse clip=0.5\n",
     {{{"n", 1}}, {{"n", 7}}},
     2},
    {"gates of three",
     "graph g(%x: f16[3,6,70], %w: f16[2,30,70], %r: f16[2,30,10], %b: f16[2,60]) -> (%y, %h)\n"
     "  %y, %h = GRU(%x, %w, %r, %b) direction=bidirectional layout=1\n",
     {{}},
     2},
    {"gates of three, reset behind",
     "graph g(%x: f32[6,3,7], %w: f32[1,30,7], %r: f32[1,30,10], %b: f32[1,60]) -> (%y, %h)\n"
     "  %y, %h = GRU(%x, %w, %r, %b) linear_before_reset=true\n",
     {{}},
     2},
    {"a long memory",
     "graph g(%x: f32[6,n,7], %w: f32[2,160,7], %r: f32[2,160,40], %b: f32[2,320], "
     "%s: f32[2,n,40], %t: f32[2,n,40], %p: f32[2,120]) -> (%y, %h, %c)\n"
     "  %y, %h, %c = LSTM(%x, %w, %r, %b, _, %s, %t, %p) direction=bidirectional\n",
     {{{"n", 1}}, {{"n", 5}}},
     2},
};

}  // namespace hone::test
