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
    {"a weighted loss",
     "graph g(%x: f32[2,7,3,4], %l: i64[2,3,4], %w: f32[7]) -> (%y)\n"
     "  %y = NegativeLogLikelihoodLoss(%x, %l, %w) reduction=mean ignore_index=1\n"},
};

}  // namespace hone::test
