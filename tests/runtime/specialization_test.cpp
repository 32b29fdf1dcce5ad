// Programs specialized for sizes: made once, few kept, shared by contexts in many threads.

#include <barrier>
#include <functional>
#include <thread>

#include "runtime/graph_run.hpp"
#include "support/rng.hpp"

namespace hone::test::specialization_test {

/// Where one of the sizes is 1 and the other is not, the general program does not do.
constexpr std::string_view kText =
    "graph g(%x: f32[n,3], %w: f32[m,3]) -> (%y, %s)\n"
    "  %t = Add(%x, %w)\n"
    "  %y = Relu(%t)\n"
    "  %s = ReduceSum(%y) axes=[0,1] keepdims=false\n";

std::vector<Type> types(int64_t n, int64_t m) {
  return {Type::tensor(DType::f32, {n, 3}), Type::tensor(DType::f32, {m, 3})};
}

std::shared_ptr<const Engine> engine_that_keeps(size_t programs) {
  BuildOptions options;
  options.engine.workers = 1;
  options.engine.specialized = programs;
  return build(graph_of(kText), options);
}

void in_threads(int count, const std::function<void(int)>& work) {
  std::vector<std::thread> threads;
  for (int id = 0; id < count; ++id) threads.emplace_back(work, id);
  for (std::thread& thread : threads) thread.join();
}

/// What is wrong with the results for x all `value` and w a ramp; empty: nothing.
std::string wrong_with(const NamedTensors& found, int64_t n, int64_t m, double value) {
  const int64_t rows = std::max(n, m);
  const Tensor& y = found[0].second;
  if (y.shape() != std::vector<int64_t>{rows, 3}) return cat("shape ", shape_text(y.shape()));
  double sum = 0;
  for (int64_t i = 0; i < y.count(); ++i) {
    const double wanted = value + static_cast<double>(m == 1 ? i % 3 : i);
    if (y.number(i) != wanted) return cat("y ", i, " is ", y.number(i), ", wanted ", wanted);
    sum += wanted;
  }
  const double got = found[1].second.number(0);
  return got == sum ? "" : cat("the sum is ", got, ", wanted ", sum);
}

TEST(Specialization, ManyThreadsWithMoreSizesThanAreKept) {
  constexpr int kThreads = 6, kRuns = 60;
  constexpr size_t kKept = 4;
  const auto engine = engine_that_keeps(kKept);
  std::vector<std::string> wrong(kThreads);
  in_threads(kThreads, [&](int id) {
    Rng rng(static_cast<uint64_t>(id) + 1);
    Context context(engine);
    for (int i = 0; i < kRuns && wrong[static_cast<size_t>(id)].empty(); ++i) {
      const int64_t size = rng.between(1, 16);
      const int64_t n = rng.percent(40) ? 1 : size, m = n != 1 && rng.percent(50) ? 1 : size;
      Tensor x(DType::f32, {n, 3});
      for (int64_t k = 0; k < x.count(); ++k) x.set_number(k, id + i);
      wrong[static_cast<size_t>(id)] =
          wrong_with(context.run({{"x", x}, {"w", ramp({m, 3})}}), n, m, id + i);
    }
  });
  for (const std::string& each : wrong) EXPECT_EQ(each, "");
  // Nobody runs any more: of sizes that come now, no more stay than are to be kept.
  std::vector<std::weak_ptr<const Program>> made;
  for (int64_t m = 2; m < 40; ++m) made.push_back(engine->program()->rest(0, types(1, m), {}));
  const auto alive = std::count_if(made.begin(), made.end(),
                                   [](const auto& program) { return !program.expired(); });
  EXPECT_EQ(alive, static_cast<int64_t>(kKept));
}

TEST(Specialization, OnePerSizeHoweverManyAskAtOnce) {
  constexpr int kThreads = 8;
  const auto engine = engine_that_keeps(8);
  std::vector<std::vector<std::shared_ptr<const Program>>> found(kThreads);
  std::barrier together(kThreads);
  in_threads(kThreads, [&](int id) {
    for (int64_t m = 2; m < 8; ++m) {
      together.arrive_and_wait();
      found[static_cast<size_t>(id)].push_back(engine->program()->rest(0, types(1, m), {}));
    }
  });
  for (const auto& each : found) EXPECT_EQ(each, found[0]);
  for (size_t i = 1; i < found[0].size(); ++i) EXPECT_NE(found[0][i], found[0][0]);
}

TEST(Specialization, TheLeastRecentlyUsedGoes) {
  const auto engine = engine_that_keeps(2);
  const auto rest = [&](int64_t m) { return engine->program()->rest(0, types(1, m), {}); };
  const std::weak_ptr<const Program> two = rest(2), three = rest(3);
  EXPECT_EQ(rest(2), two.lock());
  const std::weak_ptr<const Program> four = rest(4);
  EXPECT_FALSE(two.expired());
  EXPECT_TRUE(three.expired());
  EXPECT_FALSE(four.expired());
}

TEST(Specialization, SizesThatContradictTheModelFailInTheirThreadOnly) {
  const auto engine = engine_that_keeps(2);
  std::vector<int> refused(4), ran(4);
  in_threads(4, [&](int id) {
    const auto place = static_cast<size_t>(id);
    Context context(engine);
    for (int64_t i = 0; i < 20; ++i) {
      const int64_t n = id % 2 == 0 ? 2 : 1, m = 3 + i % 4;
      try {
        const auto found = context.run({{"x", Tensor(DType::f32, {n, 3})}, {"w", ramp({m, 3})}});
        ran[place] += wrong_with(found, n, m, 0).empty() ? 1 : 0;
      } catch (const Error& error) {
        refused[place] += error.code() == Code::usage ? 1 : 0;
      }
    }
  });
  EXPECT_EQ(ran, (std::vector<int>{0, 20, 0, 20}));
  EXPECT_EQ(refused, (std::vector<int>{20, 0, 20, 0}));
}

}  // namespace hone::test::specialization_test
