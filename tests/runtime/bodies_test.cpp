// Bodies of control flow run in the arena around them where their sizes are known with it.

#include <random>

#include "runtime/execution.hpp"
#include "runtime/graph_run.hpp"

namespace hone::test::bodies_test {

/// An engine's program run once more each time; compared with reference evaluation.
struct Running {
  std::unique_ptr<Graph> graph;
  std::shared_ptr<const Engine> engine;
  std::unique_ptr<Stream> stream;
  Execution execution;

  explicit Running(std::string_view text)
      : graph(graph_of(text)),
        engine(engine_of(text)),
        stream(engine->device().stream({2})),
        execution(engine->program(), *stream) {}

  void run(const std::vector<Tensor>& inputs) {
    const std::vector<Tensor> found = execution.run(inputs), wanted = evaluate(*graph, inputs);
    ASSERT_EQ(found.size(), wanted.size());
    for (size_t i = 0; i < wanted.size(); ++i)
      EXPECT_TRUE(same_bits(found[i], wanted[i]))
          << cat(describe(found[i])) << ", by reference " << cat(describe(wanted[i]));
  }
  /// As inspect tells it.
  int64_t planned(const Bindings& symbols) const {
    return solve(lay_out(engine->graph(), engine->plan(), symbols).demand).bytes;
  }
};

Tensor truth(bool value) { return Tensor::scalar(DType::boolean, value ? 1 : 0); }
Tensor turns(int64_t value) { return Tensor::scalar(DType::i64, static_cast<double>(value)); }

// Ops whose results are exact on small whole numbers, and that no region takes together: CumSum.
constexpr std::string_view kBranches =
    "graph g(%c: bool[], %x: f32[n,16]) -> (%y)\n"
    "  %a = Neg(%x)\n  %b = CumSum(%a, i64[]{1})\n"
    "  %r = If(%c, %b)\n"
    "    then_branch(%t: f32[m,16]) -> (%u)\n"
    "      %p = Tile(%t) repeats=[1,8]\n      %q = CumSum(%p, i64[]{1})\n"
    "      %u = ReduceMax(%q) axes=[1] keepdims=false\n"
    "    else_branch(%t: f32[m,16]) -> (%u)\n"
    "      %p = CumSum(%t, i64[]{1})\n      %u = ReduceMin(%p) axes=[1] keepdims=false\n"
    "  %y = Neg(%r)\n";

TEST(Bodies, BranchesRunInTheArenaAroundThem) {
  Running running(kBranches);
  for (const int64_t n : {4, 40, 3, 40})
    for (const bool taken : {true, false, true}) {
      running.run({truth(taken), ramp({n, 16}, -1)});
      const Bindings symbols{{"n", n}};
      EXPECT_EQ(running.execution.arena_bytes(), running.planned(symbols));
      // The larger branch tiles eightfold.
      EXPECT_GE(running.execution.arena_bytes(), n * 16 * 4 * 8);
    }
  EXPECT_EQ(running.execution.held_bytes(), running.planned({{"n", 40}}));
}

TEST(Bodies, TurnsThatKeepTheirSizesRunInTheArenaAroundThem) {
  Running running(
      "graph g(%m: i64[], %x: f32[n,8], %z: f32[k,n,8]) -> (%y, %w)\n"
      "  %a = Abs(%x)\n"
      "  %y = Loop(%m, bool[]{true}, %a) states=1\n"
      "    body(%i: i64[], %go: bool[], %s: f32[p,8]) -> (%go, %t)\n"
      "      %u = CumSum(%s, i64[]{0})\n"
      "      %t = If(%go, %u)\n"
      "        then_branch(%v: f32[q,8]) -> (%o)\n          %e = CumSum(%v, i64[]{1})\n"
      "          %o = Neg(%e)\n"
      "        else_branch(%v: f32[q,8]) -> (%o)\n          %o = Abs(%v)\n"
      "  %w = Scan(%a, %z) states=1 scanned=1\n"
      "    body(%s: f32[p,8], %e: f32[p,8]) -> (%t)\n"
      "      %u = Add(%s, %e)\n      %t = CumSum(%u, i64[]{1})\n");
  for (const int64_t n : {3, 20, 7}) {
    running.run({turns(2), ramp({n, 8}), ramp({2, n, 8}, 5)});
    EXPECT_EQ(running.execution.arena_bytes(), running.planned({{"n", n}, {"k", 2}}));
  }
  EXPECT_EQ(running.execution.held_bytes(), running.planned({{"n", 20}, {"k", 2}}));
}

TEST(Bodies, TurnsThatGrowHaveAnArenaOfTheirOwn) {
  Running running(
      "graph g(%m: i64[], %x: f32[n]) -> (%y)\n"
      "  %a = Abs(%x)\n"
      "  %b = Loop(%m, bool[]{true}, %a) states=1\n"
      "    body(%i: i64[], %go: bool[], %s: f32[p]) -> (%go, %t)\n"
      "      %u = Neg(%s)\n      %v = CumSum(%u, i64[]{0})\n      %t = Concat(%v, %s) axis=0\n"
      "  %y = Neg(%b)\n");
  for (const int64_t n : {100, 3}) {
    running.run({turns(2), ramp({n})});
    EXPECT_EQ(running.execution.arena_bytes(), running.planned({{"n", n}}));
    EXPECT_GT(running.execution.held_bytes(), running.execution.arena_bytes());
  }
}

TEST(Bodies, WhatIsKnownOnlyByRunningHasAnArenaOfItsOwn) {
  Running running(
      "graph g(%c: bool[], %x: f32[n]) -> (%y)\n"
      "  %i = NonZero(%x)\n  %j = Cast(%i) to=f32\n"
      "  %y = If(%c, %j)\n"
      "    then_branch(%t: f32[1,m]) -> (%u)\n      %p = CumSum(%t, i64[]{1})\n      %u = Neg(%p)\n"
      "    else_branch(%t: f32[1,m]) -> (%u)\n      %p = CumSum(%t, i64[]{0})\n      %u = "
      "Neg(%p)\n");
  for (const int64_t n : {100, 3, 50})
    for (const bool taken : {true, false}) running.run({truth(taken), ramp({n}, -2)});
  EXPECT_GT(running.execution.held_bytes(), running.execution.arena_bytes());
}

}  // namespace hone::test::bodies_test
