// Times of kernels on a GPU, for people: where HONE_GPU_TIMES is set.

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "device/cuda/device.hpp"
#include "device/cuda/regions.hpp"
#include "device/problem.hpp"

namespace hone::test {
namespace {

struct Timed {
  std::string_view name, text;
  double flops, bytes;  // that one run computes, moves at least
};

const Timed kTimed[] = {
    {"pointwise 64M f32",
     "graph g(%x: f32[4096,16384], %z: f32[16384]) -> (%y)\n"
     "  %a = Add(%x, %z)\n  %y = Relu(%a)\n",
     0, 537e6},
    {"softmax 16384x1024", "graph g(%x: f32[16384,1024]) -> (%y)\n  %y = Softmax(%x)\n", 0, 134e6},
    {"layer norm 16384x768",
     "graph g(%x: f32[16384,768], %s: f32[768], %b: f32[768]) -> (%y)\n"
     "  %y = LayerNormalization(%x, %s, %b)\n",
     0, 100e6},
    {"gemm 128x768x3072 f32",
     "graph g(%x: f32[128,768], %z: f32[768,3072], %b: f32[3072]) -> (%y)\n"
     "  %a = MatMul(%x, %z)\n  %c = Add(%a, %b)\n  %y = Gelu(%c)\n",
     2.0 * 128 * 768 * 3072, 11e6},
    {"gemm 4096 f32",
     "graph g(%x: f32[4096,4096], %z: f32[4096,4096]) -> (%y)\n  %y = MatMul(%x, %z)\n",
     2.0 * 4096 * 4096 * 4096, 201e6},
    {"gemm 4096 f16",
     "graph g(%x: f16[4096,4096], %z: f16[4096,4096]) -> (%y)\n  %y = MatMul(%x, %z)\n",
     2.0 * 4096 * 4096 * 4096, 100e6},
    {"gemm 4096 f16 transB",
     "graph g(%x: f16[4096,4096], %z: f16[4096,4096]) -> (%y)\n"
     "  %y = Gemm(%x, %z) transB=true\n",
     2.0 * 4096 * 4096 * 4096, 100e6},
    {"conv 3x3 128 28x28 b1",
     "graph g(%x: f32[1,128,28,28], %w: f32[128,128,3,3], %b: f32[128]) -> (%y)\n"
     "  %a = Conv(%x, %w, %b) pads=[1,1,1,1]\n  %y = Relu(%a)\n",
     2.0 * 128 * 784 * 1152, 1.4e6},
    {"conv 3x3 128 28x28 b32",
     "graph g(%x: f32[32,128,28,28], %w: f32[128,128,3,3], %b: f32[128]) -> (%y)\n"
     "  %a = Conv(%x, %w, %b) pads=[1,1,1,1]\n  %y = Relu(%a)\n",
     32 * 2.0 * 128 * 784 * 1152, 26e6},
    {"conv 1x1 256-1024 14x14 b32",
     "graph g(%x: f32[32,256,14,14], %w: f32[1024,256,1,1], %r: f32[32,1024,14,14]) -> (%y)\n"
     "  %a = Conv(%x, %w)\n  %c = Add(%a, %r)\n  %y = Relu(%c)\n",
     32 * 2.0 * 1024 * 196 * 256, 59e6},
    {"conv 3x3 128 28x28 b32 f16",
     "graph g(%x: f16[32,128,28,28], %w: f16[128,128,3,3], %b: f16[128]) -> (%y)\n"
     "  %a = Conv(%x, %w, %b) pads=[1,1,1,1]\n  %y = Relu(%a)\n",
     32 * 2.0 * 128 * 784 * 1152, 13e6},
    {"depthwise 3x3 192 56x56 b8",
     "graph g(%x: f32[8,192,56,56], %w: f32[192,1,3,3], %b: f32[192]) -> (%y)\n"
     "  %a = Conv(%x, %w, %b) pads=[1,1,1,1] group=192\n  %y = Relu(%a)\n",
     8 * 2.0 * 192 * 3136 * 9, 38e6},
    {"attention b1 h12 s128",
     "graph g(%q: f32[1,128,768], %k: f32[1,128,768], %v: f32[1,128,768]) -> (%y)\n"
     "  %y = Attention(%q, %k, %v) q_num_heads=12 kv_num_heads=12\n",
     4.0 * 12 * 128 * 128 * 64, 1.5e6},
    {"attention b8 h12 s512",
     "graph g(%q: f32[8,512,768], %k: f32[8,512,768], %v: f32[8,512,768]) -> (%y)\n"
     "  %y = Attention(%q, %k, %v) q_num_heads=12 kv_num_heads=12\n",
     8 * 4.0 * 12 * 512 * 512 * 64, 50e6},
};

double seconds_of(Bound& bound, Stream& stream) {
  using Clock = std::chrono::steady_clock;
  bound.enqueue(stream);
  stream.synchronize();
  double best = 1;
  for (int round = 0; round < 3; ++round) {
    constexpr int kRuns = 10;
    const auto begin = Clock::now();
    for (int i = 0; i < kRuns; ++i) bound.enqueue(stream);
    stream.synchronize();
    best = std::min(best, std::chrono::duration<double>(Clock::now() - begin).count() / kRuns);
  }
  return best;
}

struct Way {
  double seconds, estimate;
  std::string text;
};

/// An operand with random numbers, or a result.
Operand placed(hone::Device& device, Stream& stream, const Value& value, bool fill,
               std::vector<Buffer>& buffers) {
  Tensor tensor(value.type.tensor().dtype, *value.type.tensor().concrete());
  if (fill) {
    Rng rng(3);
    std::vector<float> numbers(4096);
    for (float& each : numbers) each = static_cast<float>(rng.below(2000)) / 1000 - 1;
    for (int64_t i = 0; i < tensor.count(); i += 4096)
      convert_from_f32(numbers.data(), std::min<int64_t>(4096, tensor.count() - i), tensor.dtype(),
                       tensor.mutable_bytes().data() + i * bits(tensor.dtype()) / 8);
  }
  const auto bytes = static_cast<int64_t>(tensor.bytes().size());
  buffers.push_back(device.allocate(bytes));
  device.copy(buffers.back(), {tensor.mutable_bytes().data(), bytes, true, nullptr}, stream);
  stream.synchronize();
  return {buffers.back().data, tensor.dtype(), tensor.shape()};
}

/// Of each kernel with some of its tunings. `chosen`: gets the one of the least estimate.
std::vector<Way> ways_of(const Timed& timed, hone::Device& device, std::string& chosen) {
  const auto stream = device.stream({});
  const auto graph = parse(timed.text, all_ops());
  infer(*graph);
  auto problem = std::make_shared<Problem>();
  problem->region.body = graph->clone();
  problem->weights.resize(graph->inputs().size());
  problem->target = device.target();
  std::vector<Buffer> buffers;
  Operands operands;
  for (const Value* input : graph->inputs())
    operands.inputs.push_back(placed(device, *stream, *input, true, buffers));
  for (const GraphOutput& output : graph->outputs())
    operands.outputs.push_back(placed(device, *stream, *output.value, false, buffers));
  std::vector<Way> ways;
  double least = 1;
  for (const Kernel* kernel : device.kernels().all()) {
    if (kernel->on_host || !kernel->accepts(*problem).yes) continue;
    if (kernel->name == "cuda.nest" && timed.flops > 1e9 && !ways.empty()) continue;
    auto tunings = kernel->tunings(*problem);
    if (tunings.size() > 5) tunings.resize(5);
    for (const Tuning& tuning : tunings) {
      const Recipe recipe = kernel->recipe(problem, tuning);
      const auto prepared = kernel->prepare(recipe, {}, device);
      const Buffer scratch = device.allocate(*recipe.scratch_bytes.evaluate({}));
      const auto bound = prepared->bind(operands, bytes_of(scratch), *stream);
      ways.push_back({seconds_of(*bound, *stream), recipe.seconds,
                      cat(kernel->name, " ", tuning_text(tuning))});
      if (recipe.seconds < least) least = recipe.seconds, chosen = ways.back().text;
    }
  }
  std::sort(ways.begin(), ways.end(),
            [](const Way& a, const Way& b) { return a.seconds < b.seconds; });
  return ways;
}

TEST(GpuTimes, Kernels) {
  if (std::getenv("HONE_GPU_TIMES") == nullptr || cuda::gpu_count() == 0)
    GTEST_SKIP() << "no times are asked for, or there is no GPU";
  const auto device = open_device("cuda");
  for (const Timed& timed : kTimed) {
    std::string chosen;
    const std::vector<Way> ways = ways_of(timed, *device, chosen);
    for (size_t i = 0; i < ways.size(); ++i) {
      const Way& way = ways[i];
      if (i > 0 && way.text != chosen) continue;
      std::printf("%-28s %8.1f us (estimate %8.1f) %7.2f TFLOP/s %6.2f TB/s %s%s\n",
                  i == 0 ? std::string(timed.name).c_str() : "", way.seconds * 1e6,
                  way.estimate * 1e6, timed.flops / way.seconds * 1e-12,
                  timed.bytes / way.seconds * 1e-12, way.text.c_str(),
                  way.text == chosen ? " <- chosen" : "");
    }
  }
}

}  // namespace
}  // namespace hone::test
