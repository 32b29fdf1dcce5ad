#pragma once
// Regions whose kernels are made as texts for a GPU.

#include <cmath>
#include <map>
#include <string_view>
#include <vector>

#include "ir/evaluation/evaluation.hpp"
#include "ir/inference.hpp"
#include "ir/text/text.hpp"
#include "ops/common/registry.hpp"
#include "support/rng.hpp"

namespace hone::test {

inline const std::vector<Bindings> kOnce = {{}};  // nothing is open
struct RegionCase {
  std::string_view name, text;
  std::vector<Bindings> sizes = kOnce;
  size_t functions = 1;                                         // of the nest's text
  std::map<std::string, std::pair<int64_t, int64_t>> bounds{};  // of integers, by input
};

inline const RegionCase kRegions[] = {
    {"pointwise",
     "graph g(%x: f32[n,5], %z: f32[5], %w: f32[n,1]) -> (%y)\n"
     "  %a = Add(%x, %z)\n  %b = Mul(%a, %w)\n  %c = Sigmoid(%b)\n  %y = Mul(%c, %a)\n",
     {{{"n", 1}}, {{"n", 7}}}},
    {"halves",
     "graph g(%x: f16[3,40], %z: bf16[3,40]) -> (%y)\n"
     "  %a = Cast(%x) to=f32\n  %b = Cast(%z) to=f32\n  %c = Add(%a, %b)\n  %y = Cast(%c) "
     "to=f16\n"},
    {"half arithmetic",
     "graph g(%x: f16[3,40], %z: f16[40]) -> (%y)\n  %a = Mul(%x, %z)\n  %y = Tanh(%a)\n"},
    {"integers",
     "graph g(%x: i64[4,6], %z: i64[6], %c: bool[4,1]) -> (%y, %d)\n"
     "  %a = Mod(%x, %z)\n  %b = Div(%x, %z)\n  %d = Less(%a, %b)\n  %y = Where(%c, %a, %b)\n"},
    {"small integers",
     "graph g(%x: i8[4,6], %z: u8[6]) -> (%y, %v)\n"
     "  %a = Cast(%x) to=i32\n  %b = Cast(%z) to=i32\n  %c = Mul(%a, %b)\n  %y = Cast(%c) to=i8\n"
     "  %v = Cast(%c) to=u8\n"},
    {"transposed",
     "graph g(%x: f32[3,n,5]) -> (%y)\n  %a = Transpose(%x) perm=[2,0,1]\n  %y = Exp(%a)\n",
     {{{"n", 4}}}},
    {"slices",
     "graph g(%x: f32[6,9]) -> (%y)\n"
     "  %a = Slice(%x) starts=[1] ends=[5] axes=[0]\n  %b = Slice(%x) starts=[0] ends=[8] axes=[0] "
     "steps=[2]\n"
     "  %c = Slice(%b) starts=[0] ends=[3] axes=[0]\n  %d = Concat(%a, %c) axis=0\n  %y = "
     "Neg(%d)\n"},
    {"padded",
     "graph g(%x: f32[2,3]) -> (%y)\n  %a = Exp(%x)\n  %b = Pad(%a, i64[4]{1,2,0,1}, f32[]{0.5})\n"
     "  %y = Add(%b, f32[]{1})\n"},
    {"softmax", "graph g(%x: f32[n,3,70]) -> (%y)\n  %y = Softmax(%x)\n", {{{"n", 1}}, {{"n", 5}}}},
    {"softmax of open length",
     "graph g(%x: f32[4,n]) -> (%y)\n  %y = Softmax(%x)\n",
     {{{"n", 1}}, {{"n", 301}}}},
    {"softmax along the middle", "graph g(%x: f32[2,7,5]) -> (%y)\n  %y = Softmax(%x) axis=1\n"},
    {"a product of few results",
     "graph g(%x: f16[2,72,1,1], %w: f16[20,72,1,1], %b: f16[20]) -> (%y)\n"
     "  %a = Conv(%x, %w, %b)\n  %y = Swish(%a)\n"},
    {"masked softmax",
     "graph g(%x: f32[2,4,9,9], %m: bool[2,1,1,9]) -> (%y)\n"
     "  %a = Mul(%x, f32[]{0.125})\n  %b = Where(%m, %a, f32[]{-10000})\n  %y = Softmax(%b)\n"},
    {"layer norm",
     "graph g(%x: f32[n,6,48], %r: f32[n,6,48], %s: f32[48], %b: f32[48]) -> (%y)\n"
     "  %a = Add(%x, %r)\n  %y = LayerNormalization(%a, %s, %b)\n",
     {{{"n", 2}}}},
    {"layer norm into windows",
     "graph g(%x: f16[n,36,40], %s: f16[40], %b: f16[40]) -> (%y)\n"
     "  %a = LayerNormalization(%x, %s, %b)\n  %c = Reshape(%a) shape=[n,2,3,2,3,40]\n"
     "  %d = Transpose(%c) perm=[0,1,3,2,4,5]\n  %y = Reshape(%d) shape=[4*n,9,40]\n",
     {{{"n", 1}}, {{"n", 3}}},
     3},
    {"layer norm of rolled rows",
     "graph g(%x: f32[1,36,40], %s: f32[40], %b: f32[40]) -> (%y)\n"
     "  %a = LayerNormalization(%x, %s, %b)\n  %c = Slice(%a) starts=[5] ends=[36] axes=[1]\n"
     "  %d = Slice(%a) starts=[0] ends=[5] axes=[1]\n  %y = Concat(%c, %d) axis=1\n",
     kOnce, 3},
    {"layer norm of channels",
     "graph g(%x: f16[1,72,5,8], %s: f16[72], %b: f16[72]) -> (%y)\n"
     "  %t = Transpose(%x) perm=[0,2,3,1]\n  %c = LayerNormalization(%t, %s, %b)\n"
     "  %y = Transpose(%c) perm=[0,3,1,2]\n",
     kOnce, 3},
    {"root mean square",
     "graph g(%x: f16[5,64], %s: f16[64]) -> (%y)\n  %y = RMSNormalization(%x, %s)\n"},
    {"instance norm",
     "graph g(%x: f32[2,3,5,7], %s: f32[3], %b: f32[3]) -> (%y)\n"
     "  %a = InstanceNormalization(%x, %s, %b)\n  %y = Relu(%a)\n"},
    {"softmax of all", "graph g(%x: f32[1,70]) -> (%y)\n  %y = Softmax(%x)\n"},
    {"norm of all",
     "graph g(%x: f32[2,3,5], %s: f32[2,3,5]) -> (%y)\n  %y = RMSNormalization(%x, %s) axis=0\n"},
    {"nothing", "graph g(%x: f32[3,0,n]) -> (%y)\n  %y = Exp(%x)\n", {{{"n", 2}}}},
    {"a fold of nothing", "graph g(%x: f32[3,0,4]) -> (%y)\n  %y = ReduceSum(%x) axes=[1]\n"},
    {"a product of nothing",
     "graph g(%x: f32[3,0], %z: f32[0,4]) -> (%y)\n  %y = MatMul(%x, %z)\n"},
    {"mean of columns",
     "graph g(%x: f32[40,6,3]) -> (%y)\n  %y = ReduceMean(%x) axes=[0] keepdims=false\n"},
    {"mean of rows",
     "graph g(%x: f32[6,3,40]) -> (%y)\n  %a = ReduceMean(%x) axes=[2]\n  %y = Sqrt(%a)\n"},
    {"largest", "graph g(%x: i32[6,50]) -> (%y)\n  %y = ReduceMax(%x) axes=[1] keepdims=false\n"},
    {"matmul",
     "graph g(%x: f32[2,n,5], %z: f32[5,3], %b: f32[3]) -> (%y)\n"
     "  %a = MatMul(%x, %z)\n  %c = Add(%a, %b)\n  %y = Gelu(%c)\n",
     {{{"n", 3}}}},
    {"convolution",
     "graph g(%x: f32[2,3,7,6], %w: f32[4,3,3,3], %b: f32[4]) -> (%y)\n"
     "  %a = Conv(%x, %w, %b) pads=[1,1,1,1] strides=[2,1]\n  %y = Relu(%a)\n"},
    {"pooling",
     "graph g(%x: f32[2,3,7,6]) -> (%y)\n"
     "  %y = MaxPool(%x) kernel_shape=[3,3] pads=[1,1,1,1] strides=[2,2]\n"},
    {"gather",
     "graph g(%x: f32[7,6], %i: i64[2,3]) -> (%y)\n"
     "  %a = Gather(%x, %i) axis=0\n  %y = Mul(%a, f32[]{2})\n"},
    {"a table", "graph g(%x: f32[4,3]) -> (%y)\n  %y = Mul(%x, f32[3]{0.5,-inf,3})\n"},
    {"resized",
     "graph g(%x: f32[1,2,4,5]) -> (%y)\n"
     "  %y = Resize(%x) mode=linear sizes=[1,2,7,9]\n"},
    {"two results",
     "graph g(%x: f32[4,30]) -> (%y, %m)\n"
     "  %a = Exp(%x)\n  %m = ReduceSum(%a) axes=[1]\n  %y = Div(%a, %m)\n"},
};

inline const RegionCase kProducts[] = {
    {"product of rows",
     "graph g(%x: f32[2,n,5], %z: f32[5,3], %b: f32[3]) -> (%y)\n"
     "  %a = MatMul(%x, %z)\n  %c = Add(%a, %b)\n  %y = Gelu(%c)\n",
     {{{"n", 1}}, {{"n", 67}}}},
    {"product of halves",
     "graph g(%x: f16[4,9,64], %z: f16[4,64,33]) -> (%y)\n  %y = MatMul(%x, %z)\n"},
    {"product of halves along the depth",
     "graph g(%x: f16[70,128], %z: f16[40,128], %b: f16[40]) -> (%y)\n"
     "  %a = Gemm(%x, %z, %b) transB=true\n  %y = Relu(%a)\n"},
    {"product of wide halves",
     "graph g(%x: bf16[2,131,72], %z: bf16[72,136]) -> (%y)\n  %y = MatMul(%x, %z)\n"},
    {"product of turned halves",
     "graph g(%x: f16[72,136], %z: f16[50,72]) -> (%y)\n"
     "  %y = Gemm(%x, %z) transA=true transB=true\n"},
    {"convolution of halves",
     "graph g(%x: f16[2,16,9,11], %w: f16[24,16,3,3], %b: f16[24]) -> (%y)\n"
     "  %a = Conv(%x, %w, %b) pads=[1,1,1,1]\n  %y = Relu(%a)\n"},
    {"large product",
     "graph g(%x: f32[197,260], %z: f32[260,131]) -> (%y)\n  %y = MatMul(%x, %z)\n"},
    {"transposed product",
     "graph g(%x: f32[70,50], %z: f32[90,70], %c: f32[90]) -> (%y)\n"
     "  %y = Gemm(%x, %z, %c) transA=true transB=true\n"},
    {"residual convolution",
     "graph g(%x: f32[2,3,7,6], %w: f32[4,3,3,3], %r: f32[2,4,4,6]) -> (%y)\n"
     "  %a = Conv(%x, %w, f32[4]{1,2,3,4}) pads=[1,1,1,1] strides=[2,1]\n"
     "  %s = Add(%a, %r)\n  %y = Relu(%s)\n"},
    {"wide convolution",
     "graph g(%x: f32[1,40,14,13], %w: f32[70,40,3,3], %b: f32[70]) -> (%y)\n"
     "  %y = Conv(%x, %w, %b) pads=[2,1,0,1] dilations=[2,1]\n"},
    {"convolution of one image",
     "graph g(%x: f32[1,8,7,6], %w: f32[5,8,3,3], %b: f32[5]) -> (%y)\n"
     "  %a = Conv(%x, %w, %b) pads=[1,1,1,1]\n  %c = Sigmoid(%a)\n  %y = Mul(%a, %c)\n"},
    {"integer convolution",
     "graph g(%x: u8[1,3,7,6], %w: i8[4,3,3,3]) -> (%y)\n  %y = ConvInteger(%x, %w)\n"},
};

inline std::unique_ptr<Graph> graph_of(const RegionCase& region) {
  auto graph = parse(region.text, all_ops());
  infer(*graph);
  return graph;
}

inline Tensor drawn(const Type& type, const Bindings& sizes, Rng& rng) {
  std::vector<int64_t> shape;
  for (const Dim& dim : type.tensor().shape()) shape.push_back(*dim.evaluate(sizes));
  Tensor tensor(type.tensor().dtype, shape);
  for (int64_t i = 0; i < tensor.count(); ++i) {
    const int64_t number = rng.below(2000);
    if (is_float(tensor.dtype())) tensor.set_number(i, static_cast<double>(number) / 500 - 2);
    else if (tensor.dtype() == DType::boolean) tensor.set_integer(i, number % 3 != 0 ? 1 : 0);
    else if (bits(tensor.dtype()) == 8)
      tensor.set_integer(i, number % 256 - (is_signed(tensor.dtype()) ? 128 : 0));
    else tensor.set_integer(i, 1 + number % 6);
  }
  return tensor;
}

/// Of the largest magnitude: sums are taken in another order.
inline void expect_close(const Tensor& got, const Tensor& wanted) {
  ASSERT_EQ(got.shape(), wanted.shape());
  ASSERT_EQ(got.dtype(), wanted.dtype());
  const bool half = is_float(wanted.dtype()) && bits(wanted.dtype()) < 32;
  // Two steps of bf16, which has 8 digits.
  const double within = wanted.dtype() == DType::bf16 ? 1.6e-2 : half ? 4e-3 : 1e-5;
  double largest = 1;
  for (int64_t i = 0; i < wanted.count(); ++i)
    if (std::isfinite(wanted.number(i))) largest = std::max(largest, std::abs(wanted.number(i)));
  for (int64_t i = 0; i < wanted.count(); ++i) {
    const double a = got.number(i), b = wanted.number(i);
    if (a == b || (std::isnan(a) && std::isnan(b))) continue;
    ASSERT_NEAR(a, b, within * largest) << "element " << i;
  }
}

}  // namespace hone::test
