#include "base/tile_program.hpp"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <random>
#include <stdexcept>
#include <thread>
#include <vector>

#include "base/threads.hpp"
#include "support/refusal.hpp"

namespace hone::tile_program_test {

using Launch = TileProgram::Launch;

/// Launches of random sizes that wait for random earlier ones, or for random tiles of them. Every
/// tile writes plain memory of its own and checks that what it waits for was written in this run.
class RandomProgram {
 public:
  explicit RandomProgram(uint32_t seed) {
    std::mt19937 random(seed);
    const auto number = [&](size_t below) { return random() % below; };
    const size_t count = 1 + number(12);
    for (size_t i = 0; i < count; ++i) {
      Launch launch;
      launch.tiles = static_cast<int64_t>(number(4) == 0 ? 1 : 1 + number(20));
      for (size_t before = 0; before < i; ++before) {
        const size_t choice = number(5);
        if (choice == 0) launch.after.push_back(before);
        if (choice != 1) continue;
        launch.after_parts.push_back({before, {}});
        for (int64_t tile = 0; tile < launch.tiles; ++tile) {
          const auto end = static_cast<int64_t>(number(written_[before].size() + 1));
          const auto first = static_cast<int64_t>(number(static_cast<size_t>(end) + 1));
          launch.after_parts.back().tiles.push_back({{first, end}});
        }
      }
      written_.emplace_back(static_cast<size_t>(launch.tiles), 0);
      launch.tile = [this, i, after = launch.after, parts = launch.after_parts](int64_t tile) {
        for (const size_t before : after)
          for (const int run : written_[before]) wrong_ = wrong_ || run != run_;
        for (const TileProgram::Part& part : parts)
          for (const auto& [first, end] : part.tiles[static_cast<size_t>(tile)])
            for (int64_t k = first; k < end; ++k)
              wrong_ = wrong_ || written_[part.launch][static_cast<size_t>(k)] != run_;
        int& own = written_[i][static_cast<size_t>(tile)];
        wrong_ = wrong_ || own != run_ - 1;  // each tile once
        own = run_;
      };
      launches_.push_back(std::move(launch));
    }
  }
  const std::vector<Launch>& launches() const { return launches_; }
  void begin_run() { ++run_; }
  bool is_right() const {
    for (const auto& launch : written_)
      for (const int run : launch)
        if (run != run_) return false;
    return !wrong_;
  }

