// Plans of several streams: every order that streams and events allow gives the same, on the null
// device; what is taken away from them is noticed by the check and by replaying.

#include "plan/streams.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>

#include "choose/choose.hpp"
#include "ir/inference.hpp"
#include "ir/text/text.hpp"
#include "ir/verify.hpp"
#include "ops/common/registry.hpp"
#include "plan/replay.hpp"
#include "plan/schedule.hpp"
#include "support/random_graph.hpp"
#include "support/refusal.hpp"

namespace hone::test::streams_test {

const std::shared_ptr<Device>& device() {
  static const auto kDevice = open_device("null");
  return kDevice;
}

Conditions conditions() { return {device()->target(), Share{1}, {}}; }

Choices chosen(const Graph& graph) { return choose(graph, device()->kernels(), conditions()); }

Plan planned(const Graph& graph, const std::vector<int>& streams = {}) {
  return make_plan(graph, chosen(graph), conditions(), streams);
}

Plan on_streams(Graph& graph, int most, std::vector<StreamTrial>* trials = nullptr) {
  Choices choices = chosen(graph);
  return plan_on_streams(graph, choices, conditions(), most, trials);
}

/// Within what the graph says.
Bindings sizes_around(const Graph& graph, const Plan& plan, int64_t around) {
  Bindings sizes = expected_sizes(graph, plan);
  for (auto& [name, size] : sizes) {
    const auto range = graph.ranges().find(name);
    const Interval bounds = range == graph.ranges().end() ? Interval{} : range->second;
    size = std::max(std::min(around, bounds.high), bounds.low);
  }
  return sizes;
}

std::unique_ptr<Graph> graph_of(std::string_view text) {
  auto graph = parse(text, all_ops());
  infer(*graph);
  return graph;
}

constexpr std::string_view kDiamond =
    "graph g(%x: f32[n,16]) -> (%y)\n"
    "  %a = Exp(%x)\n  %b = Neg(%a)\n  %c = Abs(%a)\n  %d = Add(%b, %c)\n  %y = Relu(%d)\n";
constexpr std::string_view kBlock =  // as in Inception; parts in place at batch 1
    "graph g(%x: f32[n,16,8]) -> (%y)\n"
    "  %s = Exp(%x)\n  %a = Relu(%s)\n  %b1 = Relu(%s)\n  %b = Exp(%b1)\n"
    "  %c1 = Neg(%s)\n  %c2 = Exp(%c1)\n  %c = Abs(%c2)\n  %d1 = Softmax(%s)\n  %d = Neg(%d1)\n"
    "  %j = Concat(%a, %b, %c, %d) axis=1\n  %k = Relu(%j)\n  %p, %q = Split(%k) axis=1\n"
    "  %u = Exp(%p)\n  %v = Neg(%q)\n  %y = Add(%u, %v)\n";
constexpr std::string_view kUneven =
    "graph g(%x: f32[n,64]) -> (%y)\n"
    "  %a1 = Exp(%x)\n  %a2 = Neg(%a1)\n  %a3 = Abs(%a2)\n  %a4 = Relu(%a3)\n  %a5 = Exp(%a4)\n"
    "  %b1 = Neg(%x)\n  %c1 = MatMul(%b1, %b1)\n  %c2 = Relu(%c1)\n  %e = MatMul(%a2, %b1)\n"
    "  %f = Add(%c2, %e)\n  %g = MatMul(%f, %a5)\n  %h = Reshape(%g) shape=[-1]\n"
    "  %i = Exp(%h)\n  %y = Neg(%i)\n";
constexpr std::string_view kControl =
    "graph g(%x: f32[n,16], %c: bool[]) -> (%y, %z)\n"
    "  %a = Exp(%x)\n  %b = Neg(%x)\n  %r = If(%c, %a)\n"
    "    then_branch(%t: f32[n,16]) -> (%u)\n      %s = Exp(%t)\n      %u = Neg(%s)\n"
    "    else_branch(%t: f32[n,16]) -> (%u)\n      %u = Abs(%t)\n"
    "  %d = Exp(%b)\n  %e = Neg(%r)\n  %f = Abs(%r)\n  %y = Add(%d, %e)\n  %z = Add(%f, %d)\n";
constexpr std::string_view kNonZero =
    "graph g(%x: f32[n,16]) -> (%y, %z)\n"
    "  %a = Exp(%x)\n  %b = Neg(%x)\n  %i = NonZero(%a)\n  %j = Cast(%i) to=f32\n"
    "  %k = Neg(%j)\n  %l = Exp(%j)\n  %y = Add(%k, %l)\n  %d = Abs(%b)\n  %e = Exp(%b)\n"
    "  %z = Add(%d, %e)\n";
constexpr std::string_view kTexts[] = {kDiamond, kBlock, kUneven, kControl, kNonZero};

/// The graph on exactly this many streams, spread without regard to their worth: every stream is
/// used where there are steps for it.
Plan spread(const Graph& graph, int streams, std::mt19937& random) {
  std::vector<int> of;
  int used = 0;
  for (size_t i = 0; i < graph.nodes().size(); ++i) {
    const int stream =
        static_cast<int>(random() % static_cast<uint32_t>(std::min(used + 1, streams)));
    used = std::max(used, stream + 1);
    of.push_back(stream);
  }
  if (used <= 1) of.clear();
  return planned(graph, of);
}

struct Laid {
  Layout layout;
  Placement placement;
  Laid(const Plan& plan, const Bindings& symbols)
      : layout(lay_out(plan, symbols)), placement(solve(layout.demand)) {}
};

/// What the checks that do not know the planner find.
std::optional<std::string> checked(const Graph& graph, const Plan& plan, const Laid& laid) {
  if (auto wrong = validate(laid.layout.demand, laid.placement)) return wrong;
  if (auto wrong = check_contents(graph, plan, laid.layout, laid.placement)) return wrong;
  return check_streams(graph, plan, laid.layout, laid.placement);
}

void expect_sound(const Graph& graph, const Plan& plan, const Bindings& symbols,
                  std::mt19937& random, int times) {
  const Laid laid(plan, symbols);
  ASSERT_EQ(checked(graph, plan, laid), std::nullopt) << print(plan);
  const Rehearsed rehearsed(graph, plan, laid.layout, laid.placement);
  ASSERT_EQ(replay(rehearsed, random, times), std::nullopt) << print(graph) << print(plan);
  ASSERT_EQ(parse_plan(print(plan)), plan) << print(plan);
  ASSERT_NO_THROW(check_plan(graph, plan, *device())) << print(plan);
}

TEST(Streams, WhatAStepWaitsForIsNotImplied) {
  const auto graph = graph_of(kDiamond);
  const Plan plan = planned(*graph, {0, 0, 1, 0, 1});
  EXPECT_EQ(plan.steps[0].waits, std::vector<int>{});
  EXPECT_EQ(plan.steps[1].waits, std::vector<int>{});
  EXPECT_EQ(plan.steps[2].waits, std::vector<int>{0});
  EXPECT_EQ(plan.steps[3].waits, std::vector<int>{2});  // %a, by %b, is on its own stream
  EXPECT_EQ(plan.steps[4].waits, std::vector<int>{3});
  // %c reads %a beside %b: neither may lie over it, nor anything else until both have run.
  for (const Sharing& sharing : plan.sharings) EXPECT_NE(sharing.of, "a");
  EXPECT_EQ(plan.buffers[0].value, "a");
  EXPECT_EQ(plan.buffers[0].last, 2);
  EXPECT_EQ(plan.buffers[0].end(), 2);  // %d waits for both
  EXPECT_EQ(planned(*graph, {0, 0, 0, 0, 0}), planned(*graph));
}

TEST(Streams, TextGraphsAreSoundOnOneToFourStreams) {
  std::mt19937 random(31);
  for (const std::string_view text : kTexts) {
    const auto graph = graph_of(text);
    for (int streams = 1; streams <= 4; ++streams)
      for (int i = 0; i < 20; ++i)
        for (const int64_t n : {1, 5})
          expect_sound(*graph, spread(*graph, streams, random), {{"n", n}}, random, 5);
    for (int streams = 1; streams <= 4; ++streams) {
      const auto copy = graph->clone();
      const Plan plan = on_streams(*copy, streams);
      verify(*copy, "streams");
      expect_sound(*copy, plan, {{"n", 1}}, random, 20);
    }
  }
}

TEST(Streams, SizesAndControlFlowJoinAllStreams) {
  const auto graph = graph_of(kNonZero);
  // %a, %b, %i (tells sizes), %j ...
  const Plan plan = planned(*graph, {0, 1, 0, 0, 1, 0, 0, 2, 1, 2});
  EXPECT_EQ(plan.steps[2].waits, std::vector<int>{1});
  EXPECT_EQ(plan.steps[7].waits, std::vector<int>{2});  // %d: %b is known to have run with it
}

TEST(Streams, RandomGraphsAreSoundOnOneToFourStreams) {
  std::mt19937 random(32);
  OpCounts counts;
  int crossing = 0, shared = 0;
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    const auto graph = random_graph(seed, all_ops(), counts).graph;
    for (int streams = 1; streams <= 4; ++streams) {
      const Plan plan = spread(*graph, streams, random);
      for (const Step& step : plan.steps) crossing += static_cast<int>(step.waits.size());
      shared += static_cast<int>(plan.sharings.size());
      SCOPED_TRACE(cat("seed ", seed, ", ", streams, " streams"));
      ASSERT_NO_FATAL_FAILURE(expect_sound(*graph, plan, sizes_around(*graph, plan, 3), random, 4));
    }
    const auto copy = graph->clone();
    const Plan plan = on_streams(*copy, 3);
    ASSERT_NO_FATAL_FAILURE(expect_sound(*copy, plan, sizes_around(*copy, plan, 3), random, 4));
  }
  std::cout << crossing << " waits, " << shared << " sharings\n";
  EXPECT_GT(crossing, 1000);
  EXPECT_GT(shared, 500);
}

