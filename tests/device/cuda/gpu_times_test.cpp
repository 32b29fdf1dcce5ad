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

namespace hone::test::gpu_times_test {

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
    const bool has_bytes = is_integer(tensor.dtype()) && bits(tensor.dtype()) == 8;
    std::vector<float> numbers(4096);
    if (has_bytes) {
      std::vector<std::byte> random(4099);  // no multiple of a row
      for (std::byte& each : random) each = static_cast<std::byte>(rng.below(256));
      std::byte* to = tensor.mutable_bytes().data();
      for (int64_t i = 0; i < tensor.count(); ++i) to[i] = random[static_cast<size_t>(i % 4099)];
    }
    for (float& each : numbers) each = static_cast<float>(rng.below(2000)) / 1000 - 1;
    for (int64_t i = 0; !has_bytes && i < tensor.count(); i += 4096)
      convert_from_f32(numbers.data(), std::min<int64_t>(4096, tensor.count() - i), tensor.dtype(),
                       tensor.mutable_bytes().data() + i * bits(tensor.dtype()) / 8);
  }
  const auto bytes = static_cast<int64_t>(tensor.bytes().size());
  buffers.push_back(device.allocate(bytes));
  device.copy(buffers.back(), {tensor.mutable_bytes().data(), bytes, true, nullptr}, stream);
  stream.synchronize();
  return {buffers.back().data, tensor.dtype(), tensor.shape()};
}

