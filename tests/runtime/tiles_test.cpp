// Runs of one context on the processors: the first goes step by step, later ones run a program of
// tiles, where there are workers enough. They are to give the same bits.

#include "runtime/graph_run.hpp"

namespace hone::test::tiles_test {

std::shared_ptr<const Engine> unfused(std::string_view text, int workers) {
  BuildOptions options;
  options.engine.workers = workers;
  options.passes.disabled = {"fuse"};
  return build(graph_of(text), options);
}

bool same_bits(const NamedTensors& a, const NamedTensors& b) {
  return std::ranges::equal(a, b, [](const auto& one, const auto& other) {
    return one.second.shape() == other.second.shape() &&
           std::ranges::equal(one.second.bytes(), other.second.bytes());
  });
}

// Two branches that meet, a step of one tile, a step that is not recorded (CumSum).
constexpr std::string_view kBranches =
    "graph g(%x: f32[n,64,64]) -> (%y, %z)\n"
    "  %a = Sigmoid(%x)\n  %b = Transpose(%x) perm=[0,2,1]\n  %c = MatMul(%a, %b)\n"
    "  %d = Tanh(%b)\n  %e = ReduceMean(%c) axes=[0] keepdims=true\n  %f = Add(%d, %e)\n"
    "  %g = CumSum(%f, i64[]{1})\n  %h = Concat(%g, %d) axis=1\n  %y = Softsign(%h)\n"
    "  %z = MatMul(%g, %c)\n";

TEST(Tiles, GiveTheBitsOfStepsOneByOne) {
  for (const int workers : {2, 8, 12}) {
    const auto engine = unfused(kBranches, workers);
    Context context(engine);
    for (const int64_t n : {2, 2, 2, 2, 3, 3, 3, 2, 2}) {
      static int run = 0;
      const Tensor x = ramp({n, 64, 64}, 1e-3 * ++run);
      Context once(engine);
      EXPECT_TRUE(same_bits(context.run({{"x", x}}), once.run({{"x", x}}))) << workers;
    }
  }
}

TEST(Tiles, FollowTheCallersPlaces) {
  Context context(unfused(kBranches, 8));
  const Tensor x = ramp({2, 64, 64});
  const NamedTensors wanted = context.run({{"x", x}});
  for (int run = 0; run < 6; ++run) {
    const Tensor own = x.clone(), y(DType::f32, {2, 128, 64}), z(DType::f32, {2, 64, 64});
    const NamedTensors found = context.run({{"x", own}}, {{"y", y}, {"z", z}});
    EXPECT_TRUE(same_bits(found, wanted));
    EXPECT_EQ(found[0].second.bytes().data(), y.bytes().data());
  }
}

// An index that only running finds wrong: the run ends, the next one is right.
TEST(Tiles, AnErrorEndsTheRunOnly) {
  constexpr std::string_view kText =
      "graph g(%x: f32[128,256], %i: i64[96]) -> (%y)\n"
      "  %a = Sigmoid(%x)\n  %b = Gather(%a, %i) axis=0\n  %c = Tanh(%b)\n"
      "  %d = Concat(%c, %b) axis=0\n  %y = Softsign(%d)\n";
  Context context(unfused(kText, 9));
  const Tensor x = ramp({128, 256});
  const auto indices = [](double at_fifty) {
    Tensor made(DType::i64, {96});
    for (int64_t i = 0; i < 96; ++i) made.set_number(i, static_cast<double>(i));
    made.set_number(50, at_fifty);
    return made;
  };
  const NamedTensors wanted = context.run({{"x", x}, {"i", indices(7)}});
  for (int run = 0; run < 6; ++run) {
    const std::string why = error_of(Code::usage, [&] {
      context.run({{"x", x}, {"i", indices(128)}});
    });
    EXPECT_NE(why.find("index 128 is out of range for size 128"), std::string::npos) << why;
    EXPECT_TRUE(same_bits(context.run({{"x", x}, {"i", indices(7)}}), wanted));
  }
}

// In a loop: bodies have arenas and recordings of their own, on the same stream.
TEST(Tiles, RunInBodies) {
  constexpr std::string_view kText =
      "graph g(%x: f32[64,64]) -> (%y)\n"
      "  %y = Loop(i64{4}, bool{true}, %x) states=1\n"
      "    body(%i: i64[], %go: bool[], %v: f32[64,64]) -> (%go, %r)\n"
      "      %s = Sigmoid(%v)\n      %t = MatMul(%s, %v)\n      %u = Tanh(%t)\n"
      "      %r = Add(%u, %s)\n";
  const auto engine = unfused(kText, 8);
  Context context(engine);
  for (int run = 0; run < 4; ++run) {
    const Tensor x = ramp({64, 64}, run);
    Context once(engine);
    EXPECT_TRUE(same_bits(context.run({{"x", x}}), once.run({{"x", x}})));
  }
}

}  // namespace hone::test::tiles_test
