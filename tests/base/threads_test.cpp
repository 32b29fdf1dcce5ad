#include "base/threads.hpp"

#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <stdexcept>
#include <thread>
#include <vector>

#include "base/cores.hpp"
#include "base/error.hpp"
#include "support/refusal.hpp"

namespace hone::threads_test {

TEST(Team, RunsEveryTileOnce) {
  for (const int workers : {1, 2, 4}) {
    Team team(workers);
    EXPECT_EQ(team.workers(), workers);
    for (const int64_t tiles : {0, 1, 2, 3, 64, 1000}) {
      std::vector<std::atomic<int>> runs(static_cast<size_t>(tiles));
      team.run([&] {
        team.parallel(tiles, [&](int64_t i) { runs[static_cast<size_t>(i)].fetch_add(1); });
      });
      for (const auto& count : runs) ASSERT_EQ(count.load(), 1);
    }
  }
}

// Plain memory: what a step writes must be visible to all of the next step, and to the leader.
TEST(Team, StepsFollowEachOther) {
  Team team(3);
  constexpr size_t kTiles = 7;
  constexpr int kSteps = 3000, kRuns = 4;
  std::array<std::vector<int64_t>, 2> values = {std::vector<int64_t>(kTiles),
                                                std::vector<int64_t>(kTiles)};
  for (int run = 0; run < kRuns; ++run)
    team.run([&] {
      for (int step = 0; step < kSteps; ++step) {
        const auto& from = values[static_cast<size_t>(step % 2)];
        auto& to = values[static_cast<size_t>(1 - step % 2)];
        team.parallel(kTiles, [&](int64_t i) {
          const auto at = static_cast<size_t>(i);
          to[at] = from[(at + 3) % kTiles] + 1;
        });
      }
    });
  EXPECT_EQ(values[0], std::vector<int64_t>(kTiles, kRuns * kSteps));
}

TEST(Team, ManyTeamsAndCallersAtOnce) {
  Team shared(2);
  std::atomic<int64_t> sum = 0;
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 3; ++caller)
    callers.emplace_back([&] {
      Team own(2);
      for (int round = 0; round < 100; ++round)
        for (Team* team : {&own, &shared})
          team->run([&] {
            for (int step = 0; step < 5; ++step)
              team->parallel(4, [&](int64_t i) { sum.fetch_add(i); });
          });
    });
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(sum.load(), 3 * 100 * 2 * 5 * 6);
}

TEST(Team, MoreThanOneThreadTakesPart) {
  Team team(2);
  std::atomic<int> arrived = 0;
  team.run([&] {
    // Each tile waits for the other one: on one thread this would not end.
    team.parallel(2, [&](int64_t) {
      arrived.fetch_add(1);
      while (arrived.load() < 2) std::this_thread::yield();
    });
  });
  EXPECT_EQ(arrived.load(), 2);
}

TEST(Team, EveryWorkerBeginsWithTheSameShare) {
  Team team(3);
  std::array<std::array<int, 6>, 50> by{};
  team.run([&] {
    for (auto& step : by) {
      std::atomic<int> arrived = 0;
      team.parallel(6, [&](int64_t i) {
        step[static_cast<size_t>(i)] = Team::worker();
        // Nobody is done before everybody has begun.
        if (arrived.fetch_add(1) < 3)
          while (arrived.load() < 3) std::this_thread::yield();
      });
    }
  });
  for (const auto& step : by) {
    EXPECT_EQ(step[0], 0);
    EXPECT_EQ(step[2], 1);
    EXPECT_EQ(step[4], 2);
  }
}

TEST(Team, WhoIsDoneTakesFromOthers) {
  Team team(2);
  for (const int64_t late : {0, 4}) {  // the first tile of a worker
    std::atomic<int> done = 0;
    team.run([&] {
      team.parallel(8, [&](int64_t i) {
        if (i == late)
          while (done.load() < 7) std::this_thread::yield();
        done.fetch_add(1);
      });
    });
    EXPECT_EQ(done.load(), 8);
  }
}

TEST(Team, MoreTilesThanALaneCounts) {
  Team team(2);
  std::atomic<int64_t> sum = 0;
  constexpr int64_t kTiles = 3 * 65536 + 5;
  team.run([&] { team.parallel(kTiles, [&](int64_t i) { sum.fetch_add(i); }); });
  EXPECT_EQ(sum.load(), kTiles * (kTiles - 1) / 2);
}

TEST(Team, AWorkerThatSleptJoinsLater) {
  Team team(2);
  team.run([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));  // longer than anybody spins
    std::atomic<int> arrived = 0;
    team.parallel(2, [&](int64_t) {
      arrived.fetch_add(1);
      while (arrived.load() < 2) std::this_thread::yield();
    });
    EXPECT_EQ(arrived.load(), 2);
  });
}

