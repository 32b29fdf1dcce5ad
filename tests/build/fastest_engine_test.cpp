// Of the engines for one model the one is kept that is faster by the clock.

#include "build/fastest_engine.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "build/build.hpp"
#include "ir/inference.hpp"
#include "ir/text/text.hpp"
#include "ops/common/registry.hpp"
#include "runtime/context.hpp"
#include "tune/tuner.hpp"

namespace hone::test::fastest_engine_test {

/// Says that one way is faster than the others, and that nothing is known of kernels.
struct Says final : Timing {
  explicit Says(std::string way) : fast(std::move(way)) {}
  std::vector<double> seconds(const std::vector<Way>&) override { return {}; }
  std::vector<double> seconds_of_engines(std::string_view, const std::vector<std::string>& ways,
                                         const std::function<double(size_t)>& measure) override {
    asked = ways;
    std::vector<double> times;
    if (measures > 0)
      while (times.size() < std::min(measures, ways.size())) times.push_back(measure(times.size()));
    else
      for (const std::string& way : ways) times.push_back(way == fast ? 1 : 2);
    return times;
  }
  size_t measures = 0;  // the first ones, and says nothing of the others
  std::string fast;
  std::vector<std::string> asked;
};

/// Two convolutions of one input: "siblings side by side" have a price of their own.
std::shared_ptr<const Graph> siblings() {
  std::unique_ptr<Graph> graph = parse(
      "graph g(%x: f32[1,64,32,32], %u: f32[1,1,32,32]) -> (%y, %z)\n"
      "  %a = Conv(%x, @v) pads=[1,1,1,1]\n  %b = Conv(%x, @w) pads=[1,1,1,1]\n"
      "  %y = Add(%a, %u)\n  %z = Mul(%b, %u)\n"
      "weights\n  @v : f32[64,64,3,3] random(1, 1)\n  @w : f32[64,64,3,3] random(2, 1)\n",
      all_ops());
  infer(*graph);
  return make_portable(std::move(graph));
}

EngineOptions with(Timing& timing) {
  EngineOptions options;
  options.workers = 1;
  options.timing = &timing;
  return options;
}

TEST(FastestEngine, TakesTheOneThatTheClockNames) {
  Says says("kernels by estimate");
  std::vector<EngineTrial> trials;
  const auto engine = fastest_engine(siblings(), with(says), nullptr, &trials);
  ASSERT_EQ(trials.size(), says.asked.size());
  ASSERT_GE(trials.size(), 2U);
  EXPECT_EQ(trials[0].way, "timed kernels");
  for (const EngineTrial& trial : trials)
    EXPECT_EQ(trial.taken, trial.way == "kernels by estimate") << trial.way;
}

TEST(FastestEngine, TheFirstHoldsWhereNothingIsFaster) {
  Says says("none of them");
  std::vector<EngineTrial> trials;
  fastest_engine(siblings(), with(says), nullptr, &trials);
  ASSERT_FALSE(trials.empty());
  EXPECT_TRUE(trials.front().taken);
}

TEST(FastestEngine, PassesOfACloseOrAFarPrice) {
  Says says("none of them");
  const auto portable = siblings();
  const auto first = Engine::make(portable, with(says));
  fastest_engine(portable, with(says), nullptr);
  ASSERT_FALSE(first->report().candidates.empty());
  int close = 0;
  for (const Candidate& each : first->report().candidates) {
    const std::string way = cat(each.taken ? "without " : "with ", each.name);
    const bool is_close =
        std::max(each.with, each.without) <= 1.25 * std::min(each.with, each.without);
    EXPECT_EQ(std::ranges::count(says.asked, way), is_close ? 1 : 0) << way;
    if (!is_close) continue;
    ++close;
    says.fast = way;
    const auto other = fastest_engine(portable, with(says), nullptr);
    EXPECT_EQ(std::ranges::count(other->plan().takes, each.name), each.taken ? 0 : 1) << way;
  }
  EXPECT_GT(close, 0);
}

TEST(FastestEngine, IsMeasuredOnceAndKnownFromRecords) {
  const auto device = open_device("cpu");
  const auto portable = siblings();
  EngineOptions options;
  options.device = device;
  options.workers = 1;
  Tuner tuner(device, 1, {});
  options.timing = &tuner;
  const auto engine = fastest_engine(portable, options, nullptr);
  TunerOptions knows;
  knows.measures = false;
  Tuner again(device, 1, Records::parse(tuner.records().print()), knows);
  options.timing = &again;
  std::vector<EngineTrial> trials;
  EXPECT_EQ(fastest_engine(portable, options, nullptr, &trials)->plan(), engine->plan());
  EXPECT_EQ(again.measured(), 0);
  for (const EngineTrial& trial : trials) EXPECT_GT(trial.seconds, 0) << trial.way;
}

TEST(FastestEngine, WhatWasMeasuredBeforeTimeWasUpCounts) {
  Says says("");
  says.measures = 2;
  std::vector<EngineTrial> trials;
  const auto engine = fastest_engine(siblings(), with(says), nullptr, &trials);
  ASSERT_GT(says.asked.size(), 2U);
  ASSERT_EQ(trials.size(), 2U);
  EXPECT_NE(trials[0].taken, trials[1].taken);
  for (const EngineTrial& trial : trials) EXPECT_GT(trial.seconds, 0) << trial.way;
}

TEST(FastestEngine, GraphsThatAreShownAreOfTheOneThatIsTaken) {
  const auto portable = siblings();
  Says says("none of them");
  const auto first = Engine::make(portable, with(says));
  ASSERT_FALSE(first->report().candidates.empty());
  const Candidate& each = first->report().candidates.front();
  says.fast = cat(each.taken ? "without " : "with ", each.name);
  EngineOptions options = with(says);
  std::string shown;
  options.after_pass = [&](const Pass&, const Graph& graph) { shown = print(graph); };
  const auto engine = fastest_engine(portable, options, nullptr);
  EXPECT_EQ(shown, print(engine->graph()));
  EXPECT_NE(shown, print(first->graph()));
}

TEST(FastestEngine, AnInputThatCannotBeMadeUpLeavesTheFirst) {
  std::unique_ptr<Graph> graph =
      parse("graph g(%x: str[2]) -> (%y)\n  %y = Identity(%x)\n", all_ops());
  infer(*graph);
  Says says("kernels by estimate");
  std::vector<EngineTrial> trials;
  EXPECT_NE(fastest_engine(make_portable(std::move(graph)), with(says), nullptr, &trials), nullptr);
  EXPECT_TRUE(trials.empty());
  EXPECT_TRUE(says.asked.empty());
}

}  // namespace hone::test::fastest_engine_test
