// Open sizes that meet others in a broadcast: equal, or one of them is 1, which the caller decides.

#include <filesystem>

#include <unistd.h>

#include "runtime/graph_run.hpp"

namespace hone::test::broadcast_sizes_test {

/// An engine of the text, and the same from a file.
std::vector<std::shared_ptr<const Engine>> engines_of(std::string_view text) {
  const auto engine = engine_of(text);
  const auto path =
      std::filesystem::temp_directory_path() / cat("hone-broadcast-", ::getpid(), ".hone");
  save(*engine, path);
  const auto loaded = load(path);
  std::filesystem::remove(path);
  EXPECT_EQ(loaded->replanned(), "");
  return {engine, loaded};
}

/// Runs at these shapes, one after the other by one context.
void expect_all(std::string_view text, const std::vector<std::vector<std::vector<int64_t>>>& runs) {
  for (const auto& engine : engines_of(text)) {
    Context context(engine);
    for (const auto& shapes : runs) {
      std::vector<Tensor> inputs;
      for (const std::vector<int64_t>& shape : shapes) inputs.push_back(ramp(shape, 1));
      expect_as_evaluated(context, text, inputs);
    }
  }
}

TEST(BroadcastSizes, AnotherNodeFitsOneOnly) {
  constexpr std::string_view kText =
      "graph g(%x: f32[n,3], %y: f32[4,3]) -> (%z, %s)\n"
      "  %z = Add(%x, %y)\n"
      "  %s = Concat(%x, f32[1,1]{5}) axis=1\n";
  expect_all(kText, {{{1, 3}, {4, 3}}});
  Context context(engine_of(kText));
  EXPECT_EQ(error_of(Code::usage,
                     [&] {
                       context.run({{"x", ramp({4, 3})}, {"y", ramp({4, 3})}});
                     }),
            "the model does not run with these input sizes: sizes 4 and 1 differ, wanted the same "
            "(Concat %s)");
}

TEST(BroadcastSizes, ADecoderTracedWithOneToken) {
  // All heads' size is floordiv(32,s): 32 at s = 1 only, where s broadcasts with 4 heads.
  constexpr std::string_view kText =
      "graph g(%q: f32[b,4,1,8], %cos: f32[b,s,1,8], %w: f32[32,6]) -> (%y)\n"
      "  %t = Add(%q, %cos)\n"
      "  %k = Shape(%cos) start=1 end=2\n"
      "  %b = Shape(%q) start=0 end=1\n"
      "  %d = Concat(%b, %k, i64[1]{-1}) axis=0\n"
      "  %r = Reshape(%t, %d)\n"
      "  %y = MatMul(%r, %w)\n";
  expect_all(kText, {{{2, 4, 1, 8}, {2, 1, 1, 8}, {32, 6}}, {{1, 4, 1, 8}, {1, 1, 1, 8}, {32, 6}}});
  // The plan is for what fits: no run is specialized.
  EXPECT_EQ(cat(engine_of(kText)->graph().inputs()[1]->type), "f32[b,1,1,8]");
}

constexpr std::string_view kSum =
    "graph g(%x: f32[n,3], %y: f32[m,3], %w: f32[k]) -> (%a, %b, %c, %d)\n"
    "  %t = Add(%x, %y)\n"
    "  %s = Shape(%t)\n"
    "  %a = Expand(%x, %s)\n"
    "  %r = Concat(i64[1]{3}, i64[1]{-1}) axis=0\n"
    "  %b = Reshape(%t, %r)\n"
    "  %c = Flatten(%t) axis=0\n"
    "  %o = Shape(%x)\n"
    "  %e = Equal(%s, %o)\n"
    "  %d = Where(%e, f32{1}, f32{2})\n";

TEST(BroadcastSizes, WhatIsMadeOfBothIsAsLargeAsTheLarger) {
  expect_all(kSum, {{{4, 3}, {4, 3}, {2}},
                    {{1, 3}, {4, 3}, {2}},
                    {{4, 3}, {1, 3}, {2}},
                    {{1, 3}, {1, 3}, {2}},
                    {{0, 3}, {1, 3}, {2}},
                    {{5, 3}, {5, 3}, {2}}});
}

TEST(BroadcastSizes, ThePlanTakesThemForEqualTheEngineDoesNot) {
  const auto engine = engine_of(kSum);
  EXPECT_EQ(cat(engine->graph().inputs()[0]->type), "f32[m,3]");
  EXPECT_EQ(cat(engine->stated().inputs()[0]->type), "f32[n,3]");
  EXPECT_EQ(cat(engine->stated().outputs()[0].value->type), "f32[broadcast(m,n),3]");
  Context context(engine);
  EXPECT_EQ(error_of(Code::usage,
                     [&] {
                       context.run({{"x", ramp({2, 3})}, {"y", ramp({4, 3})}, {"w", ramp({1})}});
                     }),
            "the model does not run with these input sizes: sizes 2 and 4 do not broadcast (Add "
            "%t)");
}

TEST(BroadcastSizes, ABranchThatTheSizeChoosesStays) {
  expect_all(
      "graph g(%x: f32[n,3], %y: f32[4,3]) -> (%z, %v)\n"
      "  %z = Add(%x, %y)\n"
      "  %s = Shape(%x) start=0 end=1\n"
      "  %e = Equal(%s, i64[1]{4})\n"
      "  %v = If(%e, %x)\n"
      "    then_branch(%p: f32[n,3]) -> (%r)\n"
      "      %r = Neg(%p)\n"
      "    else_branch(%p: f32[n,3]) -> (%r)\n"
      "      %r = Add(%p, f32{1})\n",
      {{{4, 3}, {4, 3}}, {{1, 3}, {4, 3}}, {{4, 3}, {4, 3}}});
}

TEST(BroadcastSizes, ABranchThatNumbersDoNotFitIsNotTaken) {
  // At n = 1 everything from %z on is specialized: the first branch fits no size then.
  expect_all(
      "graph g(%x: f32[n,3], %y: f32[4,3], %c: f32[k]) -> (%z, %v)\n"
      "  %z = Add(%x, %y)\n"
      "  %i = NonZero(%c)\n"
      "  %k = Shape(%i) start=1 end=2\n"
      "  %e = Equal(%k, i64[1]{2})\n"
      "  %v = If(%e, %x)\n"
      "    then_branch(%p: f32[n,3]) -> (%r)\n"
      "      %r = Reshape(%p) shape=[2,6]\n"
      "    else_branch(%p: f32[n,3]) -> (%r)\n"
      "      %r = Neg(%p)\n",
      {{{4, 3}, {4, 3}, {2}}, {{1, 3}, {4, 3}, {1}}, {{4, 3}, {4, 3}, {3}}});
}

TEST(BroadcastSizes, AStateThatTheFirstTurnMakesWider) {
  expect_all(
      "graph g(%x: f32[n,2], %y: f32[m,2]) -> (%z)\n"
      "  %z = Loop(i64{3}, bool{true}, %x, %y) states=1\n"
      "    body(%turn: i64[], %go: bool[], %p: f32[n,2], %q: f32[m,2]) -> (%go, %r)\n"
      "      %r = Add(%p, %q)\n",
      {{{3, 2}, {3, 2}}, {{1, 2}, {3, 2}}, {{3, 2}, {1, 2}}});
}

TEST(BroadcastSizes, OperandsThatMayBeRepeated) {
  expect_all(
      "graph g(%x: f32[a,c,h], %slope: f32[s,1], %w: f32[h,d], %bias: f32[r,d]) -> (%y, %z)\n"
      "  %y = PRelu(%x, %slope)\n"
      "  %f = Reshape(%y) shape=[-1,h]\n"
      "  %z = Gemm(%f, %w, %bias)\n",
      {{{2, 3, 4}, {3, 1}, {4, 5}, {6, 5}},
       {{2, 3, 4}, {1, 1}, {4, 5}, {6, 5}},
       {{2, 3, 4}, {3, 1}, {4, 5}, {1, 5}},
       {{2, 3, 4}, {1, 1}, {4, 5}, {1, 5}}});
}

TEST(BroadcastSizes, ASizeThatRunningTells) {
  expect_all(
      "graph g(%x: f32[n], %y: f32[4], %u: f32[m]) -> (%z, %v)\n"
      "  %i = NonZero(%x)\n"
      "  %f = Cast(%i) to=f32\n"
      "  %z = Add(%f, %y)\n"
      "  %g = Add(%f, %u)\n"
      "  %s = Shape(%g)\n"
      "  %v = Expand(%f, %s)\n",
      {{{4}, {4}, {4}}, {{1}, {4}, {3}}, {{4}, {4}, {1}}});
}

}  // namespace hone::test::broadcast_sizes_test
