// Steps whose results' sizes the contents of operands tell, on a device whose memory is not the
// host's: the device's kernels run them.

#include "runtime/graph_run.hpp"
#include "support/apart_device.hpp"

namespace hone::test::late_test {

std::shared_ptr<const Engine> engine_on(const std::shared_ptr<ApartDevice>& device,
                                        std::string_view text) {
  BuildOptions options;
  options.engine.workers = 1;
  options.engine.device = device;
  return build(graph_of(text), options);
}

/// What ran within the steps of a run: names of ops, in order; "host" of what was evaluated.
std::vector<std::string> parts_of(const std::shared_ptr<const Engine>& engine,
                                  const NamedTensors& inputs) {
  Context context(engine);
  Profile profile;
  context.profile(&profile);
  (void)context.run(inputs);
  std::vector<std::string> parts;
  for (size_t i = 0; i < profile.times().size(); ++i) {
    const Profile::Time& time = profile.times()[i];
    const Program::Step& step = time.program->steps()[time.step];
    const bool parted = std::ranges::any_of(
        profile.times(), [&](const Profile::Time& each) { return each.outer == i; });
    if (time.outer) parts.emplace_back(step.node->op.name());
    else if (!parted && step.kind != Step::Kind::run) parts.emplace_back("host");
  }
  return parts;
}

constexpr std::string_view kSum =
    "graph g(%x: f32[n,4,5], %a: i64[k]) -> (%y)\n"
    "  %s = Exp(%x)\n  %y = ReduceSum(%s, %a) keepdims=true\n";

TEST(Late, KernelsRunWhatContentsTell) {
  const auto device = std::make_shared<ApartDevice>();
  const auto engine = engine_on(device, kSum);
  const Tensor x = ramp({3, 4, 5}, -50);
  EXPECT_EQ(parts_of(engine, {{"x", x}, {"a", Tensor::ints({1})}}),
            std::vector<std::string>{"ReduceSum"});
  Context context(engine);
  const int64_t before = device->copied_bytes();
  expect_as_evaluated(context, kSum, {x, Tensor::ints({1})});
  // The data to the device, and from there the result.
  EXPECT_EQ(device->copied_bytes() - before, 4 * (3 * 4 * 5 + 3 * 5));
}

TEST(Late, ContentsAndSizesMayChange) {
  for (size_t salt = 0; salt < 4; ++salt) {
    const auto device = std::make_shared<ApartDevice>(salt);
    const auto engine = engine_on(device, kSum);
    const int64_t held = device->allocated_bytes();
    {
      Context context(engine);
      for (int run = 0; run < 3; ++run)
        for (const auto& axes :
             std::vector<std::vector<int64_t>>{{1}, {-1}, {0, 2}, {1, 0, 2}, {1}})
          for (const int64_t n : {3, 1, 2})
            expect_as_evaluated(context, kSum, {ramp({n, 4, 5}, -50), Tensor::ints(axes)});
    }
    EXPECT_EQ(device->allocated_bytes(), held);
  }
}

/// Programs that would be made all the time: the step is evaluated.
TEST(Late, OfContentsThatAlwaysChangeThereAreFewPrograms) {
  constexpr std::string_view kText =
      "graph g(%x: f32[40], %k: i64[1]) -> (%y, %i)\n  %y, %i = TopK(%x, %k)\n";
  const auto engine = engine_on(std::make_shared<ApartDevice>(), kText);
  Context context(engine);
  const auto at = [](int64_t k) { return Tensor::ints({k}); };
  for (int64_t k = 1; k < 40; ++k) expect_as_evaluated(context, kText, {ramp({40}), at(k)});
  EXPECT_EQ(parts_of(engine, {{"x", ramp({40})}, {"k", at(8)}}), std::vector<std::string>{"TopK"});
  EXPECT_EQ(parts_of(engine, {{"x", ramp({40})}, {"k", at(9)}}), std::vector<std::string>{"host"});
}

/// Short data are data: only what tells sizes has a program of its own.
TEST(Late, OnlyWhatTellsSizesIsLookedAt) {
  constexpr std::string_view kText =
      "graph g(%x: f32[n], %s: i64[1], %e: i64[1]) -> (%y)\n  %y = Slice(%x, %s, %e)\n";
  const auto engine = engine_on(std::make_shared<ApartDevice>(), kText);
  for (int start = 0; start < 20; ++start)
    EXPECT_EQ(
        parts_of(engine,
                 {{"x", ramp({7}, start)}, {"s", Tensor::ints({1})}, {"e", Tensor::ints({6})}}),
        std::vector<std::string>{"Slice"});
  Context context(engine);
  for (const int64_t n : {7, 3, 2, 1})
    expect_as_evaluated(context, kText, {ramp({n}), Tensor::ints({1}), Tensor::ints({6})});
}

TEST(Late, RanksAndScales) {
  for (size_t salt = 0; salt < 4; ++salt) {
    const auto device = std::make_shared<ApartDevice>(salt);
    constexpr std::string_view kRanks =
        "graph g(%x: f32[n,4,5], %a: i64[k]) -> (%z)\n"
        "  %y = ReduceMean(%x, %a) keepdims=false\n  %z = Exp(%y)\n";
    Context ranks(engine_on(device, kRanks));
    constexpr std::string_view kScales =
        "graph g(%x: f32[1,1,n,4], %s: f32[4]) -> (%y)\n  %y = Resize(%x, _, %s)\n";
    Context scales(engine_on(device, kScales));
    Tensor scale(DType::f32, {4});
    for (int i = 0; i < 4; ++i) scale.set_number(i, i < 2 ? 1 : 2);
    for (const int64_t n : {3, 5}) {
      expect_as_evaluated(ranks, kRanks, {ramp({n, 4, 5}, -9), Tensor::ints({1})});
      expect_as_evaluated(ranks, kRanks, {ramp({n, 4, 5}, -9), Tensor::ints({2, 0})});
      expect_as_evaluated(scales, kScales, {ramp({1, 1, n, 4}), scale});
    }
  }
}

TEST(Late, WhatContradictsIsTheCallersError) {
  const auto engine = engine_on(std::make_shared<ApartDevice>(), kSum);
  Context context(engine);
  const std::string why = error_of(Code::usage, [&] {
    (void)context.run({{"x", ramp({3, 4, 5})}, {"a", Tensor::ints({7})}});
  });
  EXPECT_NE(why.find("axis 7"), std::string::npos) << why;
  expect_as_evaluated(context, kSum, {ramp({3, 4, 5}, -50), Tensor::ints({2})});
}

}  // namespace hone::test::late_test
