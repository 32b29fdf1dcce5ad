// Engines on a device whose memory is not the host's.

#include "runtime/graph_run.hpp"
#include "support/apart_device.hpp"

namespace hone::test {
namespace {

std::shared_ptr<const Engine> engine_on(const std::shared_ptr<ApartDevice>& device,
                                        std::string_view text, bool fallback = true) {
  BuildOptions options;
  options.engine.workers = 2;
  options.engine.device = device;
  options.engine.fallback = fallback;
  return build(graph_of(text), options);
}

/// On devices that take all ops, and each a part of them.
void expect_on_all(std::string_view text, const std::vector<Tensor>& inputs) {
  for (size_t salt = 0; salt < 4; ++salt) {
    const auto device = std::make_shared<ApartDevice>(salt);
    Context context(engine_on(device, text));
    for (int run = 0; run < 2; ++run) expect_as_evaluated(context, text, inputs);
  }
}

constexpr std::string_view kMixed =
    "graph g(%x: f32[n,8]) -> (%y, %z)\n"
    "  %a = Softmax(%x)\n  %b = CumSum(%a, i64[]{1})\n  %c = MatMul(%b, @w)\n"
    "  %d = Reshape(%c) shape=[n,4,2]\n  %e = Exp(%d)\n  %f = Reshape(%e) shape=[n,8]\n"
    "  %y = CumSum(%f, i64[]{0})\n  %z = Concat(%a, %f) axis=0\n"
    "weights\n  @w : f32[8,8] random(3, 0.5)\n";

TEST(Apart, StepsRunOnBothSides) {
  expect_on_all(kMixed, {ramp({3, 8}, -10)});
  expect_on_all(kMixed, {ramp({1, 8}, -10)});
}

TEST(Apart, NewSizesAndWeightsOnce) {
  const auto device = std::make_shared<ApartDevice>();
  const auto engine = engine_on(device, kMixed);
  const int64_t weights = device->allocated_bytes();
  EXPECT_EQ(weights, 256);
  EXPECT_EQ(engine->packed_bytes(), 256);
  {
    Context context(engine), other(engine);
    for (const int64_t rows : {3, 5, 1, 0, 4}) {
      expect_as_evaluated(context, kMixed, {ramp({rows, 8}, -10)});
      expect_as_evaluated(other, kMixed, {ramp({rows, 8}, -9)});
    }
  }
  EXPECT_EQ(device->allocated_bytes(), weights);
}

TEST(Apart, OnlyWhatIsReadElsewhereIsCopied) {
  const auto device = std::make_shared<ApartDevice>();
  constexpr std::string_view kText =
      "graph g(%x: f32[16,8]) -> (%y)\n  %a = CumSum(%x, i64[]{1})\n  %y = CumSum(%a, i64[]{0})\n";
  Context context(engine_on(device, kText));
  const int64_t before = device->copied_bytes();
  expect_as_evaluated(context, kText, {ramp({16, 8})});
  EXPECT_EQ(device->copied_bytes() - before, 2 * 16 * 8 * 4);
}

TEST(Apart, SizesThatOnlyRunningTells) {
  expect_on_all(
      "graph g(%x: f32[4,6]) -> (%y)\n"
      "  %a = CumSum(%x, i64[]{1})\n  %i = NonZero(%a)\n  %j = Transpose(%i) perm=[1,0]\n"
      "  %y = GatherND(%a, %j)\n",
      {ramp({4, 6}, -5)});
}

TEST(Apart, ControlFlow) {
  constexpr std::string_view kText =
      "graph g(%n: i64[], %c: bool[], %x: f32[4,8]) -> (%y, %z)\n"
      "  %s = Exp(%x)\n"
      "  %y, %z = Loop(%n, %c, %s, @w) states=1\n"
      "    body(%i: i64[], %k: bool[], %m: f32[4,8], %w: f32[8,8]) -> (%k, %t, %r)\n"
      "      %u = MatMul(%m, %w)\n      %t = Tanh(%u)\n      %r = CumSum(%t, i64[]{1})\n"
      "weights\n  @w : f32[8,8] random(4, 0.5)\n";
  for (const double turns : {0.0, 1.0, 3.0})
    expect_on_all(kText, {Tensor::scalar(DType::i64, turns), Tensor::scalar(DType::boolean, 1),
                          ramp({4, 8}, -30)});
}

/// Sizes that broadcast are taken to be equal; these are not.
TEST(Apart, SizesThatThePlanIsNotFor) {
  constexpr std::string_view kText =
      "graph g(%x: f32[n,4], %z: f32[m,4]) -> (%y)\n"
      "  %a = Exp(%x)\n  %b = Add(%a, %z)\n  %y = CumSum(%b, i64[]{0})\n";
  expect_on_all(kText, {ramp({3, 4}, -10), ramp({3, 4})});
  expect_on_all(kText, {ramp({1, 4}, -10), ramp({3, 4})});
}

TEST(Apart, PlacesThatAreGivenAndInputsThatAreOutputs) {
  const auto device = std::make_shared<ApartDevice>(1);
  Context context(engine_on(device, "graph g(%x: f32[2,8]) -> (%x, %y)\n  %y = Exp(%x)\n"));
  Tensor place(DType::f32, {2, 8});
  const NamedTensors results = context.run({{"x", ramp({2, 8}, -3)}}, {{"y", place}});
  EXPECT_EQ(results[1].second.bytes().data(), place.bytes().data());
  EXPECT_NEAR(place.number(3), 1, 1e-6);
  EXPECT_EQ(numbers(results[0].second), numbers(ramp({2, 8}, -3)));
}

TEST(Apart, WithoutFallbackTheHostRunsNothing) {
  const auto device = std::make_shared<ApartDevice>(1);
  std::string refused;
  for (const std::string_view op : {"CumSum(%x, i64[]{1})", "Exp(%x)", "Tanh(%x)", "Softmax(%x)"}) {
    const std::string text = cat("graph g(%x: f32[2,8]) -> (%y)\n  %y = ", op, "\n");
    const std::string why =
        error_of(Code::unsupported, [&] { (void)engine_on(device, text, false); });
    if (!why.empty()) refused = why;
    else EXPECT_EQ(engine_on(device, text)->plan().steps.at(0).kernel, "apart.reference");
  }
  EXPECT_NE(refused.find("cpu.reference: runs on the host, which is not allowed"),
            std::string::npos)
      << refused;
}

TEST(Apart, WhatRunsOnTheHostSaysSo) {
  const auto device = std::make_shared<ApartDevice>(1);
  const auto engine = engine_on(device, kMixed);
  int there = 0;
  for (const Step& step : engine->plan().steps) {
    const bool on_host = step.kernel.starts_with("cpu.");
    there += on_host ? 1 : 0;
    EXPECT_EQ(step.note.find("on the host: its operands are copied there") != std::string::npos,
              on_host)
        << step.kernel << ": " << step.note;
  }
  EXPECT_GT(there, 0);
}

/// An error leaves nothing enqueued that would touch the caller's memory, and the context usable.
TEST(Apart, AContextRunsAgainAfterAnError) {
  const auto device = std::make_shared<ApartDevice>(0);
  constexpr std::string_view kText =
      "graph g(%x: f32[2,8], %i: i64[2]) -> (%y)\n  %a = Exp(%x)\n  %y = Gather(%a, %i) axis=1\n";
  Context context(engine_on(device, kText));
  const std::string why = error_of(Code::usage, [&] {
    (void)context.run({{"x", ramp({2, 8}, -3)}, {"i", Tensor::ints({0, 9})}});
  });
  EXPECT_NE(why.find("9"), std::string::npos) << why;
  expect_as_evaluated(context, kText, {ramp({2, 8}, -3), Tensor::ints({7, 0})});
}

}  // namespace
}  // namespace hone::test
