// The memory solver against the naive validator and a bound computed step by step.

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "plan/memory/demand.hpp"

namespace hone::test {
namespace {

Demand random_demand(std::mt19937& random) {
  const auto below = [&](uint32_t limit) { return static_cast<int>(random() % limit); };
  const int steps = 1 + below(30);
  Demand demand;
  for (int count = below(40); count > 0; --count) {
    const int first = below(static_cast<uint32_t>(steps));
    const int last = std::min(steps - 1, first + below(below(4) == 0 ? 30 : 4));
    const int64_t bytes = below(8) == 0 ? 0 : 1 + below(below(3) == 0 ? 100'000 : 500);
    demand.buffers.push_back({bytes, first, last});
  }
  return demand;
}

/// The most that is live at one step, counted step by step.
int64_t most_live(const Demand& demand) {
  int64_t most = 0;
  for (int step = 0; step < 60; ++step) {
    int64_t live = 0;
    for (const Buffer& buffer : demand.buffers)
      if (buffer.first <= step && step <= buffer.last) live += (buffer.bytes + 63) / 64 * 64;
    most = std::max(most, live);
  }
  return most;
}

TEST(Memory, RandomDemandsAreSolvedCorrectlyAndNearTheBound) {
  std::mt19937 random(7);
  double bytes = 0, bound = 0;
  for (int i = 0; i < 5000; ++i) {
    const Demand demand = random_demand(random);
    const Placement placement = solve(demand);
    ASSERT_EQ(validate(demand, placement), std::nullopt) << "demand " << i;
    ASSERT_EQ(lower_bound(demand), most_live(demand)) << "demand " << i;
    ASSERT_GE(placement.bytes, lower_bound(demand)) << "demand " << i;
    bytes += static_cast<double>(placement.bytes);
    bound += static_cast<double>(lower_bound(demand));
  }
  EXPECT_LT(bytes, 1.05 * bound) << "the arenas are on average more than 5 % above the bound";
}

TEST(Memory, AChainTakesTwoBuffers) {
  Demand demand;
  for (int i = 0; i < 10; ++i) demand.buffers.push_back({640, i, i + 1});
  EXPECT_EQ(solve(demand).bytes, 1280);
}

TEST(Memory, NothingTakesNothing) {
  EXPECT_EQ(solve({}).bytes, 0);
  EXPECT_EQ(lower_bound({}), 0);
  EXPECT_EQ(validate({}, {}), std::nullopt);
}

TEST(Memory, TheValidatorTellsWhatIsWrong) {
  const Demand demand{{{64, 0, 1}, {100, 1, 2}, {64, 2, 3}}};
  EXPECT_EQ(validate(demand, {{0, 64, 0}, 192}), std::nullopt);
  EXPECT_EQ(validate(demand, {{0, 64}, 192}), "2 offsets for 3 buffers");
  EXPECT_EQ(validate(demand, {{0, 64, 0}, 163}), "buffer 1 ends past the arena of 163 bytes");
  EXPECT_EQ(validate(demand, {{0, 8, 0}, 192}), "buffer 1 lies at 8");
  EXPECT_EQ(validate(demand, {{0, -64, 0}, 192}), "buffer 1 lies at -64");
  EXPECT_EQ(validate(demand, {{0, 0, 128}, 192}), "buffers 0 and 1 overlap while both are live");
  EXPECT_EQ(validate(demand, {{0, 64, 128}, 192}), "buffers 1 and 2 overlap while both are live");
}

TEST(Memory, TheValidatorFindsEveryOverlapThatIsMade) {
  std::mt19937 random(8);
  int made = 0;
  for (int i = 0; i < 2000; ++i) {
    const Demand demand = random_demand(random);
    Placement placement = solve(demand);
    for (size_t a = 0; a < demand.buffers.size(); ++a)
      for (size_t b = 0; b < a; ++b) {
        const Buffer &one = demand.buffers[a], &two = demand.buffers[b];
        if (one.bytes == 0 || two.bytes == 0 || one.last < two.first || two.last < one.first)
          continue;
        Placement broken = placement;
        broken.offsets[a] = broken.offsets[b];
        broken.bytes += one.bytes;
        ++made;
        ASSERT_NE(validate(demand, broken), std::nullopt) << "demand " << i;
      }
  }
  EXPECT_GT(made, 1000);
}

}  // namespace
}  // namespace hone::test
