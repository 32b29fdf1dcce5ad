// What runs is what was compiled: kernels are asked once, streams and waits are those of the plan,
// constants that bodies capture are packed.

#include <algorithm>
#include <set>

#include "compile/compile.hpp"
#include "device/null/device.hpp"
#include "runtime/execution.hpp"
#include "runtime/graph_run.hpp"

namespace hone::test::road_test {

int asked = 0;

Verdict count_questions(const Problem& problem) {
  ++asked;
  return problem.region.single() != nullptr ? Verdict() : Verdict::no("single ops only");
}

/// The processors of this machine with one kernel, that counts how often it is asked.
class Counting final : public Device {
 public:
  Counting() {
    Kernel kernel = *device_->kernels().find("cpu.reference");
    kernel.supports = count_questions;
    kernels_.add(kernel);
  }
  const std::shared_ptr<const Target>& target() const override { return device_->target(); }
  const KernelRegistry& kernels() const override { return kernels_; }
  Buffer allocate(int64_t bytes) override { return device_->allocate(bytes); }
  std::unique_ptr<Stream> stream(const Share& share) override { return device_->stream(share); }
  std::unique_ptr<Event> event() override { return device_->event(); }
  void copy(const Buffer& to, const Buffer& from, Stream& stream) override {
    device_->copy(to, from, stream);
  }

 private:
  std::shared_ptr<Device> device_ = open_device("cpu");
  KernelRegistry kernels_;
};

constexpr std::string_view kTwoSteps =
    "graph g(%x: f32[n,4]) -> (%y)\n  %a = CumSum(%x, i64[]{1})\n  %y = CumSum(%a, i64[]{0})\n";

TEST(Road, KernelsAreAskedOnceWhenTheyAreChosen) {
  const auto device = std::make_shared<Counting>();
  asked = 0;
  const auto engine = Engine::make(graph_of(kTwoSteps), {.device = device, .workers = 1});
  EXPECT_EQ(asked, 2);
  Context context(engine);
  expect_as_evaluated(context, kTwoSteps, {ramp({3, 4})});
  EXPECT_EQ(asked, 2);
  // A plan from elsewhere is not trusted: each of its kernels is asked about its node.
  const DevicePart part = engine->part();
  const auto loaded = Engine::make(engine->portable(), {.device = device, .workers = 1}, &part);
  EXPECT_EQ(loaded->replanned(), "");
  EXPECT_EQ(asked, 4);
}

TEST(Road, StreamsAndWaitsAreThoseOfThePlan) {
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
  const Plan plan = made.plan;
  ASSERT_EQ(stream_count(plan), 2);
  PackStore packs;
  const auto program =
      Program::make(std::move(made.typed), std::move(made.plan), made.chosen, {device, packs});
  const auto stream = device->stream({});
  Execution execution(program, *stream);
  (void)execution.run({ramp({64, 64})});
  std::vector<null::Command> launches;
  size_t waits = 0;
  for (const null::Command& command : device->log()) {
    if (command.kind == null::Command::Kind::launch) launches.push_back(command);
    waits += command.kind == null::Command::Kind::wait ? 1 : 0;
  }
  ASSERT_EQ(launches.size(), plan.steps.size());
  size_t planned = 0;
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    EXPECT_EQ(launches[i].stream, plan.steps[i].stream);
    planned += plan.steps[i].waits.size();
  }
  EXPECT_GT(planned, 0u);
  EXPECT_EQ(waits, planned);
  // Every wait is for an event that was recorded before.
  std::set<int> recorded;
  for (const null::Command& command : device->log()) {
    if (command.kind == null::Command::Kind::record) recorded.insert(command.event);
    const bool waits_for = command.kind == null::Command::Kind::wait;
    EXPECT_TRUE(!waits_for || recorded.contains(command.event));
  }
}

/// The kernels of all steps, bodies within their step.
void collect(const Plan& plan, std::vector<std::string>& kernels) {
  for (const Step& step : plan.steps)
    if (step.kind == Step::Kind::run) kernels.push_back(step.kernel);
  for (const Plan& body : plan.bodies) collect(body, kernels);
}

int times(const Engine& engine, std::string_view kernel) {
  std::vector<std::string> kernels;
  collect(engine.plan(), kernels);
  return static_cast<int>(std::count(kernels.begin(), kernels.end(), kernel));
}

