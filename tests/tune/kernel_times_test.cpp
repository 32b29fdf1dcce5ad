// The table of regions that `hone bench --kernels` times, and how it times them.

#include "tune/kernel_times.hpp"

#include <gtest/gtest.h>

#include <set>

#include "base/text.hpp"

namespace hone::test::kernel_times_test {

/// All kernels that run a case, by name.
std::set<std::string> kernels_of(const KernelCase& one, Device& device, Stream& stream,
                                 std::string_view names) {
  std::set<std::string> found;
  for (const KernelTime& time : time_kernels(*one.graph, Pattern(names), device, stream)) {
    EXPECT_GT(time.seconds, 0) << one.name;
    found.insert(time.kernel);
  }
  return found;
}

TEST(KernelTimes, CasesHaveNamesOfTheirOwn) {
  const std::vector<KernelCase> cases = kernel_cases();
  std::set<std::string> names;
  for (const KernelCase& one : cases) {
    EXPECT_TRUE(names.insert(one.name).second) << one.name;
    EXPECT_FALSE(one.graph->nodes().empty()) << one.name;
  }
  EXPECT_GT(cases.size(), 80u);
}

TEST(KernelTimes, OnlyKernelsByTheNameAreTimed) {
  const auto device = open_device();
  const auto stream = device->stream({1});
  for (const KernelCase& one : kernel_cases()) {
    if (one.name != "RMS norm 384 x 2048") continue;
    EXPECT_EQ(kernels_of(one, *device, *stream, "layer_norm"),
              std::set<std::string>({"cpu.layer_norm"}));
    const auto times = time_kernels(*one.graph, Pattern("layer_norm|nest"), *device, *stream);
    for (size_t i = 1; i < times.size(); ++i) EXPECT_LE(times[i - 1].seconds, times[i].seconds);
    EXPECT_TRUE(time_kernels(*one.graph, Pattern("cuda"), *device, *stream).empty());
    return;
  }
  FAIL() << "the case is gone";
}

}  // namespace hone::test::kernel_times_test
