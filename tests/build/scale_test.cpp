// Graphs of many nodes, from passes to an engine that is loaded again and runs.

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>

#include "build/build.hpp"
#include "ir/text/text.hpp"
#include "ir/verify.hpp"
#include "ops/common/registry.hpp"
#include "runtime/context.hpp"
#include "support/scale_shapes.hpp"

namespace hone::test::scale_test {

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
  for (int64_t i = 0; i < x.count(); ++i) x.set_number(i, 0.75);
  const NamedTensors built = Context(engine).run({{"x", x}});
  const NamedTensors read = Context(loaded).run({{"x", x}});
  ASSERT_EQ(built.size(), read.size());
  for (size_t i = 0; i < built.size(); ++i)
    EXPECT_TRUE(same_bits(built[i].second, read[i].second)) << built[i].first;
}

class Scale : public ::testing::TestWithParam<size_t> {};

// How long it takes is measured elsewhere (tests/timing/optimizer_scale.cpp).
TEST_P(Scale, ManyNodesAreBuiltLoadedAndRun) {
  constexpr int kNodes = 6'000;
  build_and_run(scale_shapes()[GetParam()], kNodes);
}

INSTANTIATE_TEST_SUITE_P(Shapes, Scale, ::testing::Range(size_t{0}, scale_shapes().size()),
                         [](const auto& info) {
                           std::string name(scale_shapes()[info.param].name);
                           std::replace(name.begin(), name.end(), ' ', '_');
                           return name;
                         });

}  // namespace hone::test::scale_test