/// A convolution by a kernel wants a constant weight; the branches get it from around them.
constexpr std::string_view kCaptures =
    "graph g(%x: f32[1,4,6,6], %c: bool[], %d: bool[]) -> (%y)\n"
    "  %y = If(%c, %x, @w, %d)\n"
    "    then_branch(%a: f32[1,4,6,6], %v: f32[8,4,3,3], %e: bool[]) -> (%r)\n"
    "      %r = Conv(%a, %v)\n"
    "    else_branch(%a: f32[1,4,6,6], %v: f32[8,4,3,3], %e: bool[]) -> (%r)\n"
    "      %r = If(%e, %a, %v)\n"
    "        then_branch(%b: f32[1,4,6,6], %u: f32[8,4,3,3]) -> (%q)\n"
    "          %p = Neg(%b)\n          %q = Conv(%p, %u)\n"
    "        else_branch(%b: f32[1,4,6,6], %u: f32[8,4,3,3]) -> (%q)\n"
    "          %q = Conv(%b, %u)\n"
    "weights\n  @w : f32[8,4,3,3] random(3, 1)\n";

TEST(Road, ConstantsThatBodiesCaptureArePacked) {
  const auto engine = engine_of(kCaptures);
  EXPECT_EQ(times(*engine, "cpu.conv.im2col") + times(*engine, "cpu.conv.direct"), 3);
  EXPECT_EQ(times(*engine, "cpu.reference"), 0);
  Context context(engine);
  for (const double c : {0.0, 1.0})
    for (const double d : {0.0, 1.0})
      expect_as_evaluated(context, kCaptures,
                          {ramp({1, 4, 6, 6}, 1), Tensor::scalar(DType::boolean, c),
                           Tensor::scalar(DType::boolean, d)});
  // A plan that is read back is checked with the same constants.
  const DevicePart part = engine->part();
  EXPECT_EQ(Engine::make(engine->portable(), {.workers = 2}, &part)->replanned(), "");
}

TEST(Road, WhatATurnChangesIsNoConstant) {
  // %m begins as a constant and is another one in each turn; @w is the same in all.
  constexpr std::string_view kTurns =
      "graph g(%n: i64[], %c: bool[], %x: f32[4,32]) -> (%y, %z)\n"
      "  %y, %z = Loop(%n, %c, @m, %x, @w) states=2\n"
      "    body(%i: i64[], %k: bool[], %m: f32[32,32], %a: f32[4,32], %w: f32[32,32]) -> "
      "(%k, %t, %r)\n"
      "      %t = MatMul(%m, %w)\n      %r = MatMul(%a, %m)\n"
      "weights\n  @m : f32[32,32] random(4, 0.5)\n  @w : f32[32,32] random(5, 0.5)\n";
  const auto engine = engine_of(kTurns);
  EXPECT_EQ(times(*engine, "cpu.matmul"), 2);
  Context context(engine);
  for (const double turns : {0.0, 1.0, 3.0})
    expect_as_evaluated(
        context, kTurns,
        {Tensor::scalar(DType::i64, turns), Tensor::scalar(DType::boolean, 1), ramp({4, 32})});
}

/// The branch takes any size; the one at hand is run by a program for it, which packs, too.
TEST(Road, ARestKnowsWhatItsBodyCaptures) {
  constexpr std::string_view kText =
      "graph g(%x: f32[n,m], %c: bool[], %z: f32[k,32]) -> (%y)\n"
      "  %y = If(%c, %x, @w, %z)\n"
      "    then_branch(%a: f32[p,q], %v: f32[32,32], %b: f32[s,32]) -> (%r)\n"
      "      %d = Add(%a, %b)\n      %r = MatMul(%d, %v)\n"
      "    else_branch(%a: f32[p,q], %v: f32[32,32], %b: f32[s,32]) -> (%r)\n"
      "      %r = Neg(%b)\n"
      "weights\n  @w : f32[32,32] random(6, 1)\n";
  const auto engine = engine_of(kText);
  Context context(engine);
  for (const int64_t rows : {1, 4})
    expect_as_evaluated(context, kText,
                        {ramp({rows, 32}), Tensor::scalar(DType::boolean, 1), ramp({4, 32})});
}

}  // namespace hone::test::road_test
