// Sizes that only running tells, sizes that break a requirement, branches.

#include <atomic>
#include <cmath>
#include <thread>

#include "runtime/graph_run.hpp"

namespace hone::test::sizes_test {

Tensor f32(const std::vector<double>& values) {
  Tensor tensor(DType::f32, {static_cast<int64_t>(values.size())});
  for (size_t i = 0; i < values.size(); ++i) tensor.set_number(static_cast<int64_t>(i), values[i]);
  return tensor;
}

TEST(Sizes, ArithmeticOnWhatNonZeroFinds) {
  constexpr std::string_view kText =
      "graph g(%x: f32[n]) -> (%y, %last)\n"
      "  %i = NonZero(%x)\n"
      "  %f = Cast(%i) to=f32\n"
      "  %g = Add(%f, f32[1]{0.5})\n"
      "  %y = ReduceSum(%g) keepdims=false\n"
      "  %k = Shape(%i) start=1 end=2\n"
      "  %m = Sub(%k, i64[1]{1})\n"
      "  %last = Slice(%x, %m, %k)\n";
  Context context(engine_of(kText));
  expect_as_evaluated(context, kText, {f32({1, 0, 3, 0})});
  expect_as_evaluated(context, kText, {f32({1, 2, 3, 0})});
  expect_as_evaluated(context, kText, {f32({1, 2, 3, 4})});
  expect_as_evaluated(context, kText, {f32({0, 0, 0, 0, 7})});
}

TEST(Sizes, AFieldThatRunningTellsWhereNoSizeDependsOnIt) {
  constexpr std::string_view kText =
      "graph g(%x: f32[n]) -> (%y)\n"
      "  %i = NonZero(%x)\n"
      "  %k = Shape(%i) start=1 end=2\n"
      "  %m = Sub(i64[1]{0}, %k)\n"
      "  %p = Concat(%k, %m) axis=0\n"
      "  %t = Neg(%x)\n  %s = Pad(%t, %p)\n  %y = Neg(%s)\n";
  Context context(engine_of(kText));
  expect_as_evaluated(context, kText, {f32({1, 0, 3, 0, 0})});
  expect_as_evaluated(context, kText, {f32({1, 0, 0, 0, 0})});
  expect_as_evaluated(context, kText, {f32({1, 2, 3, 0, 0})});
}

TEST(Sizes, ARequirementOfSizesThatRunningTells) {
  constexpr std::string_view kText =
      "graph g(%x: f32[n], %w: f32[m,3]) -> (%y)\n"
      "  %i = NonZero(%x)\n  %f = Cast(%i) to=f32\n  %y = MatMul(%f, %w)\n";
  Context context(engine_of(kText));
  for (int i = 0; i < 2; ++i) {
    EXPECT_NE(error_of(Code::usage,
                       [&] {
                         context.run({{"x", f32({1, 1, 1, 0})}, {"w", ramp({2, 3})}});
                       })
                  .find("does not run with these input sizes"),
              std::string::npos);
    expect_as_evaluated(context, kText, {f32({1, 0, 1, 0}), ramp({2, 3})});
  }
}

TEST(Sizes, AnInputStatedInSymbolsOfALaterOne) {
  constexpr std::string_view kText =
      "graph g(%a: f32[2*n], %b: f32[n]) -> (%y, %z)\n  %y = Relu(%a)\n  %z = Relu(%b)\n";
  Context context(engine_of(kText));
  EXPECT_EQ(error_of(Code::usage,
                     [&] {
                       context.run({{"a", ramp({5})}, {"b", ramp({2})}});
                     }),
            "input \"a\" has sizes [5], wanted f32[2*n]");
  expect_as_evaluated(context, kText, {ramp({4}), ramp({2})});
}

constexpr std::string_view kBroadcast =
    "graph g(%x: f32[n,3], %w: f32[m,3]) -> (%y)\n  %t = Add(%x, %w)\n  %y = Relu(%t)\n";

TEST(Sizes, AProgramIsSpecializedWhereASizeIsBroadcast) {
  const auto engine = engine_of(kBroadcast);
  Context context(engine);
  const auto rest = [&](const std::vector<int64_t>& x) {
    const Type w = Type::tensor(DType::f32, {4, 3});
    return engine->program()->rest(0, {Type::tensor(DType::f32, Dims(x.begin(), x.end())), w}, {});
  };
  EXPECT_EQ(rest({1, 3}), rest({1, 3})) << "kept";
  EXPECT_NE(rest({1, 3}), rest({4, 3}));
  for (int i = 0; i < 2; ++i) {
    expect_as_evaluated(context, kBroadcast, {ramp({4, 3}), ramp({4, 3})});
    const auto found = context.run({{"x", ramp({1, 3})}, {"w", ramp({4, 3})}});
    EXPECT_EQ(found[0].second.shape(), (std::vector<int64_t>{4, 3}));
    EXPECT_EQ(found[0].second.number(11), 13);
    const std::string message = error_of(Code::usage, [&] {
      context.run({{"x", ramp({2, 3})}, {"w", ramp({4, 3})}});
    });
    EXPECT_NE(message.find("do not broadcast"), std::string::npos) << message;
  }
}

TEST(Sizes, ABranchMayBroadcastToo) {
  constexpr std::string_view kText =
      "graph g(%x: f32[n], %w: f32[m], %c: bool[]) -> (%y)\n"
      "  %y = If(%c, %x, %w)\n"
      "    then_branch(%a: f32[n], %b: f32[m]) -> (%r)\n"
      "      %r = Add(%a, %b)\n"
      "    else_branch(%a: f32[n], %b: f32[m]) -> (%r)\n"
      "      %r = Relu(%b)\n";
  Context context(engine_of(kText));
  const auto run = [&](std::vector<int64_t> x, std::vector<int64_t> w, bool c) {
    return numbers(context
                       .run({{"x", ramp(std::move(x), 1)},
                             {"w", ramp(std::move(w), 1)},
                             {"c", Tensor::scalar(DType::boolean, c)}})[0]
                       .second);
  };
  EXPECT_EQ(run({3}, {3}, true), (std::vector<double>{2, 4, 6}));
  EXPECT_EQ(run({1}, {3}, true), (std::vector<double>{2, 3, 4}));
  EXPECT_EQ(run({3}, {1}, true), (std::vector<double>{2, 3, 4}));
  EXPECT_EQ(run({1}, {3}, false), (std::vector<double>{1, 2, 3}));
}

TEST(Sizes, BranchesWithinBranchesHaveTheirOwnSymbols) {
  // n+1 is a symbol of its own in the outer body; the inner one must not call two sizes the same.
  constexpr std::string_view kText =
      "graph g(%x: f32[n], %c: bool[]) -> (%y)\n"
      "  %p = Concat(%x, f32[1]{5}) axis=0\n"
      "  %y = If(%c, %p, %c)\n"
      "    then_branch(%a: f32[k], %c: bool[]) -> (%r)\n"
      "      %q = Concat(%a, f32[1]{6}) axis=0\n"
      "      %r = If(%c, %q, %a)\n"
      "        then_branch(%u: f32[k2], %v: f32[k]) -> (%s)\n"
      "          %s = Concat(%u, %v) axis=0\n"
      "        else_branch(%u: f32[k2], %v: f32[k]) -> (%s)\n"
      "          %s = Relu(%v)\n"
      "    else_branch(%a: f32[k], %c: bool[]) -> (%r)\n"
      "      %r = Relu(%a)\n";
  Context context(engine_of(kText));
  for (const bool taken : {true, false, true})
    expect_as_evaluated(context, kText, {ramp({2}, 1), Tensor::scalar(DType::boolean, taken)});
}

TEST(Sizes, ASymbolNamedAsARunningOneWouldBe) {
  constexpr std::string_view kText =
      "graph g(%x: f32[i_d1]) -> (%i, %z)\n  %i = NonZero(%x)\n  %z = Relu(%x)\n";
  Context context(engine_of(kText));
  expect_as_evaluated(context, kText, {f32({1, 0, 3})});
}

TEST(Sizes, AStreamMayBeSmallerThanTheEngineNotLarger) {
  const auto engine = engine_of(kBroadcast, 2);
  EXPECT_EQ(error_of(Code::usage, [&] { Context(engine, engine->device().stream({3})); }),
            "a stream of 3 workers, the engine is made for 2");
  Context context(engine, engine->device().stream({1}));
  expect_as_evaluated(context, kBroadcast, {ramp({4, 3}), ramp({4, 3})});
}

TEST(Sizes, SpecializedProgramsLeaveNothingBehind) {
  // Every width makes other weights, which are packed for its program alone.
  const auto engine = engine_of(
      "graph g(%x: f32[n,m]) -> (%y, %i)\n"
      "  %i = NonZero(%x)\n"
      "  %s = Shape(%x) start=1 end=2\n"
      "  %d = Concat(%s, i64[1]{32}) axis=0\n"
      "  %w = ConstantOfShape(%d) value=f32[1]{2}\n"
      "  %y = MatMul(%x, %w)\n");
  Context context(engine);
  int64_t most = 0;
  for (int64_t m = 33; m < 73; ++m) {
    const NamedTensors found = context.run({{"x", ramp({2, m})}});
    EXPECT_EQ(found[0].second.number(0), static_cast<double>(m * (m - 1)));
    most = std::max(most, engine->packed_bytes());
  }
  EXPECT_LT(most, 12 * 73 * 64 * 4);
}

TEST(Sizes, ContextsInThreadsShareAnEngine) {
  const auto engine = engine_of(kBroadcast);
  const std::shared_ptr<Stream> stream = engine->device().stream({2});
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int id = 0; id < 4; ++id)
    threads.emplace_back([&, id] {
      Context context(engine, id % 2 == 0 ? stream : nullptr);
      for (int64_t i = 0; i < 30; ++i) {
        const int64_t m = 1 + (i + id) % 12;  // more sizes than an engine keeps programs for
        const auto found =
            context.run({{"x", ramp({i % 3 == 0 ? m : 1, 3}, id)}, {"w", ramp({m, 3})}});
        const double last = static_cast<double>(m * 3 - 1);
        const double other = i % 3 == 0 ? last : 2;
        wrong += found[0].second.number(m * 3 - 1) != last + other + id;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace hone::test::sizes_test