 private:
  std::vector<Launch> launches_;
  std::vector<std::vector<int>> written_;  // by launch and tile: the last run that wrote it
  int run_ = 0;
  std::atomic<bool> wrong_ = false;
};

TEST(TileProgram, EveryTileRunsOnceAndAfterWhatItWaitsFor) {
  for (const int workers : {1, 2, 3, 5}) {
    Team team(workers);
    for (uint32_t seed = 0; seed < 60; ++seed) {
      RandomProgram random(seed);
      TileProgram program(random.launches(), workers);
      for (int run = 0; run < 8; ++run) {
        random.begin_run();
        team.run([&] { team.run(program); });
        ASSERT_TRUE(random.is_right()) << "seed " << seed << ", " << workers << " workers";
      }
      team.forget(program);
    }
  }
}

// Programs and steps of the same team by turns, and a program that ends while workers are about.
TEST(TileProgram, StandsBesideStepsAndOtherPrograms) {
  Team team(3);
  std::atomic<int> steps = 0;
  for (uint32_t seed = 0; seed < 100; ++seed) {
    RandomProgram one(seed), other(seed + 1000);
    TileProgram first(one.launches(), 3), second(other.launches(), 3);
    team.run([&] {
      for (int run = 0; run < 3; ++run) {
        one.begin_run();
        team.run(first);
        team.parallel(5, [&](int64_t) { steps.fetch_add(1); });
        other.begin_run();
        team.run(second);
      }
      team.forget(first);  // within the run, as where sizes change
    });
    ASSERT_TRUE(one.is_right());
    ASSERT_TRUE(other.is_right());
    team.forget(second);
  }
  EXPECT_EQ(steps.load(), 100 * 3 * 5);
}

TEST(TileProgram, WhoFindsNoTileGoesOnToTheNextLaunch) {
  Team team(2);
  std::atomic<int> arrived = 0;
  const auto meet = [&](int64_t) {
    arrived.fetch_add(1);
    while (arrived.load() < 2) std::this_thread::yield();
  };
  // A launch of one tile, which waits for one of the next launch: one worker each.
  TileProgram program({{1, meet, {}}, {1, meet, {}}, {2, [](int64_t) {}, {0, 1}}}, 2);
  team.run([&] { team.run(program); });
  EXPECT_EQ(arrived.load(), 2);
  team.forget(program);
}

TEST(TileProgram, TilesWaitForTilesAndNotForLaunches) {
  Team team(2);
  std::atomic<int> arrived = 0;
  const auto meet = [&](int64_t i) {
    if (i > 0) return;
    arrived.fetch_add(1);
    while (arrived.load() < 2) std::this_thread::yield();
  };
  // The first tile of the second launch reads the second one of the first, which is done while the
  // first one waits.
  TileProgram program({{2, meet, {}}, {2, meet, {}, {{0, {{{1, 2}}, {{0, 2}}}}}}}, 2);
  team.run([&] { team.run(program); });
  EXPECT_EQ(arrived.load(), 2);
  team.forget(program);
}

TEST(TileProgram, WorkersThatSleptAreWoken) {
  Team team(2);
  const auto late = [](int64_t) {  // longer than anybody spins
    std::this_thread::sleep_for(std::chrono::milliseconds(3));
  };
  std::atomic<int> arrived = 0;
  const auto meet = [&](int64_t) {
    arrived.fetch_add(1);
    while (arrived.load() < 2) std::this_thread::yield();
  };
  TileProgram program({{1, late, {}}, {2, meet, {0}}, {1, late, {1}}}, 2);
  for (int run = 0; run < 5; ++run) {
    arrived = 0;
    team.run([&] { team.run(program); });
    EXPECT_EQ(arrived.load(), 2);
  }
  team.forget(program);
}

TEST(TileProgram, AnExceptionEndsTheRunAndNotTheProgram) {
  for (const int workers : {1, 2, 4}) {
    Team team(workers);
    bool throws = false;
    std::atomic<int> behind = 0;
    const auto tile = [&](int64_t i) {
      if (throws && i == 3) throw std::runtime_error("tile 3");
    };
    TileProgram program({{8, tile, {}}, {8, [&](int64_t) { behind.fetch_add(1); }, {0}}}, workers);
    for (int run = 0; run < 50; ++run) {
      throws = run % 2 == 1;
      behind = 0;
      std::string what;
      try {
        team.run([&] { team.run(program); });
      } catch (const std::runtime_error& error) {
        what = error.what();
      }
      EXPECT_EQ(what, throws ? "tile 3" : "");
      EXPECT_EQ(behind.load(), throws ? 0 : 8);
    }
    team.forget(program);
  }
}

TEST(TileProgram, OutsideARunOrInATileItRunsInOrder) {
  Team team(2);
  std::vector<int64_t> order;
  const auto note = [&](int64_t i) { order.push_back(i); };
  TileProgram program({{3, note, {}}, {2, note, {}}}, 2);
  team.run(program);
  team.run([&] {
    team.parallel(2, [&](int64_t tile) {
      if (tile == 0) team.run(program);
    });
  });
  EXPECT_EQ(order, (std::vector<int64_t>{0, 1, 2, 0, 1, 0, 1, 2, 0, 1}));
}

TEST(TileProgram, MoreTilesThanALaneCounts) {
  Team team(2);
  std::atomic<int64_t> sum = 0;
  constexpr int64_t kTiles = 3 * 65536 + 5;
  TileProgram program({{kTiles, [&](int64_t i) { sum.fetch_add(i); }, {}}}, 2);
  team.run([&] { team.run(program); });
  EXPECT_EQ(sum.load(), kTiles * (kTiles - 1) / 2);
  team.forget(program);
}

TEST(TileProgram, WaitsForEarlierLaunchesOnly) {
  const auto nothing = [](int64_t) {};
  EXPECT_EQ(test::refusal_of([&] {
              TileProgram({{1, nothing, {}}, {1, nothing, {1}}}, 2);
            }),
            "internal: launch 1 waits for 1");
}

}  // namespace hone::tile_program_test
