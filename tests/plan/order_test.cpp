// Orders of steps against the best order there is, and of graphs against the order they had.

#include "plan/order.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <random>

#include "choose/choose.hpp"
#include "ir/inference.hpp"
#include "ir/text/text.hpp"
#include "ir/verify.hpp"
#include "ops/common/registry.hpp"
#include "plan/schedule.hpp"
#include "support/random_graph.hpp"

namespace hone::test::order_test {

using Order = std::vector<int>;

/// Every step makes a buffer and reads those of some steps before it.
OrderProblem random_problem(std::mt19937& random, int steps, int reach) {
  const auto below = [&](int limit) {
    return static_cast<int>(random() % static_cast<uint32_t>(limit));
  };
  OrderProblem problem;
  for (int i = 0; i < steps; ++i) {
    OrderProblem::Step step;
    problem.bytes.push_back(64 * (1 + below(below(3) == 0 ? 40 : 6)));
    step.touches.push_back(i);
    for (int count = below(3); count > 0 && i > 0; --count) {
      const int before = i - 1 - below(std::min(i, reach));
      if (std::find(step.after.begin(), step.after.end(), before) != step.after.end()) continue;
      step.after.push_back(before);
      step.touches.push_back(before);
      if (below(3) == 0) {
        problem.bytes.back() = problem.bytes[static_cast<size_t>(before)];
        step.over.assign(1, {before, i});
      }
    }
    std::sort(step.after.begin(), step.after.end());
    problem.steps.push_back(std::move(step));
  }
  return problem;
}

bool possible(const OrderProblem& problem, const Order& order) {
  std::vector<bool> ran(problem.steps.size(), false);
  for (const int step : order) {
    const auto index = static_cast<size_t>(step);
    if (ran[index]) return false;
    for (const int before : problem.steps[index].after)
      if (!ran[static_cast<size_t>(before)]) return false;
    ran[index] = true;
  }
  return order.size() == problem.steps.size();
}

/// The least peak of all orders: by sets of steps that have run.
int64_t best_peak(const OrderProblem& problem) {
  const size_t count = problem.steps.size();
  const auto touching = [&](uint32_t set, int buffer) {
    int steps = 0;
    for (size_t i = 0; i < count; ++i) {
      const auto& touches = problem.steps[i].touches;
      if ((set >> i & 1) != 0) steps += std::count(touches.begin(), touches.end(), buffer) > 0;
    }
    return steps;
  };
  std::vector<int64_t> least(size_t{1} << count, INT64_MAX);
  least[0] = 0;
  const auto all = static_cast<uint32_t>(least.size() - 1);
  for (uint32_t set = 0; set < all; ++set) {
    if (least[set] == INT64_MAX) continue;
    for (size_t i = 0; i < count; ++i) {
      const OrderProblem::Step& step = problem.steps[i];
      const bool ready = std::all_of(step.after.begin(), step.after.end(),
                                     [&](int before) { return (set >> before & 1) != 0; });
      if (!ready || (set >> i & 1) != 0) continue;
      int64_t live = 0;
      for (size_t b = 0; b < problem.bytes.size(); ++b) {
        const int buffer = static_cast<int>(b);
        const bool made = touching(set, buffer) > 0, read = touching(all & ~set, buffer) > 0;
        const auto& touches = step.touches;
        const bool own = std::find(touches.begin(), touches.end(), buffer) != touches.end();
        bool spared = false;
        for (const auto& over : step.over)
          spared |= over.made == buffer && !made && touching(all & ~set, over.dying) == 1;
        if (((made && read) || own) && !spared) live += problem.bytes[b];
      }
      int64_t& next = least[set | 1U << i];
      next = std::min(next, std::max(least[set], live));
    }
  }
  return least[all];
}

TEST(Order, SmallProblemsComeNearTheBestOrderThereIs) {
  std::mt19937 random(21);
  int best = 0, given_best = 0;
  double sum = 0;
  constexpr int kProblems = 300;
  for (int i = 0; i < kProblems; ++i) {
    const OrderProblem problem = random_problem(random, 4 + i % 8, 6);
    const Order order = low_peak_order(problem);
    ASSERT_TRUE(possible(problem, order)) << "problem " << i;
    Order given(problem.steps.size());
    for (size_t s = 0; s < given.size(); ++s) given[s] = static_cast<int>(s);
    const int64_t found = peak_of(problem, order), least = best_peak(problem);
    ASSERT_LE(found, peak_of(problem, given)) << "problem " << i;
    ASSERT_GE(found, least) << "problem " << i;
    ASSERT_LE(least_peak(problem), least) << "problem " << i;
    best += found == least ? 1 : 0;
    given_best += peak_of(problem, given) == least ? 1 : 0;
    sum += static_cast<double>(found) / static_cast<double>(least);
  }
  RecordProperty("best", best);
  std::cout << best << " of " << kProblems << " are the best, as given " << given_best << "; mean "
            << sum / kProblems << "\n";
  EXPECT_GT(best, kProblems * 9 / 10);
  EXPECT_LT(given_best, kProblems / 2);
  EXPECT_LT(sum, 1.01 * kProblems);
}

/// Chains side by side from one step to another, as in a block of Inception.
TEST(Order, BranchesAreFinishedOneAfterTheOther) {
  OrderProblem problem;
  const auto add = [&](int64_t bytes, Order after) {
    const int index = static_cast<int>(problem.steps.size());
    problem.bytes.push_back(bytes);
    Order touches = after;
    touches.push_back(index);
    problem.steps.push_back({std::move(after), std::move(touches), {}});
    return index;
  };
  const int start = add(64, {});
  Order wide, ends;
  for (int i = 0; i < 6; ++i) wide.push_back(add(640, {start}));  // breadth first, as given
  for (const int each : wide) ends.push_back(add(64, {each}));
  add(64, ends);
  Order given(problem.steps.size());
  for (size_t s = 0; s < given.size(); ++s) given[s] = static_cast<int>(s);
  EXPECT_EQ(peak_of(problem, given), 6 * 640 + 64);
  EXPECT_EQ(peak_of(problem, low_peak_order(problem)), 640 + 6 * 64);
}

TEST(Order, TenThousandStepsTakeLittleTime) {
  std::mt19937 random(22);
  for (const int reach : {3, 50, 10'000}) {
    const OrderProblem problem = random_problem(random, 10'000, reach);
    const auto start = std::chrono::steady_clock::now();
    const Order order = low_peak_order(problem);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    EXPECT_TRUE(possible(problem, order));
    EXPECT_EQ(order, low_peak_order(problem));
    std::cout << "reach " << reach << ": " << took.count() << " s\n";
    EXPECT_LT(took.count(), 2.0);  // a tenth of it and less on a quiet machine
  }
}

/// A graph with what was chosen for it, and plans of it.
struct Planning {
  Graph& graph;
  const std::shared_ptr<Device> device = open_device("cpu");
  const Conditions conditions;
  Choices choices;
  Planning(Graph& graph, int workers)
      : graph(graph),
        conditions{device->target(), Share{workers}, {}},
        choices(choose(graph, device->kernels(), conditions)) {}
  Plan given() const { return make_plan(graph, choices, conditions); }
  Plan in_order() { return plan_in_order(graph, choices, conditions); }
  void check(const Plan& plan) const { check_plan(graph, plan, *device); }
};

int64_t bound_of(const Graph& graph, const Plan& plan) {
  return lower_bound(lay_out(plan, expected_sizes(graph, plan)).demand);
}

TEST(Schedule, WhatIsGivenBreadthFirstIsPutInOrder) {
  const auto graph = parse(
      "graph g(%x: f32[n,16]) -> (%y)\n"
      "  %a = Exp(%x)\n  %b = Tile(%a) repeats=[1,8]\n  %c = Tile(%a) repeats=[1,8]\n"
      "  %d = ReduceMax(%b) axes=[1] keepdims=false\n  %e = ReduceSum(%c) axes=[1] keepdims=false\n"
      "  %y = Add(%d, %e)\n",
      all_ops());
  infer(*graph);
  const auto copy = graph->clone();
  Planning planning(*graph, 1);
  const Plan given = planning.given();
  const Plan plan = planning.in_order();
  verify(*graph, "schedule");
  EXPECT_LT(bound_of(*graph, plan), bound_of(*graph, given));
  EXPECT_NO_THROW(planning.check(plan));
  // The same again, and nothing more to gain from an order that is good already.
  EXPECT_EQ(Planning(*copy, 1).in_order(), plan);
  EXPECT_EQ(print(*copy), print(*graph));
  EXPECT_EQ(planning.in_order(), plan);
}

TEST(Schedule, NothingCrossesWhatTellsSizesAndBodiesAreOrderedToo) {
  const auto graph = parse(
      "graph g(%x: f32[64,16], %c: bool[]) -> (%z, %w, %y)\n"
      "  %a = Exp(%x)\n  %i = NonZero(%a)\n  %b = Abs(%x)\n  %j = Cast(%i) to=f32\n"
      "  %z = Neg(%j)\n  %w = Add(%a, %b)\n"
      "  %y = If(%c, %x)\n"
      "    then_branch(%x: f32[64,16]) -> (%r)\n"
      "      %b = Tile(%x) repeats=[1,8]\n      %c = Tile(%x) repeats=[1,8]\n"
      "      %d = ReduceMax(%b) axes=[1] keepdims=false\n"
      "      %e = ReduceSum(%c) axes=[1] keepdims=false\n      %r = Add(%d, %e)\n"
      "    else_branch(%x: f32[64,16]) -> (%r)\n"
      "      %r = ReduceMin(%x) axes=[1] keepdims=false\n",
      all_ops());
  infer(*graph);
  Planning planning(*graph, 1);
  const Plan given = planning.given();
  const Plan plan = planning.in_order();
  verify(*graph, "schedule");
  EXPECT_EQ(plan.segments, given.segments);
  EXPECT_EQ(plan.steps[1].node, "i");
  ASSERT_EQ(plan.bodies.size(), 2u);
  EXPECT_EQ(plan.bodies[0].steps[1].node, given.bodies[0].steps[2].node);
  EXPECT_NO_THROW(planning.check(plan));
}

TEST(Schedule, TenThousandNodesTakeLittleTime) {
  std::mt19937 random(23);
  std::string text = "graph g(%v0: f32[n,64]) -> (%y)\n";
  for (int i = 1; i <= 10'000; ++i) {
    const auto any = [&] {
      return i - 1 - static_cast<int>(random() % std::min<uint32_t>(static_cast<uint32_t>(i), 30));
    };
    if (random() % 2 == 0) text += cat("  %v", i, " = Add(%v", any(), ", %v", any(), ")\n");
    else text += cat("  %v", i, " = Softmax(%v", any(), ")\n");
  }
  text += "  %y = Exp(%v10000)\n";
  const auto graph = parse(text, all_ops());
  infer(*graph);
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  Planning planning(*graph, 1);
  const Plan given = planning.given();
  const auto planned = Clock::now();
  const Plan plan = planning.in_order();
  const std::chrono::duration<double> one = planned - start, both = Clock::now() - planned;
  std::cout << "plan " << one.count() << " s, with an order " << both.count() << " s, bound "
            << bound_of(*graph, given) << " -> " << bound_of(*graph, plan) << "\n";
  EXPECT_LT(both.count(), one.count() + 3.0);  // a tenth of it and less on a quiet machine
  EXPECT_LE(bound_of(*graph, plan), bound_of(*graph, given));
}

TEST(Schedule, RandomGraphsNeedNoMoreThanBefore) {
  OpCounts counts;
  int better = 0;
  for (uint64_t seed = 1; seed <= 150; ++seed) {
    const auto graph = random_graph(seed, all_ops(), counts).graph;
    Planning planning(*graph, 2);
    const Plan given = planning.given();
    const int64_t before = bound_of(*graph, given);
    const Plan plan = planning.in_order();
    ASSERT_NO_THROW(verify(*graph, "schedule")) << "seed " << seed;
    ASSERT_LE(bound_of(*graph, plan), before) << "seed " << seed;
    ASSERT_EQ(plan.segments, given.segments) << "seed " << seed;
    ASSERT_NO_THROW(planning.check(plan)) << "seed " << seed;
    better += bound_of(*graph, plan) < before ? 1 : 0;
  }
  std::cout << better << " of 150 need less\n";
  EXPECT_GT(better, 20);
}

}  // namespace hone::test::order_test
