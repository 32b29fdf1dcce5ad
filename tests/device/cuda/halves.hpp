#pragma once
// Regions of halves for tensor cores, and problems whose operands lie as plans may have them.

#include "device/axis_orders.hpp"
#include "device/cuda/regions.hpp"

namespace hone::test {

/// Products of halves: the second operand may be a constant, pictures may have their channels
/// innermost.
inline const RegionCase kHalves[] = {
    {"rows of halves",
     "graph g(%x: f16[2,n,64], %z: f16[64,40], %b: f16[40]) -> (%y)\n"
     "  %a = MatMul(%x, %z)\n  %c = Add(%a, %b)\n  %y = Gelu(%c)\n",
     {{{"n", 1}}, {{"n", 67}}, {{"n", 300}}}},
    {"rows of halves in parts",
     "graph g(%x: f16[2,n,64], %z: f16[3,1,64,128], %b: f16[3,1,1,128]) -> (%y)\n"
     "  %a = MatMul(%x, %z)\n  %y = Add(%a, %b)\n",
     {{{"n", 1}}, {{"n", 67}}}},
    {"odd rows of halves",
     "graph g(%x: f16[37,50], %z: f16[50,33], %b: f16[33]) -> (%y)\n"
     "  %a = MatMul(%x, %z)\n  %y = Add(%a, %b)\n"},
    {"bf16 of a long depth",
     "graph g(%x: bf16[70,1000], %z: bf16[136,1000]) -> (%y)\n"
     "  %y = Gemm(%x, %z) transB=true\n"},
    {"a large product of halves",
     "graph g(%x: f16[300,320], %z: f16[320,520], %r: f16[300,520]) -> (%y)\n"
     "  %a = MatMul(%x, %z)\n  %c = Add(%a, %r)\n  %y = Relu(%c)\n"},
    {"a picture of halves",
     "graph g(%x: f16[2,64,9,11], %w: f16[72,64,3,3], %b: f16[72], %r: f16[2,72,9,11]) -> (%y)\n"
     "  %a = Conv(%x, %w, %b) pads=[1,1,1,1]\n  %c = Add(%a, %r)\n  %y = Relu(%c)\n"},
    {"a picture of few channels",
     "graph g(%x: f16[2,3,31,29], %w: f16[32,3,7,7], %b: f16[32]) -> (%y)\n"
     "  %a = Conv(%x, %w, %b) pads=[3,3,3,3] strides=[2,2]\n  %y = Relu(%a)\n"},
    {"a picture with odd channels",
     "graph g(%x: f16[1,24,14,13], %w: f16[70,24,3,2]) -> (%y)\n"
     "  %y = Conv(%x, %w) pads=[2,1,0,1] dilations=[2,1]\n"},
    {"one picture of halves",
     "graph g(%x: f16[1,128,10,9], %w: f16[64,128,3,3], %b: f16[64]) -> (%y)\n"
     "  %a = Conv(%x, %w, %b) pads=[1,1,1,1] strides=[2,2]\n  %y = Relu(%a)\n"},
    {"one picture of few channels",
     "graph g(%x: f16[1,3,31,29], %w: f16[32,3,7,7]) -> (%y)\n"
     "  %a = Conv(%x, %w) pads=[3,3,3,3] strides=[2,2]\n  %y = Relu(%a)\n"},
    {"a picture of 20 channels",
     "graph g(%x: f16[2,20,9,10], %w: f16[40,20,3,3], %r: f16[2,40,9,10]) -> (%y)\n"
     "  %a = Conv(%x, %w) pads=[1,1,1,1]\n  %y = Add(%a, %r)\n"},
    {"a picture that is rounded first",
     "graph g(%x: f32[2,3,15,17], %w: f16[24,3,3,3]) -> (%y)\n"
     "  %h = Cast(%x) to=f16\n  %a = Conv(%h, %w) pads=[1,1,1,1] strides=[2,2]\n"
     "  %y = Relu(%a)\n"},
    {"points of a picture, halved",
     "graph g(%x: f16[3,128,14,14], %w: f16[256,128,1,1]) -> (%y)\n"
     "  %a = Conv(%x, %w) strides=[2,2]\n  %c = Sigmoid(%a)\n  %y = Mul(%a, %c)\n"},
    {"a picture of any size",
     "graph g(%x: f16[n,16,h,12], %w: f16[40,16,3,3]) -> (%y)\n"
     "  %y = Conv(%x, %w) pads=[1,1,1,1]\n",
     {{{"n", 1}, {"h", 5}}, {{"n", 2}, {"h", 30}}}},
};

/// Convolutions whose channels fall into groups; the second operand is a constant.
inline const RegionCase kGrouped[] = {
    {"lone channels",
     "graph g(%x: f16[2,24,9,11], %w: f16[24,1,3,3], %b: f16[24], %r: f16[2,24,9,11]) -> (%y)\n"
     "  %a = Conv(%x, %w, %b) pads=[1,1,1,1] group=24\n  %c = Add(%a, %r)\n  %y = Relu(%c)\n"},
    {"lone channels, halved",
     "graph g(%x: bf16[1,32,12,13], %w: bf16[32,1,5,5]) -> (%y)\n"
     "  %a = Conv(%x, %w) pads=[2,1,1,2] strides=[2,2] group=32\n  %y = Swish(%a)\n"},
    {"lone channels of many taps",
     "graph g(%x: f16[1,40,14,13], %w: f16[40,1,7,7], %b: f16[40]) -> (%y)\n"
     "  %y = Conv(%x, %w, %b) pads=[3,3,3,3] group=40\n"},
    {"groups of four channels",
     "graph g(%x: f16[n,32,h,7], %w: f16[32,4,3,3], %b: f16[32]) -> (%y)\n"
     "  %a = Conv(%x, %w, %b) pads=[1,2,1,2] dilations=[1,2] group=8\n  %y = Relu(%a)\n",
     {{{"n", 1}, {"h", 5}}, {{"n", 3}, {"h", 10}}}},
    {"groups of sixteen channels",
     "graph g(%x: f16[2,48,10,9], %w: f16[72,16,3,3]) -> (%y)\n"
     "  %y = Conv(%x, %w) pads=[1,1,1,1] strides=[1,2] group=3\n"},
};

/// Folds of what lies apart: channels are innermost.
inline const RegionCase kAcross[] = {
    {"means of channels",
     "graph g(%x: f16[3,40,9,11]) -> (%y)\n  %y = ReduceMean(%x) axes=[2,3]\n"},
    {"the largest of many channels",
     "graph g(%x: f32[2,2560,5,7]) -> (%y)\n  %a = Neg(%x)\n  %y = ReduceMax(%a) axes=[2,3]\n"},
    {"means of some channels",
     "graph g(%x: bf16[1,600,9,9]) -> (%y)\n  %y = ReduceMean(%x) axes=[2,3]\n"},
};

/// The second operand is a constant, and so are vectors of i32; what has channels (rank 4, but no
/// constant) has them innermost.
inline std::shared_ptr<Problem> problem_of(const Graph& graph, bool constant, bool channels) {
  auto problem = std::make_shared<Problem>();
  problem->region.body = graph.clone();
  problem->weights.resize(graph.inputs().size());
  problem->ranges = graph.ranges();
  if (constant) {
    Rng rng(5);
    for (size_t i = 1; i < graph.inputs().size(); ++i) {
      const Type& type = graph.inputs()[i]->type;
      const bool is_bias = type.tensor().dtype == DType::i32 && type.tensor().shape().size() == 1;
      if (i == 1 || is_bias) problem->weights[i] = Weight::of(drawn(type, {}, rng));
    }
  }
  const auto layout = [&](const Value& value, bool is_constant) {
    OperandLayout made{{}, 64};
    const Dims& shape = value.type.tensor().shape();
    if (channels && !is_constant && shape.size() == 4)
      made.strides = strides_in({0, 2, 3, 1}, shape);
    return made;
  };
  for (size_t i = 0; i < graph.inputs().size(); ++i)
    problem->inputs.push_back(layout(*graph.inputs()[i], problem->weights[i] != nullptr));
  for (const GraphOutput& output : graph.outputs())
    problem->outputs.push_back(layout(*output.value, false));
  return problem;
}

}  // namespace hone::test
