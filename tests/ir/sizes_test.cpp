// What symbols have become is written wherever they stood.

#include "ir/dim/sizes.hpp"

#include <gtest/gtest.h>

#include "ir/text/text.hpp"
#include "ops/common/registry.hpp"

namespace hone::test::sizes_test {

std::string requirements_of(const Graph& graph) {
  std::vector<std::string> all;
  for (const Require& require : graph.requirements()) all.push_back(cat(require));
  return join(all, "; ");
}

TEST(Sizes, RequirementsGoWhereProvedAndStayWhereContradicted) {
  const auto graph = parse(
      "graph g(%x: f32[n,k,m]) -> (%y)\n"
      "  require n == m\n  require n <= k\n  require k broadcasts with m\n  %y = Neg(%x)\n",
      all_ops());
  const auto told = [&](int64_t n, int64_t k, int64_t m) {
    const auto copy = graph->clone();
    EXPECT_TRUE(substitute(*copy, {{"n", n}, {"k", k}, {"m", m}}).empty());
    return requirements_of(*copy);
  };
  EXPECT_EQ(told(3, 3, 3), "");
  EXPECT_EQ(told(4, 4, 3), "3 == 4; 3 broadcasts with 4");
  EXPECT_EQ(told(3, 2, 1), "1 == 3; 3 <= 2");
}

}  // namespace hone::test::sizes_test
