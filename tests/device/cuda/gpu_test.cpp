// Kernels on a GPU: every one that takes a region, with every tuning, against the reference.

#include <gtest/gtest.h>

#include <cstring>
#include <set>

#include "device/cuda/device.hpp"
#include "device/cuda/regions.hpp"
#include "device/problem.hpp"

namespace hone::test {
namespace {

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

std::shared_ptr<Problem> problem_for(const Graph& graph) {
  auto problem = std::make_shared<Problem>();
  problem->region.body = graph.clone();
  problem->weights.resize(graph.inputs().size());
  problem->ranges = graph.ranges();
  problem->target = gpu()->target();
  return problem;
}

/// Results lie between fences, and are poisoned before.
void run(const Kernel& kernel, const std::shared_ptr<Problem>& problem, const Tuning& tuning,
         const std::vector<Tensor>& inputs, const std::vector<Tensor>& wanted,
         const Bindings& sizes) {
  const Recipe recipe = kernel.recipe(problem, tuning);
  const auto prepared = kernel.prepare(recipe, {}, *gpu());
  const auto stream = gpu()->stream({});
  std::vector<Buffer> buffers;
  Operands operands;
  operands.symbols = sizes;
  for (const Tensor& input : inputs) {
    buffers.push_back(uploaded(input, *stream));
    operands.inputs.push_back({buffers.back().data, input.dtype(), input.shape()});
  }
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
  const auto bound = prepared->bind(operands, bytes_of(scratch), *stream);
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
    expect_close(got, wanted[i]);
  }
}

void run_all(const RegionCase& region, std::set<std::string>& ran) {
  const auto graph = graph_of(region);
  const auto problem = problem_for(*graph);
  Rng rng(11);
  for (const Bindings& sizes : region.sizes) {
    std::vector<Tensor> inputs;
    for (const Value* input : graph->inputs()) inputs.push_back(drawn(input->type, sizes, rng));
    const std::vector<Tensor> wanted = evaluate(*graph, inputs);
    for (const Kernel* kernel : gpu()->kernels().all()) {
      if (kernel->on_host || !kernel->accepts(*problem).yes) continue;
      ran.emplace(kernel->name);
      for (const Tuning& tuning : kernel->tunings(*problem)) {
        SCOPED_TRACE(cat(region.name, ", ", kernel->name, " ", tuning_text(tuning)));
        run(*kernel, problem, tuning, inputs, wanted, sizes);
      }
    }
  }
}

TEST(Gpu, KernelsComputeTheirRegions) {
  if (gpu() == nullptr) GTEST_SKIP() << "there is no GPU: " << driver_state().why;
  std::set<std::string> ran;
  for (const RegionCase& region : kRegions) run_all(region, ran);
  for (const RegionCase& region : kProducts) run_all(region, ran);
  for (const RegionCase& region : kAttentions) run_all(region, ran);
  for (const Kernel* kernel : gpu()->kernels().all())
    EXPECT_TRUE(kernel->on_host || ran.contains(std::string(kernel->name))) << kernel->name;
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

}  // namespace
}  // namespace hone::test
