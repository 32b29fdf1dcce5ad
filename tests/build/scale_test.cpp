// Time grows as the graph does, from passes to an engine that is loaded again and runs.

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <functional>

#include "build/build.hpp"
#include "ir/text.hpp"
#include "ir/verify.hpp"
#include "ops/common/registry.hpp"
#include "runtime/context.hpp"
#include "support/scale_shapes.hpp"

namespace hone::test {
namespace {

/// Of the processor, in this thread: a loaded machine gives the same.
double seconds_of(const std::function<void()>& work) {
  const auto now = [] {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
  };
  const double start = now();
  work();
  return now() - start;
}

void build_and_run(const ScaleShape& shape, int nodes) {
  std::unique_ptr<Graph> graph = shape.make(nodes);
  verify(*graph, "making it");
  graph = parse(print(*graph), all_ops());
  EngineOptions one;
  one.workers = 1;
  BuildOptions options;
  options.engine = one;
  const auto engine = build(std::move(graph), options);
  const std::filesystem::path file =
      std::filesystem::temp_directory_path() / cat("hone-scale-", ::getpid(), ".hone");
  save(*engine, file);
  const auto loaded = load(file, {one, true});
  std::filesystem::remove(file);
  EXPECT_EQ(loaded->replanned(), "");
  const Value* input = loaded->graph().inputs().front();
  Tensor x(DType::f32, *input->type.tensor().concrete());
  Context(loaded).run({{"x", x}});
}

class Scale : public ::testing::TestWithParam<size_t> {};

// The bound is generous: four times the nodes take four times as long, and sixteen times where
// something looks at all of the graph for each node.
TEST_P(Scale, FourTimesTheNodesTakeLessThanEightTimesAsLong) {
  constexpr int kNodes = 3'000;
  constexpr double kNoise = 1;  // seconds
  const ScaleShape& shape = scale_shapes()[GetParam()];
  const double few = seconds_of([&] { build_and_run(shape, kNodes); });
  const double many = seconds_of([&] { build_and_run(shape, 4 * kNodes); });
  EXPECT_LT(many, 8 * few + kNoise) << shape.name << ": " << few << " s, then " << many << " s";
}

INSTANTIATE_TEST_SUITE_P(Shapes, Scale, ::testing::Range(size_t{0}, scale_shapes().size()),
                         [](const auto& info) {
                           std::string name(scale_shapes()[info.param].name);
                           std::replace(name.begin(), name.end(), ' ', '_');
                           return name;
                         });

}  // namespace
}  // namespace hone::test