TEST(Team, OutsideARunTilesGoInOrder) {
  Team team(2);
  std::vector<int64_t> order;
  team.parallel(4, [&](int64_t i) { order.push_back(i); });
  EXPECT_EQ(order, (std::vector<int64_t>{0, 1, 2, 3}));
}

TEST(Team, NestingRunsInPlace) {
  Team team(2), other(2);
  std::atomic<int> count = 0;
  team.run([&] {
    team.parallel(4, [&](int64_t) {
      const auto self = std::this_thread::get_id();
      team.parallel(3, [&](int64_t) {
        EXPECT_EQ(std::this_thread::get_id(), self);
        count.fetch_add(1);
      });
      team.run([&] { team.parallel(2, [&](int64_t) { count.fetch_add(1); }); });
    });
    team.run([&] { team.parallel(5, [&](int64_t) { count.fetch_add(1); }); });
    other.run([&] {
      other.parallel(7, [&](int64_t) { count.fetch_add(1); });
      team.run([&] { team.parallel(9, [&](int64_t) { count.fetch_add(1); }); });
    });
  });
  EXPECT_EQ(count.load(), 4 * (3 + 2) + 5 + 7 + 9);
}

TEST(Team, TheFirstExceptionOfATileComesOut) {
  Team team(2);
  for (int round = 0; round < 50; ++round) {
    std::atomic<int> ran = 0;
    const auto program = [&] {
      team.parallel(100, [&](int64_t i) {
        ran.fetch_add(1);
        if (i % 10 == 3) throw std::runtime_error("tile");
      });
    };
    EXPECT_THROW(team.run(program), std::runtime_error);
    EXPECT_GE(ran.load(), 1);
    std::atomic<int> after = 0;
    team.run([&] { team.parallel(8, [&](int64_t) { after.fetch_add(1); }); });
    ASSERT_EQ(after.load(), 8);
  }
  EXPECT_THROW(team.run([] { throw std::logic_error("program"); }), std::logic_error);
  EXPECT_EQ(test::refusal_of([&] { (void)Team(-1); }),
            "usage: a team of -1 workers, wanted at least 1 (0: all)");
}

class CoresTest : public testing::Test {
 protected:
  void SetUp() override {
    root_ = std::filesystem::path(testing::TempDir()) / cat("hone_cores_", ::getpid());
  }
  void TearDown() override { std::filesystem::remove_all(root_); }
  void put(const std::string& path, std::string_view text) {
    std::filesystem::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text << '\n';
  }
  std::filesystem::path root_;
};

constexpr std::array kFour = {0, 1, 2, 3};

TEST_F(CoresTest, SiblingsCountOnce) {
  EXPECT_EQ(count_cores(kFour, root_), 4);  // nothing to read
  for (int cpu = 0; cpu < 4; ++cpu)
    put(cat("sys/devices/system/cpu/cpu", cpu, "/topology/thread_siblings_list"),
        cpu % 2 == 0 ? "0,2" : "1,3");
  EXPECT_EQ(count_cores(kFour, root_), 2);
  EXPECT_EQ(count_cores(std::array{2}, root_), 1);
  EXPECT_EQ(count_cores({}, root_), 1);
}

TEST_F(CoresTest, QuotasOfBothVersionsLimit) {
  put("proc/self/cgroup", "0::/pod/box");
  put("sys/fs/cgroup/pod/box/cpu.max", "max 100000");
  EXPECT_EQ(count_cores(kFour, root_), 4);
  put("sys/fs/cgroup/pod/cpu.max", "250000 100000");
  EXPECT_EQ(count_cores(kFour, root_), 3);
  put("sys/fs/cgroup/cpu.max", "5000 100000");
  EXPECT_EQ(count_cores(kFour, root_), 1);
  put("proc/self/cgroup", "3:cpuset:/\n4:cpu,cpuacct:/docker/abc");
  put("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1");
  put("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000");
  EXPECT_EQ(count_cores(kFour, root_), 4);
  put("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "200000");
  EXPECT_EQ(count_cores(kFour, root_), 2);
  put("proc/self/cgroup", "4:cpu:/../../x\n0::/..");
  EXPECT_EQ(count_cores(kFour, root_), 1);
}

TEST(Cores, AffinityIsHeeded) {
  int cores = 0;
  std::thread([&] {
    cpu_set_t mask;
    CPU_ZERO(&mask);
    ASSERT_EQ(::sched_getaffinity(0, sizeof mask, &mask), 0);
    int first = 0;
    while (!CPU_ISSET(first, &mask)) ++first;
    CPU_ZERO(&mask);
    CPU_SET(first, &mask);
    ASSERT_EQ(::sched_setaffinity(0, sizeof mask, &mask), 0);
    cores = usable_cores();
  }).join();
  EXPECT_EQ(cores, 1);
  EXPECT_GE(usable_cores(), 1);
}

}  // namespace hone::threads_test