/// Of each kernel with some of its tunings. `chosen`: gets the one of the least estimate. `laid`:
/// as problem_of() has it in halves.hpp, for both.
std::vector<Way> ways_of(std::string_view text, bool is_large, bool laid, size_t most_tunings,
                         hone::Device& device, std::string& chosen) {
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
    if (tunings.size() > most_tunings) tunings.resize(most_tunings);
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
    const std::vector<Way> ways = ways_of(timed.text, timed.flops > 1e9, false, 5, *device, chosen);
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

/// What memory takes longest for: at least 512 MB, much more than any cache holds.
const Timed kLarge[] = {
    {"pointwise f32 64M",
     "graph g(%x: f32[4096,16384], %z: f32[16384]) -> (%y)\n"
     "  %a = Add(%x, %z)\n  %y = Relu(%a)\n",
     0, 537e6},
    {"pointwise f16 128M",
     "graph g(%x: f16[8192,16384], %z: f16[16384]) -> (%y)\n"
     "  %a = Add(%x, %z)\n  %y = Gelu(%a)\n",
     0, 537e6},
    {"sum of two f32 64M",
     "graph g(%x: f32[4096,16384], %z: f32[4096,16384]) -> (%y)\n  %y = Add(%x, %z)\n", 0, 805e6},
    {"softmax f32 65536x1024", "graph g(%x: f32[65536,1024]) -> (%y)\n  %y = Softmax(%x)\n", 0,
     537e6},
    {"softmax f16 131072x1024", "graph g(%x: f16[131072,1024]) -> (%y)\n  %y = Softmax(%x)\n", 0,
     537e6},
    {"softmax f32 4096x16384", "graph g(%x: f32[4096,16384]) -> (%y)\n  %y = Softmax(%x)\n", 0,
     537e6},
    {"layer norm f32 87040x768",
     "graph g(%x: f32[87040,768], %s: f32[768], %b: f32[768]) -> (%y)\n"
     "  %y = LayerNormalization(%x, %s, %b)\n",
     0, 535e6},
    {"layer norm f16 131072x1024",
     "graph g(%x: f16[131072,1024], %s: f16[1024], %b: f16[1024]) -> (%y)\n"
     "  %y = LayerNormalization(%x, %s, %b)\n",
     0, 537e6},
    {"layer norm f16 32768x4096",
     "graph g(%x: f16[32768,4096], %s: f16[4096], %b: f16[4096]) -> (%y)\n"
     "  %y = LayerNormalization(%x, %s, %b)\n",
     0, 537e6},
};

TEST(GpuTimes, Memory) {
  if (std::getenv("HONE_GPU_TIMES") == nullptr || cuda::gpu_count() == 0)
    GTEST_SKIP() << "no times are asked for, or there is no GPU";
  const auto device = open_device("cuda");
  for (const Timed& timed : kLarge) {
    std::string chosen;
    for (const Way& way : ways_of(timed.text, false, false, 5, *device, chosen))
      std::printf("%-28s %8.1f us %6.2f TB/s %s\n", std::string(timed.name).c_str(),
                  way.seconds * 1e6, timed.bytes / way.seconds * 1e-12, way.text.c_str());
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

/// A region, as often as a network has it.
struct Region {
  std::string name, text;
  double flops, bytes;  // that one run computes, moves at least
  int count = 1;
  bool laid = true;
};

struct Sum {
  double fastest = 0, chosen = 0;
};

/// All tunings are timed: the fastest is added, and the one of the least estimate.
void time_region(const Region& region, hone::Device& device, Sum& sum) {
  std::string chosen;
  const std::vector<Way> ways = ways_of(region.text, true, region.laid, 12, device, chosen);
  const auto pick =
      std::find_if(ways.begin(), ways.end(), [&](const Way& way) { return way.text == chosen; });
  for (const Way& way : ways)  // for those who fit estimates
    std::fprintf(stderr, "%s: %.2f %.2f %s\n", region.name.c_str(), way.seconds * 1e6,
                 way.estimate * 1e6, way.text.c_str());
  sum.fastest += region.count * ways.front().seconds;
  sum.chosen += region.count * pick->seconds;
  std::printf("%s x%d: %.1f us (%.0f TFLOP/s, %.2f TB/s) %s; chosen %.1f (estimate %.1f) %s\n",
              region.name.c_str(), region.count, ways.front().seconds * 1e6,
              region.flops / ways.front().seconds * 1e-12,
              region.bytes / ways.front().seconds * 1e-12, ways.front().text.c_str() + 5,
              pick->seconds * 1e6, pick->estimate * 1e6,
              pick == ways.begin() ? "" : pick->text.c_str() + 5);
}

void time_regions(const std::vector<Region>& regions, std::string_view name) {
  const auto device = open_device("cuda");
  Sum sum;
  for (const Region& region : regions) time_region(region, *device, sum);
  std::printf("%s sum %.3f ms, chosen %.3f ms\n", std::string(name).c_str(), sum.fastest * 1e3,
              sum.chosen * 1e3);
}

Region region_of(const Layer& layer, int batch) {
  const int pad = layer.kernel / 2, out = (layer.size - 1) / layer.stride + 1;
  const std::string text =
      cat("graph g(%x: f16[", batch, ",", layer.channels, ",", layer.size, ",", layer.size,
          "], %w: f16[", layer.filters, ",", layer.channels, ",", layer.kernel, ",", layer.kernel,
          "], %b: f16[", layer.filters, "], %r: f16[", batch, ",", layer.filters, ",", out, ",",
          out, "]) -> (%y)\n  %a = Conv(%x, %w, %b) pads=[", pad, ",", pad, ",", pad, ",", pad,
          "] strides=[", layer.stride, ",", layer.stride, "]\n",
          layer.sum != 0 ? "  %c = Add(%a, %r)\n  %y = Relu(%c)\n" : "  %y = Relu(%a)\n");
  const double flops =
      2.0 * batch * out * out * layer.filters * layer.channels * layer.kernel * layer.kernel;
  const double bytes = 2.0 * batch *
                       (layer.channels * layer.size * layer.size /
                            (layer.kernel == 1 ? layer.stride * layer.stride : 1) +
                        (1.0 + layer.sum) * layer.filters * out * out);
  return {cat("b", batch, " ", layer.channels, " ", layer.size, " ", layer.filters, " ",
              layer.kernel, "/", layer.stride, layer.sum != 0 ? "+" : ""),
          text, flops, bytes, layer.count};
}

/// The same of integers, as quantized networks have them.
Region region_of_integers(const Layer& layer, int batch) {
  Region made = region_of(layer, batch);
  const int pad = layer.kernel / 2, out = (layer.size - 1) / layer.stride + 1;
  const bool sum = layer.sum != 0;
  made.text =
      cat("graph g(%x: u8[", batch, ",", layer.channels, ",", layer.size, ",", layer.size,
          "], %w: i8[", layer.filters, ",", layer.channels, ",", layer.kernel, ",", layer.kernel,
          "], %s: f32[", layer.filters, "], %b: i32[", layer.filters, "], %r: u8[", batch, ",",
          layer.filters, ",", out, ",", out, "]) -> (%y)\n  %", sum ? "a" : "y",
          " = QLinearConv(%x, f32{0.0000035}, u8{0}, %w, %s, i8{0}, f32{0.05}, u8{", sum ? 131 : 0,
          "}, %b) pads=[", pad, ",", pad, ",", pad, ",", pad, "] strides=[", layer.stride, ",",
          layer.stride, "]\n",
          sum ? "  %y = QLinearAdd(%a, f32{0.00583}, u8{131}, %r, f32{0.00913}, u8{0}, "
                "f32{0.00997}, u8{0})\n"
              : "");
  made.bytes /= 2;
  made.name = cat("i", made.name);
  return made;
}

/// "1": all; else their names: "b128", "ib128" (integers), "rows16384".
bool is_asked(std::string_view name) {
  const char* asked = std::getenv("HONE_GPU_TIMES");
  if (asked == nullptr || cuda::gpu_count() == 0) return false;
  const std::string all = cat(" ", asked, " ");
  return all == " 1 " || all.find(cat(" ", name, " ")) != std::string::npos;
}

TEST(GpuTimes, Layers) {
  for (const int batch : {1, 8, 128}) {
    if (!is_asked(cat("b", batch))) continue;
    std::vector<Region> regions;
    for (const Layer& layer : kLayers) regions.push_back(region_of(layer, batch));
    time_regions(regions, cat("b", batch));
  }
  for (const int batch : {1, 8, 128}) {
    if (!is_asked(cat("ib", batch))) continue;
    std::vector<Region> regions;
    for (const Layer& layer : kLayers) regions.push_back(region_of_integers(layer, batch));
    time_regions(regions, cat("ib", batch));
  }
}

/// A product of rows, and what follows it.
Region product_of_rows(int rows, int depth, int columns, std::string_view behind, int parts = 1) {
  const std::string of_parts = parts > 1 ? cat(parts, ",1,") : "";
  const std::string text =
      cat("graph g(%x: f16[", rows, ",", depth, "], %w: f16[", of_parts, depth, ",", columns,
          "], %b: f16[", of_parts, parts > 1 ? "1," : "", columns, "], %r: f16[", rows, ",",
          columns, "]) -> (%y)\n  %a = MatMul(%x, %w)\n",
          behind == "" ? "  %y = Add(%a, %b)\n" : cat("  %c = Add(%a, %b)\n  %y = ", behind, "\n"));
  return {
      cat("rows ", rows, " ", depth, " ", parts > 1 ? cat(parts, "x") : "", columns, " ", behind),
      text, 2.0 * rows * depth * columns * parts,
      2.0 * (1.0 * rows * depth + 1.0 * depth * columns * parts +
             (behind.starts_with("Add") ? 2.0 : 1.0) * rows * columns * parts)};
}

/// Products of BERT-base, and of ViT-B/16 (32 x 197 rows).
TEST(GpuTimes, Rows) {
  for (const int rows : {128, 197, 1024, 6304, 16384})
    if (is_asked(cat("rows", rows)))
      time_regions(
          {product_of_rows(rows, 768, 768, ""), product_of_rows(rows, 768, 768, "", 3),
           product_of_rows(rows, 768, 2304, ""), product_of_rows(rows, 768, 768, "Add(%c, %r)"),
           product_of_rows(rows, 768, 3072, "Gelu(%c)"),
           product_of_rows(rows, 768, 3072, "Relu(%c)"),
           product_of_rows(rows, 3072, 768, "Add(%c, %r)")},
          cat("rows", rows));
}

/// Heads of a batch, queries and keys, elements of each; what mask there is.
TEST(GpuTimes, Attentions) {
  if (!is_asked("attentions")) GTEST_SKIP() << "no times of attention are asked for";
  struct Case {
    int batch, heads, queries, keys, head;
    std::string_view mask, more;
  };
  std::vector<Region> regions;
  for (const Case& each : {Case{128, 12, 128, 128, 64, "", ""},
                           {128, 12, 128, 128, 64, "f16[128,1,1,128]", ""},
                           {128, 12, 128, 128, 64, "f16[128,1,128,128]", ""},
                           {1, 12, 128, 128, 64, "f16[1,1,1,128]", ""},
                           {1, 12, 128, 128, 64, "f16[1,1,128,128]", ""},
                           {8, 12, 512, 512, 64, "", ""},
                           {32, 12, 384, 384, 64, "f16[32,1,1,384]", ""},
                           {32, 12, 197, 197, 64, "", ""},
                           {1, 12, 197, 197, 64, "", ""},
                           {4, 16, 2048, 2048, 64, "", ""},
                           {2, 16, 2048, 2048, 128, "", " is_causal=true"}}) {
    const auto rows = [&](int count) {
      return cat("f16[", each.batch, ",", count, ",", each.heads * each.head, "]");
    };
    const std::string keys = rows(each.keys);
    const std::string mask = each.mask.empty() ? "" : cat(", %m: ", each.mask);
    regions.push_back(
        {cat("attention b", each.batch, " h", each.heads, " ", each.queries, "x", each.keys, "x",
             each.head, " ", each.mask, each.more),
         cat("graph g(%q: ", rows(each.queries), ", %k: ", keys, ", %v: ", keys, mask,
             ") -> (%y)\n  %y = Attention(%q, %k, %v", each.mask.empty() ? "" : ", %m",
             ") q_num_heads=", each.heads, " kv_num_heads=", each.heads, each.more, "\n"),
         4.0 * each.batch * each.heads * each.queries * each.keys * each.head,
         4.0 * each.batch * each.heads * (each.queries + each.keys) * each.head, 1, false});
  }
  time_regions(regions, "attentions");
}

/// One word behind a past, as a language model writes; and keys that lie together, where nobody
/// wants them written.
TEST(GpuTimes, Words) {
  if (!is_asked("words")) GTEST_SKIP() << "no times of single words are asked for";
  struct Case {
    int batch, heads, kv_heads, keys, head;
  };
  std::vector<Region> regions;
  for (const Case& each : {Case{1, 12, 12, 1024, 64},
                           {1, 32, 8, 4096, 128},
                           {1, 32, 32, 1024, 128},
                           {16, 32, 8, 4096, 128},
                           {64, 32, 32, 512, 128}}) {
    const auto heads = [&](int count, int rows) {
      return cat("f16[", each.batch, ",", count, ",", rows, ",", each.head, "]");
    };
    const std::string all = heads(each.kv_heads, each.keys), one = heads(each.kv_heads, 1);
    const double bytes = 4.0 * each.batch * each.kv_heads * each.keys * each.head;
    const double flops = 4.0 * each.batch * each.heads * each.keys * each.head;
    const std::string name = cat("word b", each.batch, " h", each.heads, "/", each.kv_heads, " ",
                                 each.keys, "x", each.head);
    const std::string q = cat("graph g(%q: ", heads(each.heads, 1), ", %k: ");
    regions.push_back({name,
                       cat(q, all, ", %v: ", all, ") -> (%y)\n  %y = Attention(%q, %k, %v)\n"),
                       flops, bytes, 1, false});
    regions.push_back({name + ", past",
                       cat(q, one, ", %v: ", one, ", %c: ", all, ", %d: ", all,
                           ") -> (%y, %e, %f)\n  %y, %e, %f = Attention(%q, %k, %v, _, %c, %d)\n"),
                       flops, 2 * bytes, 1, false});
  }
  time_regions(regions, "words");
}

}  // namespace hone::test::gpu_times_test
