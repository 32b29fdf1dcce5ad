// Networks in halves on a device that computes in f32.

#include <unistd.h>

#include <cmath>

#include "base/file.hpp"
#include "runtime/engine_file.hpp"
#include "runtime/graph_run.hpp"

namespace hone::test::halves_test {

class Halves : public testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove(path_); }
  const std::filesystem::path path_ =
      std::filesystem::temp_directory_path() / cat("hone-halves-", ::getpid(), ".hone");
};

/// Two products, whose weights are of `type`: contents, not a seed.
std::unique_ptr<Graph> network(DType type) {
  auto graph =
      graph_of(cat("graph g(%x: ", type, "[n,64]) -> (%y)\n  %a = MatMul(%x, @w) : ", type,
                   "[n,256]\n  %r = Relu(%a) : ", type, "[n,256]\n  %y = MatMul(%r, @v) : ", type,
                   "[n,64]\nweights\n  @w : ", type, "[64,256] random(1, 1)\n  @v : ", type,
                   "[256,64] random(2, 1)\n"));
  for (Value* constant : graph->constants())
    constant->weight = Weight::of(constant->weight->tensor());
  return graph;
}

std::shared_ptr<const Engine> engine_for(DType type) {
  BuildOptions options;
  options.engine.workers = 2;
  return build(network(type), options);
}

Tensor input(DType type) {
  Tensor x(type, {3, 64});
  for (int64_t i = 0; i < x.count(); ++i) x.set_number(i, static_cast<double>(i % 7) / 8 - 0.375);
  return x;
}

/// The greatest difference as a share of the largest number.
double apart(const Tensor& a, const Tensor& b) {
  double most = 0, largest = 0;
  for (int64_t i = 0; i < a.count(); ++i) {
    most = std::max(most, std::abs(a.number(i) - b.number(i)));
    largest = std::max(largest, std::abs(b.number(i)));
  }
  return most / largest;
}

TEST_F(Halves, AreComputedInF32AndRoundedOnce) {
  for (const DType type : {DType::f16, DType::bf16}) {
    SCOPED_TRACE(name(type));
    const auto graph = network(type);
    // In f64, of the same numbers.
    const auto truth = network(DType::f64);
    for (Value* constant : truth->constants())
      constant->weight = Weight::of(
          Weight::converted(graph->find(constant->name)->weight, DType::f64)->contents());
    Tensor x(DType::f64, {3, 64});
    for (int64_t i = 0; i < x.count(); ++i) x.set_number(i, input(type).number(i));
    const Tensor wanted = evaluate(*truth, {x})[0];
    const Tensor got = Context(engine_for(type)).run({{"x", input(type)}})[0].second;
    EXPECT_EQ(got.dtype(), type);
    EXPECT_LE(apart(got, wanted), type == DType::f16 ? 0x1p-11 : 0x1p-8);
  }
}

TEST_F(Halves, AFileHasTheHalvesAlone) {
  const auto engine = engine_for(DType::f16);
  for (const Value* constant : engine->graph().constants())
    EXPECT_EQ(constant->weight->is_converted(), constant->weight->dtype() == DType::f32)
        << constant->name;
  save(*engine, path_);
  constexpr size_t kHalves = 2 * 2 * 64 * 256;  // bytes; in f32 twice as many
  EXPECT_LT(std::filesystem::file_size(path_), kHalves + kHalves / 2);
  const auto parts = read_engine_file(path_).parts;
  ASSERT_NE(parts.devices.at(0).typed, nullptr);  // nothing is computed anew
  const auto loaded = load(path_, {.engine = {.workers = 2}});
  EXPECT_EQ(loaded->replanned(), "");
  const auto run = [](const std::shared_ptr<const Engine>& of) {
    return Context(of).run({{"x", input(DType::f16)}})[0].second;
  };
  EXPECT_TRUE(same_bits(run(loaded), run(engine)));
}

/// A mask of the least half hides, and a row that it hides whole is no row of NaN.
TEST_F(Halves, AMaskOfTheLeastHalfStaysFinite) {
  const auto engine = engine_of(
      "graph g(%s: f16[2,4], %m: bool[2,4]) -> (%y)\n"
      "  %k = Where(%m, f16{0}, f16{-65504}) : f16[2,4]\n"
      "  %a = Add(%s, %k) : f16[2,4]\n  %y = Softmax(%a) : f16[2,4]\n");
  Tensor scores(DType::f16, {2, 4}), mask(DType::boolean, {2, 4});
  for (int64_t i = 0; i < 8; ++i) scores.set_number(i, static_cast<double>(i % 4) / 4);
  mask.set_integer(1, 1);
  const Tensor found = Context(engine).run({{"s", scores}, {"m", mask}})[0].second;
  EXPECT_EQ(found.number(0), 0);
  EXPECT_EQ(found.number(1), 1);
  double sum = 0;
  for (int64_t i = 4; i < 8; ++i) sum += found.number(i);
  EXPECT_NEAR(sum, 1, 1e-2);
}

/// What is beyond the largest half is an infinity to those who ask, and at an output.
TEST_F(Halves, AnInfinityOfHalvesIsOneWhereSomebodyAsks) {
  const auto engine = engine_of(
      "graph g(%x: f16[2]) -> (%m, %y, %z)\n  %y = Mul(%x, %x) : f16[2]\n"
      "  %m = IsInf(%y) : bool[2]\n  %z = Sqrt(%y) : f16[2]\n");
  Tensor x(DType::f16, {2});
  x.set_number(0, 1000);
  x.set_number(1, 3);
  const auto found = Context(engine).run({{"x", x}});
  EXPECT_EQ(numbers(found[0].second), (std::vector<double>{1, 0}));
  EXPECT_EQ(numbers(found[1].second), (std::vector<double>{INFINITY, 9}));
  EXPECT_EQ(numbers(found[2].second), (std::vector<double>{1000, 3}));
}

}  // namespace hone::test::halves_test