TEST(Streams, AWaitThatIsMissingIsNoticed) {
  std::mt19937 random(33);
  int dropped = 0, replayed = 0;
  for (const std::string_view text : {kDiamond, kBlock, kUneven}) {
    const auto graph = graph_of(text);
    for (int i = 0; i < 10; ++i) {
      const Plan whole = spread(*graph, 3, random);
      for (size_t step = 0; step < whole.steps.size(); ++step)
        for (size_t wait = 0; wait < whole.steps[step].waits.size(); ++wait) {
          Plan plan = whole;
          plan.steps[step].waits.erase(plan.steps[step].waits.begin() + static_cast<long>(wait));
          const Laid laid(plan, {{"n", 2}});
          EXPECT_NE(checked(*graph, plan, laid), std::nullopt) << print(plan);
          EXPECT_EQ(refusal_of([&] { check_plan(*graph, plan, *device()); }),
                    "incompatible_engine: the plan does not fit the graph: its steps differ");
          // For a step that does nothing nobody needs to wait but for what it stands for.
          const auto awaited = static_cast<size_t>(whole.steps[step].waits[wait]);
          if (laid.layout.idle[awaited] || laid.layout.idle[step]) continue;
          const Rehearsed rehearsed(*graph, plan, laid.layout, laid.placement);
          ++dropped;
          replayed += replay(rehearsed, random, 300) ? 1 : 0;
        }
    }
  }
  EXPECT_GT(dropped, 100);
  EXPECT_EQ(replayed, dropped);
}

