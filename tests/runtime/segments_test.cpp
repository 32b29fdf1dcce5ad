// Steps that are recorded and replayed: what runs is what would have run step by step.

#include "device/null/device.hpp"
#include "runtime/graph_run.hpp"
#include "support/apart_device.hpp"

namespace hone::test::segments_test {

using null::Command;

std::shared_ptr<const Engine> engine_on(const std::shared_ptr<Device>& device,
                                        std::string_view text) {
  BuildOptions options;
  options.engine.workers = 1;
  options.engine.device = device;
  options.passes.disabled = {"fuse"};
  return build(graph_of(text), options);
}

constexpr std::string_view kChain =
    "graph g(%x: f32[n,8]) -> (%y, %z)\n"
    "  %a = Softmax(%x)\n  %b = CumSum(%a, i64[]{1})\n  %c = Tanh(%b)\n"
    "  %y = CumSum(%c, i64[]{0})\n  %z = Add(%a, %x)\n";

std::vector<Command> launches_of(const null::Device& device) {
  std::vector<Command> launches;
  for (const Command& each : device.log())
    if (each.kind == Command::Kind::launch) launches.push_back(each);
  return launches;
}

uintptr_t address(const Tensor& tensor) {
  return reinterpret_cast<uintptr_t>(tensor.bytes().data());
}

TEST(Segments, AreReplayedFromTheSecondRunOn) {
  const auto device = std::make_shared<null::Device>();
  Context context(engine_on(device, kChain));
  std::vector<std::vector<Command>> runs;
  for (int i = 0; i < 4; ++i) {
    device->clear_log();
    const Tensor x = ramp({3, 8}), y = ramp({3, 8}), z = ramp({3, 8});
    (void)context.run({{"x", x}}, {{"y", y}, {"z", z}});
    EXPECT_EQ(device->replays(), i);
    runs.push_back(launches_of(*device));
    ASSERT_EQ(runs.back().size(), 5u);
    size_t reads = 0, writes = 0;  // of the caller's tensors, where they are in this run
    for (const Command& launch : runs.back()) {
      for (const null::Range& each : launch.reads) reads += each.address == address(x) ? 1 : 0;
      for (const null::Range& each : launch.writes)
        writes += each.address == address(y) || each.address == address(z) ? 1 : 0;
    }
    EXPECT_EQ(reads, 2u);
    EXPECT_EQ(writes, 2u);
  }
  for (size_t i = 0; i < 5; ++i) EXPECT_EQ(runs[3][i].scratch.address, runs[0][i].scratch.address);
}

TEST(Segments, NewSizesAreRecordedAnew) {
  const auto device = std::make_shared<null::Device>();
  Context context(engine_on(device, kChain));
  int replays = 0;
  for (const int64_t rows : {3, 3, 3, 5, 5, 3, 3}) {
    device->clear_log();
    (void)context.run({{"x", ramp({rows, 8})}});
    const auto launches = launches_of(*device);
    ASSERT_EQ(launches.size(), 5u);
    for (const Command& each : launches) EXPECT_EQ(each.writes.at(0).bytes, rows * 8 * 4);
    replays = device->replays();
  }
  EXPECT_EQ(replays, 2 + 1 + 1);
}

TEST(Segments, ResultsAreThoseOfEachRun) {
  for (size_t salt = 0; salt < 4; ++salt) {
    Context context(engine_on(std::make_shared<ApartDevice>(salt), kChain));
    for (int run = 0; run < 5; ++run)
      expect_as_evaluated(context, kChain, {ramp({run < 3 ? 3 : 4, 8}, -10 + run)});
  }
}

/// Between two steps of the host, and beside values that only running gives a size.
TEST(Segments, StandBesideStepsOfOtherKinds) {
  constexpr std::string_view kText =
      "graph g(%x: f32[4,6]) -> (%y, %w)\n"
      "  %a = Tanh(%x)\n  %b = CumSum(%a, i64[]{1})\n  %i = NonZero(%b)\n"
      "  %j = Transpose(%i) perm=[1,0]\n  %y = GatherND(%b, %j)\n"
      "  %c = Neg(%b)\n  %w = CumSum(%c, i64[]{0})\n";
  for (size_t salt = 0; salt < 4; ++salt) {
    Context context(engine_on(std::make_shared<ApartDevice>(salt), kText));
    for (int run = 0; run < 4; ++run) expect_as_evaluated(context, kText, {ramp({4, 6}, -5 - run)});
  }
}

TEST(Segments, WhatCannotBeRecordedRunsStepByStep) {
  const auto device = std::make_shared<ApartDevice>();
  device->refuse_recordings();
  Context context(engine_on(device, kChain));
  for (int run = 0; run < 4; ++run) expect_as_evaluated(context, kChain, {ramp({3, 8}, -10 + run)});
  EXPECT_EQ(device->replays(), 0);
}

TEST(Segments, BranchesOnStreamsGiveTheSame) {
  constexpr std::string_view kText =
      "graph g(%x: f32[n,8]) -> (%y, %z)\n"
      "  %a = Softmax(%x)\n  %b = CumSum(%a, i64[]{0})\n  %c = CumSum(%a, i64[]{1})\n"
      "  %d = Tanh(%b)\n  %e = Exp(%c)\n  %y = CumSum(%d, i64[]{0})\n  %z = Add(%e, %b)\n";
  int most = 1;
  for (size_t salt = 0; salt < 4; ++salt) {
    BuildOptions options;
    options.engine.workers = 1;
    options.engine.device = std::make_shared<ApartDevice>(salt);
    options.engine.streams = 3;
    options.passes.disabled = {"fuse"};
    const auto engine = build(graph_of(kText), options);
    most = std::max(most, stream_count(engine->plan()));
    Context context(engine);
    for (int run = 0; run < 6; ++run)
      expect_as_evaluated(context, kText, {ramp({run < 4 ? 3 : 4, 8}, -10 + run)});
  }
  EXPECT_GT(most, 1);
}

TEST(Segments, StreamsAreForDevicesThatHaveThem) {
  BuildOptions options;
  options.engine.streams = 2;
  const std::string why = error_of(Code::usage, [&] { (void)build(graph_of(kChain), options); });
  EXPECT_NE(why.find("streams: 2; on the host's processors"), std::string::npos) << why;
}

/// Of a plan of several streams: the second run has the events and waits that the first one had.
TEST(Segments, KeepTheEdgesOfStreams) {
  const auto device = std::make_shared<null::Device>();
  std::shared_ptr<const Graph> graph = graph_of(
      "graph g(%x: f32[64,64]) -> (%y, %z)\n"
      "  %a = Softmax(%x)\n  %b = CumSum(%a, i64[]{0})\n  %c = CumSum(%a, i64[]{1})\n"
      "  %d = CumSum(%b, i64[]{1})\n  %e = CumSum(%c, i64[]{0})\n"
      "  %y = CumSum(%d, i64[]{0})\n  %z = MatMul(%e, %b)\n");
  CompileOptions how;
  how.most_streams = 2;
  how.passes.disabled = {"fuse"};
  Compiled made = compile(*graph, *device, how);
  ASSERT_EQ(stream_count(made.plan), 2);
  size_t planned = 0;
  for (const Step& step : made.plan.steps) planned += step.waits.size();
  const std::vector<Step> steps = made.plan.steps;
  PackStore packs;
  const auto program =
      Program::make(std::move(made.typed), std::move(made.plan), made.chosen, {device, packs});
  const auto stream = device->stream({});
  Execution execution(program, *stream);
  for (int run = 0; run < 3; ++run) {
    device->clear_log();
    (void)execution.run({ramp({64, 64})});
    const auto launches = launches_of(*device);
    ASSERT_EQ(launches.size(), steps.size());
    for (size_t i = 0; i < steps.size(); ++i) EXPECT_EQ(launches[i].stream, steps[i].stream);
    std::set<int> recorded;
    size_t waits = 0;
    for (const Command& command : device->log()) {
      if (command.kind == Command::Kind::record) recorded.insert(command.event);
      if (command.kind != Command::Kind::wait) continue;
      ++waits;
      EXPECT_TRUE(recorded.contains(command.event)) << "an event of another run";
    }
    // All streams meet before, at the beginning, at the end of the recording, and behind it.
    EXPECT_EQ(waits, planned + (run == 0 ? 0 : 4));
  }
  EXPECT_EQ(device->replays(), 2);
}

}  // namespace hone::test::segments_test
