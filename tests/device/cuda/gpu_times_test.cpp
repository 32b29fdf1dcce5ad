// Times of kernels on a GPU, for people: where HONE_GPU_TIMES is set.

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <span>

#include "device/cuda/device.hpp"
#include "device/cuda/halves.hpp"
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

/// Replayed one behind the other, as in a network.
double seconds_of(Bound& bound, Stream& stream) {
  using Clock = std::chrono::steady_clock;
  constexpr int kRuns = 20;
  bound.enqueue(stream);
  stream.synchronize();
  stream.begin_recording();
  for (int i = 0; i < kRuns; ++i) bound.enqueue(stream);
  const auto recording = stream.end_recording();
  double best = 1;
  for (int round = 0; round < 4; ++round) {
    const auto begin = Clock::now();
    recording->replay(stream);
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
std::vector<Way> ways_of(std::string_view text, bool is_large, bool laid, hone::Device& device,
                         std::string& chosen) {
  const auto stream = device.stream({});
  const auto graph = parse(text, all_ops());
  infer(*graph);
  const auto problem = problem_of(*graph, laid, laid);
  problem->target = device.target();
  std::vector<Buffer> buffers;
  Operands operands;
  for (const Value* input : graph->inputs())
    operands.inputs.push_back(placed(device, *stream, *input, true, buffers));
  for (const GraphOutput& output : graph->outputs())
    operands.outputs.push_back(placed(device, *stream, *output.value, false, buffers));
  std::vector<Way> ways;
  double least = 1;
  struct Prepared {
    const Kernel* kernel;
    Recipe recipe;
    std::shared_ptr<const hone::Prepared> prepared;
  };
  std::vector<Prepared> all;  // they are compiled beside each other
  for (const Kernel* kernel : device.kernels().all()) {
    if (kernel->on_host || !kernel->accepts(*problem).yes) continue;
    if (kernel->name == "cuda.nest" && is_large && !all.empty()) continue;
    if (kernel->name == "cuda.contract" && laid) continue;
    if (const char* names = std::getenv("HONE_GPU_KERNELS");
        names != nullptr && std::string_view(names).find(kernel->name) == std::string_view::npos)
      continue;
    auto tunings = kernel->tunings(*problem);
    if (tunings.size() > (laid ? 12 : 5)) tunings.resize(laid ? 12 : 5);
    for (const Tuning& tuning : tunings) {
      Recipe recipe = kernel->recipe(problem, tuning);
      std::vector<Tensor> packed;
      for (const Packing& packing : recipe.packings)
        packed.push_back(packing.pack(*problem, tuning, problem->weights[packing.input]->tensor()));
      auto prepared = kernel->prepare(recipe, std::move(packed), device);
      all.push_back({kernel, std::move(recipe), std::move(prepared)});
    }
  }
  for (const Prepared& each : all) {
    const Buffer scratch = device.allocate(*each.recipe.scratch_bytes.evaluate({}));
    const auto bound = each.prepared->bind(operands, bytes_of(scratch), *stream);
    ways.push_back({seconds_of(*bound, *stream), each.recipe.seconds,
                    cat(each.kernel->name, " ", tuning_text(each.recipe.tuning))});
    if (each.recipe.seconds < least) least = each.recipe.seconds, chosen = ways.back().text;
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
    const std::vector<Way> ways = ways_of(timed.text, timed.flops > 1e9, false, *device, chosen);
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

/// A convolution of ResNet-50, as often as it has it.
struct Layer {
  int channels, size, filters, kernel, stride, sum, count;
};
constexpr Layer kLayers[] = {
    {64, 56, 64, 1, 1, 0, 1},   {256, 56, 64, 1, 1, 0, 2},    {64, 56, 64, 3, 1, 0, 3},
    {64, 56, 256, 1, 1, 1, 3},  {64, 56, 256, 1, 1, 0, 1},    {256, 56, 128, 1, 1, 0, 1},
    {128, 56, 128, 3, 2, 0, 1}, {128, 28, 512, 1, 1, 1, 4},   {512, 28, 128, 1, 1, 0, 3},
    {128, 28, 128, 3, 1, 0, 3}, {256, 56, 512, 1, 2, 0, 1},   {512, 28, 256, 1, 1, 0, 1},
    {256, 28, 256, 3, 2, 0, 1}, {256, 14, 1024, 1, 1, 1, 6},  {1024, 14, 256, 1, 1, 0, 5},
    {256, 14, 256, 3, 1, 0, 5}, {512, 28, 1024, 1, 2, 0, 1},  {1024, 14, 512, 1, 1, 0, 1},
    {512, 14, 512, 3, 2, 0, 1}, {512, 7, 2048, 1, 1, 1, 3},   {2048, 7, 512, 1, 1, 0, 2},
    {512, 7, 512, 3, 1, 0, 2},  {1024, 14, 2048, 1, 2, 0, 1}, {3, 224, 64, 7, 2, 0, 1}};

/// All tunings are timed; the sums are of the fastest and of those of the least estimate.
void time_layers(std::span<const Layer> layers, int batch, hone::Device& device) {
  double sum = 0, sum_chosen = 0;
  for (const Layer& layer : layers) {
    const int pad = layer.kernel / 2, out = (layer.size - 1) / layer.stride + 1;
    const std::string text =
        cat("graph g(%x: f16[", batch, ",", layer.channels, ",", layer.size, ",", layer.size,
            "], %w: f16[", layer.filters, ",", layer.channels, ",", layer.kernel, ",", layer.kernel,
            "], %b: f16[", layer.filters, "], %r: f16[", batch, ",", layer.filters, ",", out, ",",
            out, "]) -> (%y)\n  %a = Conv(%x, %w, %b) pads=[", pad, ",", pad, ",", pad, ",", pad,
            "] strides=[", layer.stride, ",", layer.stride, "]\n",
            layer.sum != 0 ? "  %c = Add(%a, %r)\n  %y = Relu(%c)\n" : "  %y = Relu(%a)\n");
    std::string chosen;
    const std::vector<Way> ways = ways_of(text, true, true, device, chosen);
    const auto pick =
        std::find_if(ways.begin(), ways.end(), [&](const Way& way) { return way.text == chosen; });
    sum += layer.count * ways.front().seconds;
    for (const Way& way : ways)  // for those who fit estimates
      std::fprintf(stderr, "%d %d %d %d %d %d %d %.2f %.2f %s\n", batch, layer.channels, layer.size,
                   layer.filters, layer.kernel, layer.stride, layer.sum, way.seconds * 1e6,
                   way.estimate * 1e6, way.text.c_str());
    sum_chosen += layer.count * pick->seconds;
    const double flops =
        2.0 * batch * out * out * layer.filters * layer.channels * layer.kernel * layer.kernel;
    const double bytes = 2.0 * batch *
                         (layer.channels * layer.size * layer.size /
                              (layer.kernel == 1 ? layer.stride * layer.stride : 1) +
                          (1.0 + layer.sum) * layer.filters * out * out);
    std::printf(
        "b%d %d %d %d %d/%d%s x%d: %.1f us (%.0f TFLOP/s, %.2f TB/s) %s; chosen %.1f "
        "(estimate %.1f) %s\n",
        batch, layer.channels, layer.size, layer.filters, layer.kernel, layer.stride,
        layer.sum != 0 ? "+" : "", layer.count, ways.front().seconds * 1e6,
        flops / ways.front().seconds * 1e-12, bytes / ways.front().seconds * 1e-12,
        ways.front().text.c_str() + 12, pick->seconds * 1e6, pick->estimate * 1e6,
        pick == ways.begin() ? "" : pick->text.c_str() + 12);
  }
  std::printf("b%d sum %.3f ms, chosen %.3f ms\n", batch, sum * 1e3, sum_chosen * 1e3);
}

/// "1": all; "b128": of one batch.
bool is_asked(int batch) {
  const char* asked = std::getenv("HONE_GPU_TIMES");
  return asked != nullptr && cuda::gpu_count() > 0 &&
         (std::string_view(asked) == "1" || asked == cat("b", batch));
}

TEST(GpuTimes, Layers) {
  for (const int batch : {1, 8, 128})
    if (is_asked(batch)) time_layers(kLayers, batch, *open_device("cuda"));
}

/// Products of BERT-base, as points of pictures of one pixel.
TEST(GpuTimes, Rows) {
  constexpr Layer kRows[] = {{768, 1, 2304, 1, 1, 0, 1},
                             {768, 1, 768, 1, 1, 1, 1},
                             {768, 1, 3072, 1, 1, 0, 1},
                             {3072, 1, 768, 1, 1, 1, 1}};
  for (const int rows : {128, 16384})
    if (is_asked(rows)) time_layers(kRows, rows, *open_device("cuda"));
}

}  // namespace
}  // namespace hone::test