TEST(Streams, ALifeThatIsTooShortIsNoticed) {
  std::mt19937 random(34);
  OpCounts counts;
  int checks = 0, replays = 0, missed = 0;
  for (uint64_t seed = 1; seed <= 120; ++seed) {
    const auto graph = seed % 3 == 0
                           ? graph_of(kTexts[seed / 3 % 3])
                           : random_graph(seed, all_ops(), counts, {.size_chains = 0}).graph;
    const Plan whole = spread(*graph, 3, random);
    for (size_t buffer = 0; buffer < whole.buffers.size(); ++buffer) {
      if (whole.buffers[buffer].until < 0) continue;
      Plan plan = whole;
      plan.buffers[buffer].until = -1;
      EXPECT_EQ(refusal_of([&] { check_plan(*graph, plan, *device()); }),
                "incompatible_engine: the plan does not fit the graph: its memory differs");
      const Laid laid(plan, sizes_around(*graph, plan, 2));
      const bool wrong = checked(*graph, plan, laid).has_value();
      const Rehearsed rehearsed(*graph, plan, laid.layout, laid.placement);
      const bool seen = replay(rehearsed, random, wrong ? 2000 : 5).has_value();
      checks += wrong ? 1 : 0;
      replays += wrong && seen ? 1 : 0;
      missed += seen && !wrong ? 1 : 0;
    }
  }
  std::cout << checks << " noticed, " << replays << " of them replayed\n";
  EXPECT_GT(checks, 100);
  EXPECT_EQ(replays, checks);
  EXPECT_EQ(missed, 0);
}

TEST(Streams, WaitsForWhatComesLaterAreRefused) {
  const auto graph = graph_of(kDiamond);
  Plan plan = planned(*graph, {0, 0, 1, 0, 1});
  plan.steps[1].waits = {2};
  const Laid laid(plan, {{"n", 2}});
  const auto wrong = check_streams(*graph, plan, laid.layout, laid.placement);
  ASSERT_TRUE(wrong.has_value());
  EXPECT_NE(wrong->find("not enqueued before"), std::string::npos) << *wrong;
  plan.steps[1].waits.clear();
  plan.steps[1].stream = 1'000'000;
  EXPECT_EQ(refusal_of([&] { check_plan(*graph, plan, *device()); }),
            "incompatible_engine: the plan does not fit the graph: it has 1000001 streams");
}

TEST(Streams, SimulationCountsWhatIsWaitedFor) {
  const auto graph = graph_of(kDiamond);
  const std::vector<double> seconds{1, 4, 2, 1, 1};
  EXPECT_EQ(simulate(planned(*graph), seconds), 9);
  EXPECT_EQ(simulate(planned(*graph, {0, 0, 1, 0, 0}), seconds), 7);
  EXPECT_EQ(simulate(planned(*graph, {0, 1, 2, 1, 0}), seconds), 7);
}

TEST(Streams, AStreamMoreMustGain) {
  const auto chain =
      graph_of("graph g(%x: f32[n]) -> (%y)\n  %a = Exp(%x)\n  %b = Neg(%a)\n  %y = Abs(%b)\n");
  EXPECT_EQ(stream_count(on_streams(*chain, 4)), 1);
  const auto block = graph_of(kBlock);
  std::vector<StreamTrial> trials;
  const Plan plan = on_streams(*block, 4, &trials);
  ASSERT_EQ(trials.size(), 4u);
  EXPECT_GT(stream_count(plan), 1);
  EXPECT_LT(trials[1].seconds, 0.8 * trials[0].seconds);
  for (const StreamTrial& trial : trials) EXPECT_GE(trial.arena, trials[0].arena);
}

}  // namespace hone::test::streams_test
