// Problems: the sizes that estimates take, and what kernels refuse by what they declare.

#include "device/problem.hpp"

#include <gtest/gtest.h>

#include "device/device.hpp"
#include "ir/inference.hpp"
#include "ir/text/text.hpp"
#include "ops/common/registry.hpp"
#include "support/refusal.hpp"

namespace hone::test::problem_test {

TEST(ExpectedSize, IsWhatTheUserSaysElseTheMiddleOfTheRange) {
  const Ranges ranges{{"few", {1, 16}},
                      {"many", {256, 1024}},
                      {"open", {1, Interval::kUnbounded}},
                      {"large", {10'000, Interval::kUnbounded}},
                      {"none", {0, 0}}};
  const Bindings expected{{"few", 3}};
  EXPECT_EQ(expected_size("few", ranges, expected), 3);
  EXPECT_EQ(expected_size("few", ranges, {}), 4);
  EXPECT_EQ(expected_size("many", ranges, {}), 512);
  EXPECT_EQ(expected_size("open", ranges, {}), 64);
  EXPECT_EQ(expected_size("unheard", ranges, {}), 64);
  EXPECT_EQ(expected_size("large", ranges, {}), 10'000);
  EXPECT_EQ(expected_size("none", ranges, {}), 1);
}

std::shared_ptr<Problem> problem(const Graph& graph, const Bindings& sizes = {}) {
  return std::make_shared<Problem>(
      *problem_of(graph, graph.nodes().back(), {unknown_target(), Share{2}, sizes, {}}));
}

TEST(Problem, HasALayoutForEachOperandAndResult) {
  const auto graph =
      parse("graph g(%x: f16[n,16]) -> (%y)\n  %a = Exp(%x)\n  %y = Add(%a, %x)\n", all_ops());
  infer(*graph);
  const auto made = problem(*graph, {{"n", 8}});
  ASSERT_EQ(made->inputs.size(), 2u);
  EXPECT_EQ(made->inputs[0].alignment, kBufferAlignment);
  EXPECT_EQ(made->inputs[1].alignment, 2);  // the caller's own
  ASSERT_EQ(made->outputs.size(), 1u);
  EXPECT_EQ(made->outputs[0].alignment, 2);
  EXPECT_TRUE(made->inputs[0].strides.empty());
  EXPECT_EQ(made->sizes, (Bindings{{"n", 8}}));
  EXPECT_EQ(size_for_estimates(*made, Dim::symbol("n") * Dim(3) - Dim(1)), 23);
  EXPECT_EQ(size_for_estimates(*made, Dim::symbol("n") - Dim(9)), 1);
}

TEST(Kernel, RefusesWhatItDoesNotDeclare) {
  const auto graph = parse("graph g(%x: f32[n,16]) -> (%y)\n  %y = Exp(%x)\n", all_ops());
  infer(*graph);
  Kernel kernel{"test.any", 1, [](const Problem&) { return Verdict(); }, nullptr, nullptr, nullptr};
  const auto made = problem(*graph);
  EXPECT_TRUE(kernel.accepts(*made).yes);
  kernel.alignment = 64;
  EXPECT_EQ(kernel.accepts(*made).why, "wants operands aligned to 64 bytes, one is to 4");
  kernel.alignment = 4;
  EXPECT_TRUE(kernel.accepts(*made).yes);
  made->inputs[0].strides = {Dim(1), Dim::symbol("n")};
  EXPECT_EQ(kernel.accepts(*made).why, "wants dense operands");
  kernel.strided = true;
  EXPECT_TRUE(kernel.accepts(*made).yes);
  for (const std::string_view name : {"cpu", "null"})
    for (const Kernel* each : open_device(name)->kernels().all()) {
      EXPECT_FALSE(each->accepts(*made).yes) << each->name;
    }
}

TEST(Device, IsOpenedByName) {
  EXPECT_EQ(open_device("null")->target()->text(), "null");
  EXPECT_EQ(open_device()->target()->device, device_names().front());
  EXPECT_EQ(refusal_of([] { (void)open_device("tpu"); }),
            "usage: there is no device \"tpu\"; there are cpu, null");
}

TEST(Device, MemoryIsAlignedZeroedAndCopied) {
  const auto device = open_device("cpu");
  const Buffer a = device->allocate(100), b = device->allocate(60);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(a.data) % 64, 0u);
  EXPECT_TRUE(a.host);
  for (int64_t i = 0; i < 100; ++i) ASSERT_EQ(a.data[i], std::byte{0});
  for (int64_t i = 0; i < 100; ++i) a.data[i] = static_cast<std::byte>(i);
  const auto stream = device->stream({1});
  device->copy(b, a, *stream);
  stream->synchronize();
  EXPECT_EQ(b.data[59], std::byte{59});
  EXPECT_EQ(refusal_of([&] { device->copy(a, b, *stream); }),
            "internal: a copy of 100 bytes from 60");
}

}  // namespace hone::test::problem_test
