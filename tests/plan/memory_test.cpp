// The memory solver against the naive validator and a bound computed step by step.

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <random>

#include "plan/memory/demand.hpp"
#include "plan/memory/greedy.hpp"

namespace hone::test::memory_test {

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
    for (const Demand::Buffer& buffer : demand.buffers)
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

/// Whether every buffer can end at or below `capacity`: tries every order of putting each on the
/// floor or on what is there. `offsets`: -1 where not placed yet.
bool brute_force(const Demand& demand, int64_t capacity, std::vector<int64_t>& offsets) {
  bool all = true;
  for (size_t i = 0; i < offsets.size(); ++i) {
    if (offsets[i] >= 0) continue;
    all = false;
    const Demand::Buffer& buffer = demand.buffers[i];
    int64_t offset = 0;
    for (size_t j = 0; j < offsets.size(); ++j) {
      const Demand::Buffer& other = demand.buffers[j];
      if (offsets[j] >= 0 && buffer.first <= other.last && other.first <= buffer.last)
        offset = std::max(offset, offsets[j] + other.bytes);
    }
    if (offset + buffer.bytes > capacity) return false;
    offsets[i] = offset;
    const bool found = brute_force(demand, capacity, offsets);
    offsets[i] = -1;
    if (found) return true;
  }
  return all;
}

bool brute_force(const Demand& demand, int64_t capacity) {
  std::vector<int64_t> offsets(demand.buffers.size(), -1);
  return brute_force(demand, capacity, offsets);
}

TEST(Memory, TheBoundIsNotAlwaysReached) {
  const Demand demand{{{128, 5, 12},
                       {256, 0, 0},
                       {128, 2, 7},
                       {256, 5, 6},
                       {64, 3, 11},
                       {256, 8, 15},
                       {192, 0, 5},
                       {320, 0, 3},
                       {320, 7, 15}}};
  EXPECT_EQ(lower_bound(demand), 768);
  EXPECT_FALSE(brute_force(demand, 768));
  EXPECT_TRUE(brute_force(demand, 832));
  EXPECT_EQ(solve(demand).bytes, 832);
}

TEST(Memory, TheSearchFindsTheLeastArenaOfSmallDemands) {
  std::mt19937 random(11);
  int better = 0;
  for (int i = 0; i < 20'000; ++i) {
    Demand demand;
    for (int count = 0; count < 10; ++count) {
      const int first = static_cast<int>(random() % 12);
      demand.buffers.push_back({64 * static_cast<int64_t>(1 + random() % 5), first,
                                first + static_cast<int>(random() % 12)});
    }
    const Placement placement = solve(demand);
    ASSERT_EQ(validate(demand, placement), std::nullopt) << "demand " << i;
    better += placement.bytes < solve(demand, {0, 0}).bytes ? 1 : 0;
    if (placement.bytes == lower_bound(demand)) continue;
    ASSERT_FALSE(brute_force(demand, placement.bytes - 64)) << "demand " << i;
  }
  EXPECT_GT(better, 100);
}

TEST(Memory, DemandsCutFromARectangleFillItAgain) {
  std::mt19937 random(12);
  for (int i = 0; i < 100; ++i) {
    Demand demand;
    const std::function<void(int, int, int64_t)> cut = [&](int first, int last, int64_t size) {
      if (size > 1 && demand.buffers.size() < 24 && random() % 5 != 0 && first < last) {
        const int64_t part = 1 + static_cast<int64_t>(random()) % (size - 1);
        if (random() % 2 == 0) return cut(first, last, part), cut(first, last, size - part);
        const int middle = first + static_cast<int>(random() % static_cast<uint32_t>(last - first));
        return cut(first, middle, size), cut(middle + 1, last, size);
      }
      demand.buffers.push_back({size * 64, first, last});
    };
    cut(0, 40, 200);
    const Placement placement = solve(demand, {20'000'000, 0});
    ASSERT_EQ(validate(demand, placement), std::nullopt) << "demand " << i;
    ASSERT_EQ(placement.bytes, 200 * 64) << "demand " << i << " of " << demand.buffers.size();
  }
}

TEST(Memory, TheSameDemandGivesTheSamePlacement) {
  std::mt19937 random(13);
  for (int i = 0; i < 50; ++i) {
    const Demand demand = random_demand(random);
    const Placement one = solve(demand), other = solve(demand);
    ASSERT_EQ(one.offsets, other.offsets);
    ASSERT_LE(one.bytes, solve(demand, {0, 0}).bytes);
  }
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
        const Demand::Buffer &one = demand.buffers[a], &two = demand.buffers[b];
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

bool live_together(const Demand::Buffer& a, const Demand::Buffer& b) {
  return a.first <= b.last && b.first <= a.last;
}

/// What place_in_order() says that it does, each buffer compared to all before it.
Placement placed_naively(const Demand& demand, const std::vector<size_t>& order) {
  const auto size = [&](size_t i) { return (demand.buffers[i].bytes + 63) / 64 * 64; };
  Placement placement{std::vector<int64_t>(demand.buffers.size(), 0), 0};
  std::vector<size_t> placed;
  for (const size_t index : order) {
    if (size(index) == 0) continue;
    std::stable_sort(placed.begin(), placed.end(), [&](size_t a, size_t b) {
      return placement.offsets[a] < placement.offsets[b];
    });
    int64_t end = 0, best = -1, best_gap = 0;
    for (const size_t other : placed) {
      if (!live_together(demand.buffers[index], demand.buffers[other])) continue;
      const int64_t gap = placement.offsets[other] - end;
      if (gap >= size(index) && (best < 0 || gap < best_gap)) best = end, best_gap = gap;
      end = std::max(end, placement.offsets[other] + size(other));
    }
    placement.offsets[index] = best >= 0 ? best : end;
    placement.bytes = std::max(placement.bytes, placement.offsets[index] + size(index));
    placed.push_back(index);
  }
  return placement;
}

TEST(Memory, GreedyPlacementsAreTheNaiveOnes) {
  std::mt19937 random(9);
  for (int i = 0; i < 2000; ++i) {
    const Demand demand = random_demand(random);
    std::vector<size_t> order(demand.buffers.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::shuffle(order.begin(), order.end(), random);
    const auto placement = place_in_order(demand, order, 1'000'000);
    ASSERT_TRUE(placement.has_value());
    ASSERT_EQ(placement->offsets, placed_naively(demand, order).offsets) << "demand " << i;
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
      return demand.buffers[a].first < demand.buffers[b].first;
    });
    const Placement naive = placed_naively(demand, order), in_time = place_in_time(demand);
    ASSERT_EQ(in_time.bytes, naive.bytes) << "demand " << i;
    ASSERT_EQ(in_time.offsets, naive.offsets) << "demand " << i;
  }
}

TEST(Memory, PlacingInOrderEndsWithItsWork) {
  Demand demand;
  demand.buffers.assign(100, {64, 0, 9});
  std::vector<size_t> order(100);
  std::iota(order.begin(), order.end(), size_t{0});
  EXPECT_TRUE(place_in_order(demand, order, 99 * 100 / 2).has_value());
  EXPECT_FALSE(place_in_order(demand, order, 99 * 100 / 2 - 1).has_value());
}

TEST(Memory, AHundredThousandBuffersAtOnceTakeTheBound) {
  Demand demand;
  for (int i = 0; i < 100'000; ++i) demand.buffers.push_back({64 + i % 7 * 64, i % 10, 10 + i});
  const Placement placement = solve(demand);
  EXPECT_EQ(validate(demand, placement), std::nullopt);
  EXPECT_EQ(placement.bytes, lower_bound(demand));
}

TEST(Memory, TheValidatorSaysWhatComparingAllPairsDoes) {
  std::mt19937 random(10);
  int wrong = 0;
  for (int i = 0; i < 5000; ++i) {
    const Demand demand = random_demand(random);
    Placement placement = solve(demand);
    if (demand.buffers.empty()) continue;
    placement.offsets[random() % demand.buffers.size()] += 64 * (random() % 5);
    placement.bytes += 1000;
    bool overlap = false;
    for (size_t a = 0; a < demand.buffers.size(); ++a)
      for (size_t b = 0; b < a; ++b) {
        const Demand::Buffer &one = demand.buffers[a], &two = demand.buffers[b];
        overlap |= one.bytes > 0 && two.bytes > 0 && live_together(one, two) &&
                   placement.offsets[a] < placement.offsets[b] + two.bytes &&
                   placement.offsets[b] < placement.offsets[a] + one.bytes;
      }
    ASSERT_EQ(validate(demand, placement).has_value(), overlap) << "demand " << i;
    wrong += overlap;
  }
  EXPECT_GT(wrong, 500);
}

}  // namespace hone::test::memory_test
