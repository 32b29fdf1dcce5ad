// Steps recorded on the processors: which launches wait for which.

#include "device/cpu/recording.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>

namespace hone::cpu::recording_test {

alignas(64) std::array<std::byte, 1024> memory;

Operand floats(int64_t first, int64_t count) {
  return {memory.data() + 4 * first, DType::f32, {count}};
}

/// A step that reads and writes these, of one launch with so many tiles.
void add(LaunchList& list, std::vector<Operand> reads, std::vector<Operand> writes,
         int64_t tiles = 2, std::span<const std::byte> scratch = {}) {
  list.step({std::move(reads), std::move(writes), {}}, scratch);
  list.launch(tiles, [](int64_t) {}, {});
}

std::vector<std::vector<size_t>> waits_of(const LaunchList& list) {
  std::vector<std::vector<size_t>> waits;
  for (const LaunchGroup& group : groups_of(list)) waits.push_back(group.after);
  return waits;
}

using Waits = std::vector<std::vector<size_t>>;

TEST(LaunchGroups, WaitForWhatTheyRead) {
  LaunchList list;
  add(list, {}, {floats(0, 8)});
  add(list, {}, {floats(8, 8)});
  add(list, {floats(0, 8)}, {floats(16, 8)});
  add(list, {floats(8, 8), floats(16, 8)}, {floats(24, 8)});
  EXPECT_EQ(waits_of(list), (Waits{{}, {}, {0}, {2, 1}}));
}

TEST(LaunchGroups, WaitForWhoReadsWhatTheyWriteOver) {
  LaunchList list;
  add(list, {}, {floats(0, 8)});
  add(list, {floats(0, 8)}, {floats(8, 8)});
  add(list, {}, {floats(4, 4)});                                        // over the first
  add(list, {}, {floats(40, 8)}, 2, std::span(memory).subspan(32, 4));  // its scratch over another
  EXPECT_EQ(waits_of(list), (Waits{{}, {0}, {1}, {1}}));
}

TEST(LaunchGroups, NoBytesAreNoReason) {
  LaunchList list;
  add(list, {}, {floats(0, 0)});
  add(list, {floats(0, 0), {nullptr, DType::f32, {8}}}, {floats(0, 8)});
  EXPECT_EQ(waits_of(list), (Waits{{}, {}}));
}

TEST(LaunchGroups, SmallStepsBehindOneAnotherAreOne) {
  LaunchList list;
  add(list, {}, {floats(0, 8)});
  add(list, {floats(0, 8)}, {floats(8, 8)}, 1);
  add(list, {}, {floats(16, 8)}, 1);
  list.launch(1, [](int64_t) {}, {});  // of the same step
  list.launch(3, [](int64_t) {}, {});
  list.launch(0, [](int64_t) {}, {});  // nothing
  const std::vector<LaunchGroup> groups = groups_of(list);
  ASSERT_EQ(groups.size(), 3u);
  EXPECT_EQ(groups[1].first, 1u);
  EXPECT_EQ(groups[1].last, 4u);
  EXPECT_EQ(waits_of(list), (Waits{{}, {0}, {1}}));
}

// Two steps by bands of rows, two rows a tile; the second reads a row above and below.
TEST(LaunchGroups, TilesWaitForTheTilesThatWriteWhatTheyRead) {
  constexpr int64_t kColumns = 4, kRows = 8, kPlanes = 2;
  auto* all = reinterpret_cast<float*>(memory.data());
  const auto band = [&](const float* tensor, int64_t first, int64_t last) {
    return Box::of(tensor, std::max<int64_t>(first, 0) * kColumns, std::min(last, kRows) * kColumns,
                   kPlanes, kRows * kColumns);
  };
  LaunchList list;
  const auto nothing = [](int64_t) {};
  list.step({{}, {floats(0, 64)}, {}}, {});
  list.launch(4, nothing, [&](int64_t i) { return Touched{{}, {band(all, 2 * i, 2 * i + 2)}}; });
  list.step({{floats(0, 64)}, {floats(64, 64)}, {}}, {});
  list.launch(4, nothing, [&](int64_t i) {
    return Touched{{band(all, 2 * i - 1, 2 * i + 3)}, {band(all + 64, 2 * i, 2 * i + 2)}};
  });
  list.step({{floats(64, 64)}, {floats(128, 64)}, {}}, {});
  list.launch(4, nothing, {});  // any of its tiles may read all
  const std::vector<LaunchGroup> groups = groups_of(list);
  EXPECT_EQ(waits_of(list), (Waits{{}, {}, {1}}));
  using Ranges = std::vector<TileProgram::Range>;
  ASSERT_EQ(groups[1].after_parts.size(), 1u);
  EXPECT_EQ(
      groups[1].after_parts[0],
      (TileProgram::Part{0, {Ranges{{0, 2}}, Ranges{{0, 3}}, Ranges{{1, 4}}, Ranges{{2, 4}}}}));
}

TEST(Boxes, OverlapWhereAByteIsInBoth) {
  std::mt19937 random(2);
  const auto number = [&](size_t below) { return static_cast<int64_t>(random() % below); };
  int meet = 0;
  for (int round = 0; round < 5000; ++round) {
    const int64_t stride = 4 + number(8);
    const auto box = [&] {
      const int64_t first = number(40), size = 1 + number(static_cast<size_t>(stride));
      return Box::of(memory.data() + first, 0, size, 1 + number(4), stride);
    };
    const Box a = box(), b = box();
    const auto has = [](const Box& each, const std::byte* at) {
      for (int64_t i = 0; i < each.count; ++i)
        if (at >= each.bytes.first + i * each.stride && at < each.bytes.last + i * each.stride)
          return true;
      return false;
    };
    bool wanted = false;
    for (const std::byte& each : memory) wanted = wanted || (has(a, &each) && has(b, &each));
    ASSERT_EQ(a.overlaps(b), wanted) << "round " << round;
    ASSERT_EQ(b.overlaps(a), wanted) << "round " << round;
    meet += wanted ? 1 : 0;
  }
  EXPECT_GT(meet, 500);
}

// Whatever touches the same bytes is in order, through others or at once.
TEST(LaunchGroups, KeepTheOrderOfRandomSteps) {
  std::mt19937 random(1);
  const auto number = [&](size_t below) { return static_cast<int64_t>(random() % below); };
  for (int round = 0; round < 200; ++round) {
    LaunchList list;
    std::vector<std::pair<Bytes, Bytes>> touched;  // read, written
    for (int64_t step = 0, count = 2 + number(10); step < count; ++step) {
      const Operand read = floats(number(40), 1 + number(8));
      const Operand written = floats(number(40), 1 + number(8));
      add(list, {read}, {written}, 1 + number(3));
      const auto bytes = [](const Operand& each) {
        return Bytes{each.data, each.data + 4 * each.shape[0]};
      };
      touched.emplace_back(bytes(read), bytes(written));
    }
    const std::vector<LaunchGroup> groups = groups_of(list);
    std::vector<std::vector<bool>> behind(groups.size(), std::vector<bool>(groups.size()));
    for (size_t i = 0; i < groups.size(); ++i)
      for (const size_t before : groups[i].after) {
        behind[i][before] = true;
        for (size_t k = 0; k < before; ++k)
          if (behind[before][k]) behind[i][k] = true;
      }
    const auto group_of = [&](size_t launch) {
      return static_cast<size_t>(
          std::ranges::find_if(groups, [&](const auto& group) { return launch < group.last; }) -
          groups.begin());
    };
    for (size_t b = 0; b < touched.size(); ++b)
      for (size_t a = 0; a < b; ++a) {
        const auto& [read, written] = touched[a];
        const bool meet = written.overlaps(touched[b].first) ||
                          written.overlaps(touched[b].second) || read.overlaps(touched[b].second);
        if (!meet || group_of(a) == group_of(b)) continue;
        ASSERT_TRUE(behind[group_of(b)][group_of(a)])
            << "round " << round << ": " << a << ", " << b;
      }
  }
}

}  // namespace hone::cpu::recording_test
