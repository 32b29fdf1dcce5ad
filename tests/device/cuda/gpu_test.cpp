// Kernels on a GPU: every one that takes a region, with every tuning, against the reference.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <set>

#include "device/cuda/attentions.hpp"
#include "device/cuda/caches.hpp"
#include "device/cuda/device.hpp"
#include "device/cuda/emit/half_product.hpp"
#include "device/cuda/integers.hpp"
#include "device/cuda/small_regions.hpp"
#include "device/problem.hpp"

namespace hone::test::gpu_test {

using namespace cuda;

hone::Device* gpu() {
  static const auto kGpu = gpu_count() > 0 ? open_device("cuda") : nullptr;
  return kGpu.get();
}

constexpr int64_t kFence = 256;

Buffer uploaded(const Tensor& tensor, hone::Stream& stream) {
  const auto bytes = static_cast<int64_t>(tensor.bytes().size());
  const Buffer buffer = gpu()->allocate(bytes);
  const Buffer from{const_cast<std::byte*>(tensor.bytes().data()), bytes, true, nullptr};
  gpu()->copy(buffer, from, stream);
  return buffer;
}

/// With the axes of a picture in this order in memory, from a dense one or back.
Tensor moved(const Tensor& from, const std::vector<int>& order, bool back) {
  Tensor to(from.dtype(), from.shape());
  const auto bytes = static_cast<size_t>(bits(from.dtype()) / 8);
  std::vector<int64_t> shape = from.shape(), at(shape.size(), 0), strides(shape.size());
  int64_t stride = 1;
  for (size_t i = order.size(); i-- > 0;) {
    strides[static_cast<size_t>(order[i])] = stride;
    stride *= shape[static_cast<size_t>(order[i])];
  }
  for (int64_t dense = 0; dense < from.count(); ++dense) {
    int64_t place = 0;
    for (size_t axis = 0; axis < at.size(); ++axis) place += at[axis] * strides[axis];
    const int64_t read = back ? place : dense, written = back ? dense : place;
    std::memcpy(to.mutable_bytes().data() + static_cast<size_t>(written) * bytes,
                from.bytes().data() + static_cast<size_t>(read) * bytes, bytes);
    for (size_t axis = at.size(); axis-- > 0 && ++at[axis] == shape[axis];) at[axis] = 0;
  }
  return to;
}

Tensor as_laid(const Tensor& tensor, const std::vector<OperandLayout>& layouts, size_t i,
               bool back) {
  const bool dense = i >= layouts.size() || layouts[i].strides.empty();
  return dense ? tensor : moved(tensor, {0, 2, 3, 1}, back);
}

/// Tiles that small regions have no use for. Integers have none of 256 rows (kernels/tensor.cpp).
void add_tiles(std::vector<Tuning>& tunings, bool integers) {
  const bool groups = cuda::capability_of(*gpu()->target()) == 90;
  if (tunings.size() > 4) tunings.resize(4);
  for (const auto& [m, n, stages, split] : {std::array{128, 256, 4, 1},
                                            {256, 128, 3, 1},
                                            {128, 128, 4, 2},
                                            {64, 128, 6, 1},
                                            {128, 64, 3, 1},
                                            {64, 32, 3, 4}})
    for (const bool with_groups : {false, true})
      if (!(integers && m > 128) && (!with_groups || groups) && (with_groups || m * n <= 128 * 128))
        tunings.push_back({{"m", m},
                           {"n", n},
                           {"stages", stages},
                           {"split", split},
                           {"groups", with_groups ? 1 : 0},
                           {"behind", with_groups && stages > 3 ? 1 : 0}});
}

/// The first, and others from some place on: all are some region's.
void keep_some(std::vector<Tuning>& tunings, size_t count, size_t place) {
  const auto first = tunings.begin() + 2;
  const auto others = static_cast<size_t>(tunings.end() - first);
  std::rotate(first, first + static_cast<long>(place % others), tunings.end());
  tunings.resize(count);
}

/// Blocks that have many tiles each.
void add_few_blocks(std::vector<Tuning>& tunings) {
  for (size_t i = tunings.size(); i-- > 0;) {
    tunings.push_back(tunings[i]);
    tunings.back()["blocks"] = 2;
  }
}

/// One way to run a region; its text is compiled beside the others'.
struct Prepared {
  const RegionCase* region;
  std::shared_ptr<const Graph> graph;
  std::shared_ptr<Problem> problem;
  const Kernel* kernel;
  Recipe recipe;
  std::shared_ptr<const hone::Prepared> prepared;
};

/// HONE_GPU_KERNELS: names of kernels, for people who write one; else all of them.
bool is_asked(const Kernel& kernel) {
  const char* names = std::getenv("HONE_GPU_KERNELS");
  return names == nullptr || std::string_view(names).find(kernel.name) != std::string_view::npos;
}

void prepare_all(const RegionCase& region, std::shared_ptr<Problem> problem,
                 std::vector<Prepared>& all) {
  const std::shared_ptr<const Graph> graph = graph_of(region);
  problem->target = gpu()->target();
  for (const Kernel* kernel : gpu()->kernels().all()) {
    if (kernel->on_host || !is_asked(*kernel) || !kernel->accepts(*problem).yes) continue;
    std::vector<Tuning> tunings = kernel->tunings(*problem);
    const bool stays = kernel->name == "cuda.resident";
    if (kernel->name == "cuda.tensor")
      add_tiles(tunings, emitter::half_product_of(*problem)->integers());
    else if (tunings.size() > 8) keep_some(tunings, stays ? 5 : 8, all.size());
    if (stays) add_few_blocks(tunings);
    for (const Tuning& tuning : tunings) {
      Recipe recipe = kernel->recipe(problem, tuning);
      std::vector<Tensor> packed;
      for (const Packing& packing : recipe.packings)
        packed.push_back(packing.pack(*problem, tuning, problem->weights[packing.input]->tensor()));
      auto prepared = kernel->prepare(recipe, std::move(packed), *gpu());
      all.push_back({&region, graph, problem, kernel, std::move(recipe), std::move(prepared)});
    }
  }
}

/// Results lie between fences, and are poisoned before.
void run(const Prepared& way, const std::vector<Tensor>& inputs, const std::vector<Tensor>& wanted,
         const Bindings& sizes) {
  const Recipe& recipe = way.recipe;
  const auto& problem = way.problem;
  const auto stream = gpu()->stream({});
  std::vector<Buffer> buffers;
  Operands operands;
  operands.symbols = sizes;
  for (size_t i = 0; i < inputs.size(); ++i) {
    buffers.push_back(uploaded(as_laid(inputs[i], problem->inputs, i, false), *stream));
    operands.inputs.push_back({buffers.back().data, inputs[i].dtype(), inputs[i].shape()});
  }
  for (const Packing& packing : recipe.packings) operands.inputs[packing.input].data = nullptr;
  std::vector<Tensor> places;
  std::vector<Buffer> results;
  for (const Tensor& each : wanted) {
    const auto bytes = static_cast<int64_t>(each.bytes().size());
    places.emplace_back(DType::u8, std::vector<int64_t>{bytes + 2 * kFence});
    std::memset(places.back().mutable_bytes().data(), 0xa5, places.back().bytes().size());
    results.push_back(uploaded(places.back(), *stream));
    operands.outputs.push_back({results.back().data + kFence, each.dtype(), each.shape()});
  }
  const Buffer scratch = gpu()->allocate(*recipe.scratch_bytes.evaluate(sizes));
  const auto bound = way.prepared->bind(operands, bytes_of(scratch), *stream);
  bound->enqueue(*stream);
  for (size_t i = 0; i < wanted.size(); ++i) {
    const Buffer to{places[i].mutable_bytes().data(), results[i].bytes, true, nullptr};
    gpu()->copy(to, results[i], *stream);
  }
  stream->synchronize();
  for (size_t i = 0; i < wanted.size(); ++i) {
    const std::byte* data = places[i].bytes().data();
    const size_t bytes = wanted[i].bytes().size();
    for (int64_t at = 0; at < kFence; ++at) {
      ASSERT_EQ(data[at], std::byte{0xa5}) << "before the result";
      ASSERT_EQ(data[static_cast<size_t>(kFence + at) + bytes], std::byte{0xa5}) << "behind it";
    }
    Tensor got(wanted[i].dtype(), wanted[i].shape());
    std::memcpy(got.mutable_bytes().data(), data + kFence, bytes);
    expect_close(as_laid(got, problem->outputs, i, true), wanted[i]);
  }
}

/// Those of one problem stand together: its inputs are drawn once.
void run_all(const std::vector<Prepared>& all) {
  const Problem* last = nullptr;
  std::vector<std::vector<Tensor>> inputs, wanted;  // by sizes
  for (const Prepared& each : all) {
    if (each.problem.get() != last) {
      last = each.problem.get();
      inputs.clear(), wanted.clear();
      Rng rng(11);
      for (const Bindings& sizes : each.region->sizes) {
        inputs.emplace_back();
        for (const Value* input : each.graph->inputs()) {
          const auto& weight = last->weights[inputs.back().size()];
          Tensor made = weight != nullptr ? weight->tensor() : drawn(input->type, sizes, rng);
          if (const auto found = each.region->bounds.find(input->name);
              found != each.region->bounds.end())
            for (int64_t i = 0; i < made.count(); ++i)
              made.set_integer(
                  i, found->second.first + static_cast<int64_t>(rng.below(
                                               found->second.second - found->second.first + 1)));
          inputs.back().push_back(std::move(made));
        }
        wanted.push_back(evaluate(*each.graph, inputs.back()));
      }
    }
    SCOPED_TRACE(
        cat(each.region->name, ", ", each.kernel->name, " ", tuning_text(each.recipe.tuning),
            last->weights.size() > 1 && last->weights[1] != nullptr ? ", constant" : "",
            !last->outputs.empty() && !last->outputs[0].strides.empty() ? ", channels" : ""));
    for (size_t i = 0; i < inputs.size(); ++i) {
      try {
        run(each, inputs[i], wanted[i], each.region->sizes[i]);
      } catch (const Error& error) {
        ADD_FAILURE() << error.message();
      }
    }
  }
}

TEST(Gpu, KernelsComputeTheirRegions) {
  if (gpu() == nullptr) GTEST_SKIP() << "there is no GPU: " << driver_state().why;
  std::vector<Prepared> all;
  for (const RegionCase& region : kRegions) {
    const auto graph = graph_of(region);
    prepare_all(region, problem_of(*graph, false, false), all);
    const auto by_channels = problem_of(*graph, false, true);
    if (std::ranges::any_of(by_channels->inputs,
                            [](const OperandLayout& layout) { return !layout.strides.empty(); }))
      prepare_all(region, by_channels, all);
  }
  for (const RegionCase& region : kSmallRegions)
    prepare_all(region, problem_of(*graph_of(region), false, false), all);
  for (const RegionCase& region : kSerial)
    prepare_all(region, problem_of(*graph_of(region), false, false), all);
  for (const RegionCase& region : kProducts)
    prepare_all(region, problem_of(*graph_of(region), false, false), all);
  for (const RegionCase& region : kHalfAttentions)
    prepare_all(region, problem_of(*graph_of(region), false, false), all);
  for (const RegionCase& region : kAttentions)
    prepare_all(region, problem_of(*graph_of(region), false, false), all);
  for (const RegionCase& region : kGroupQueries)
    prepare_all(region, problem_of(*graph_of(region), false, false), all);
  for (const RegionCase& region : kNBits) prepare_all(region, problem_of_nbits(region), all);
  for (const RegionCase& region : kHalves)
    for (const bool constants : {false, true})
      for (const bool channels : {false, true})
        prepare_all(region, problem_of(*graph_of(region), constants, channels), all);
  for (const RegionCase& region : kGrouped)
    prepare_all(region, problem_of(*graph_of(region), true, true), all);
  for (const RegionCase& region : kAcross)
    prepare_all(region, problem_of(*graph_of(region), false, true), all);
  run_all(all);
  for (const Kernel* kernel : gpu()->kernels().all())
    EXPECT_TRUE(
        kernel->on_host || !is_asked(*kernel) ||
        std::ranges::any_of(all, [&](const Prepared& each) { return each.kernel == kernel; }))
        << kernel->name;
}

TEST(Gpu, KernelsComputeProductsOfIntegers) {
  if (gpu() == nullptr) GTEST_SKIP() << "there is no GPU: " << driver_state().why;
  std::vector<Prepared> all;
  for (const RegionCase& region : kIntegers)
    for (const auto& [constants, channels] : {std::pair{false, false}, {true, false}, {true, true}})
      prepare_all(region, problem_of(*graph_of(region), constants, channels), all);
  for (const RegionCase& region : kGroupedIntegers)
    prepare_all(region, problem_of(*graph_of(region), true, true), all);
  run_all(all);
}

TEST(Gpu, MemoryThatCannotBeHadLeavesItUsable) {
  if (gpu() == nullptr) GTEST_SKIP() << "there is no GPU: " << driver_state().why;
  for (int i = 0; i < 2; ++i) {
    try {
      (void)gpu()->allocate(int64_t{1} << 50);
      ADD_FAILURE() << "a petabyte was had";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::out_of_memory) << error.message();
    }
    EXPECT_EQ(gpu()->allocate(1000).bytes, 1000);
  }
}

TEST(Gpu, MemoryIsZeroedAgain) {
  if (gpu() == nullptr) GTEST_SKIP() << "there is no GPU: " << driver_state().why;
  const auto stream = gpu()->stream({});
  Tensor ones(DType::u8, {5000});
  std::memset(ones.mutable_bytes().data(), 1, 5000);
  { (void)uploaded(ones, *stream); }
  stream->synchronize();
  const Buffer again = gpu()->allocate(5000);
  gpu()->copy({ones.mutable_bytes().data(), 5000, true, nullptr}, again, *stream);
  stream->synchronize();
  for (int64_t i = 0; i < 5000; ++i) ASSERT_EQ(ones.integer(i), 0);
}

}  // namespace hone::test::gpu_test
