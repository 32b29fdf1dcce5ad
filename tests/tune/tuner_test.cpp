// Kernels are chosen by what was measured where a tuner is asked, whatever their estimates say.

#include "tune/tuner.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "choose/choose.hpp"
#include "device/problem.hpp"
#include "ir/text/text.hpp"
#include "ops/common/registry.hpp"
#include "support/apart_device.hpp"
#include "tune/measure.hpp"

namespace hone::test::tuner_test {

/// Copies its operand, after so many milliseconds.
struct Copy final : Prepared, std::enable_shared_from_this<Copy> {
  explicit Copy(int milliseconds) : milliseconds(milliseconds) {}
  struct Step final : Bound {
    Operands operands;
    int milliseconds;
    Step(const Operands& operands, int milliseconds)
        : operands(operands), milliseconds(milliseconds) {}
    void enqueue(Stream&) override {
      std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
      std::copy_n(operands.inputs[0].as<float>(), operands.outputs[0].shape[0],
                  operands.outputs[0].as<float>());
    }
    void rebind(const Operands& now) override { operands = now; }
  };
  std::unique_ptr<Bound> bind(const Operands& operands, std::span<std::byte>,
                              Stream&) const override {
    return std::make_unique<Step>(operands, milliseconds);
  }
  int milliseconds;
};

Verdict accepts(const Problem& problem) {
  return problem.region.single()->op.name() == "Relu" ? Verdict{} : Verdict::no("runs Relu only");
}
std::vector<Tuning> one_tuning(const Problem&) { return {{}}; }
std::vector<Tuning> two_tunings(const Problem&) { return {{{"ms", 4}}, {{"ms", 0}}}; }

template <int estimate>
Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made;
  made.problem = std::move(problem);
  made.tuning = tuning;
  made.seconds = 1e-6 * estimate;
  return made;
}
template <int milliseconds>
std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>, Device&) {
  const auto tuned = recipe.tuning.find("ms");
  return std::make_shared<Copy>(tuned == recipe.tuning.end() ? milliseconds
                                                             : static_cast<int>(tuned->second));
}

class TunerTest : public testing::Test {
 protected:
  TunerTest() : graph_(parse("graph g(%x: f32[n]) -> (%y)\n  %y = Relu(%x)\n", all_ops())) {
    kernels_.add({"test.slow", 1, accepts, one_tuning, recipe<1>, prepare<4>});
    kernels_.add({"test.fast", 1, accepts, one_tuning, recipe<2>, prepare<0>});
  }

  Tuner tuner(Records records = {}, TunerOptions options = {}) {
    return Tuner(device_, 1, std::move(records), options);
  }
  Chosen chosen(Timing* timing, int64_t n = 8) {
    const Conditions conditions{device_->target(), {1}, {{"n", n}}, {}};
    return Chooser(kernels_, timing)
        .choose(problem_of(*graph_, graph_->nodes().front(), conditions));
  }

  std::shared_ptr<Device> device_ = open_device("cpu");
  std::unique_ptr<Graph> graph_;
  KernelRegistry kernels_;
};

TEST_F(TunerTest, TheClockDecidesNotTheEstimate) {
  const Chosen by_estimate = chosen(nullptr);
  EXPECT_EQ(by_estimate.kernel->name, "test.slow");
  EXPECT_EQ(*by_estimate.refusals, (Refusals{{"test.fast", "takes longer by estimate"}}));
  Tuner tuner = this->tuner();
  const Chosen timed = chosen(&tuner);
  EXPECT_EQ(timed.kernel->name, "test.fast");
  EXPECT_EQ(*timed.refusals, (Refusals{{"test.slow", "takes longer"}}));
  EXPECT_EQ(tuner.measured(), 1);
  EXPECT_EQ(timed.recipe.seconds, chosen(&tuner).recipe.seconds);  // not measured again
  EXPECT_EQ(tuner.measured(), 1);
  chosen(&tuner, 9);  // another size is another problem
  EXPECT_EQ(tuner.measured(), 2);
  EXPECT_EQ(tuner.records().entries().size(), 4U);
}

TEST_F(TunerTest, EveryTuningIsTried) {
  kernels_.add({"test.tuned", 3, accepts, two_tunings, recipe<3>, prepare<0>});
  Tuner tuner = this->tuner();
  const Chosen timed = chosen(&tuner);
  EXPECT_NE(timed.kernel->name, "test.slow");
  EXPECT_NE(tuning_text(timed.recipe.tuning), "ms=4");
  int records = 0;
  for (const auto& [record, entry] : tuner.records().entries())
    records += record.kernel == "test.tuned/3";
  EXPECT_EQ(records, 2);
}

TEST_F(TunerTest, RecordsAloneDecideWhereNothingMayBeMeasured) {
  TunerOptions records_only;
  records_only.measures = false;
  Tuner empty = tuner({}, records_only);
  EXPECT_EQ(chosen(&empty).kernel->name, "test.slow");
  EXPECT_EQ(empty.estimated(), 1);
  Tuner measuring = tuner();
  chosen(&measuring);
  Tuner again = tuner(Records::parse(measuring.records().print()), records_only);
  const Chosen known = chosen(&again);
  EXPECT_EQ(known.kernel->name, "test.fast");
  EXPECT_EQ(again.known(), 1);
  EXPECT_EQ(again.measured(), 0);
}

TEST_F(TunerTest, NothingIsMeasuredBehindTheBudgetOrOnceStopped) {
  TunerOptions no_time;
  no_time.budget = 0;
  Tuner late = tuner({}, no_time);
  EXPECT_EQ(chosen(&late).kernel->name, "test.slow");
  std::atomic<bool> stop = true;
  TunerOptions stoppable;
  stoppable.stop = &stop;
  Tuner stopped = tuner({}, stoppable);
  EXPECT_EQ(chosen(&stopped).kernel->name, "test.slow");
  stop = false;
  EXPECT_EQ(chosen(&stopped).kernel->name, "test.slow");  // the same answer as before
  EXPECT_EQ(chosen(&stopped, 10).kernel->name, "test.fast");
}

TEST_F(TunerTest, WhatIsFarFromTheBestEstimateIsNotTriedUnlessAllIsTried) {
  kernels_.add({"test.far", 1, accepts, one_tuning, recipe<100>, prepare<0>});
  Tuner usual = tuner(), all = tuner();
  chosen(&usual);
  all.try_all();
  chosen(&all);
  EXPECT_EQ(usual.records().entries().size(), 2U);
  EXPECT_EQ(all.records().entries().size(), 3U);
}

TEST_F(TunerTest, OfAKernelThatEstimatesFavourOthersAreTriedToo) {
  // Eight tunings of one kernel look better than all of another's.
  const auto many = [](const Problem&) {
    std::vector<Tuning> all;
    for (int i = 0; i < 8; ++i) all.push_back({{"ms", 4}, {"i", i}});
    return all;
  };
  KernelRegistry kernels;
  kernels.add({"test.many", 1, accepts, many, recipe<1>, prepare<4>});
  kernels.add({"test.other", 1, accepts, one_tuning, recipe<2>, prepare<0>});
  Tuner tuner = this->tuner();
  const Conditions conditions{device_->target(), {1}, {{"n", 8}}, {}};
  const Chosen timed =
      Chooser(kernels, &tuner).choose(problem_of(*graph_, graph_->nodes().front(), conditions));
  EXPECT_EQ(timed.kernel->name, "test.other");
  EXPECT_EQ(tuner.records().entries().size(), 8U);
}

TEST_F(TunerTest, KernelsOfTheHostAreLeftOutWhereTheDeviceHasItsOwn) {
  Kernel there{"test.there", 1, accepts, one_tuning, recipe<3>, prepare<0>};
  there.on_host = true;
  kernels_.add(there);
  Tuner tuner = this->tuner();
  EXPECT_EQ(chosen(&tuner).kernel->name, "test.fast");
  EXPECT_EQ(tuner.measured(), 1);
  EXPECT_EQ(tuner.records().entries().size(), 2U);
}

/// Counts how often it is prepared.
std::atomic<int> prepared = 0;
std::shared_ptr<const Prepared> prepare_and_count(const Recipe&, std::vector<Tensor>, Device&) {
  ++prepared;
  fail(Code::unsupported, "it is never run");
}

TEST(Expecting, BeginsToMakeEachNewProblemOnce) {
  const auto graph = parse("graph g(%x: f32[n,3]) -> (%y)\n  %y = Relu(%x)\n", all_ops());
  const auto device = std::make_shared<ApartDevice>();
  KernelRegistry kernels;
  kernels.add({"test.counted", 1, accepts, two_tunings, recipe<1>, prepare_and_count});
  Tuner tuner(device, 1, {});
  Chooser chooser(kernels, &tuner);
  const auto problem = [&](int64_t n) {
    const Conditions conditions{device->target(), {1}, {{"n", n}}, {}};
    return problem_of(*graph, graph->nodes().front(), conditions);
  };
  prepared = 0;
  chooser.expect({problem(8), problem(8), problem(9)});
  EXPECT_EQ(prepared, 2);  // the first way of each fails
  chooser.expect({problem(9)});
  EXPECT_EQ(prepared, 2);
  EXPECT_EQ(chooser.choose(problem(8)).kernel->name, "test.counted");
  EXPECT_EQ(prepared, 3);
  chooser.expect({problem(8)});
  EXPECT_EQ(prepared, 3);
}

TEST(Measure, RecordsWhereTheDeviceDoes) {
  const auto graph = parse("graph g(%x: f32[n,300]) -> (%y)\n  %y = Relu(%x)\n", all_ops());
  for (const bool refuses : {false, true}) {
    const auto device = std::make_shared<ApartDevice>();
    if (refuses) device->refuse_recordings();
    const auto stream = device->stream({1});
    const Conditions conditions{device->target(), {1}, {{"n", 500}}, {}};
    const auto problem = problem_of(*graph, graph->nodes().front(), conditions);
    const Kernel* kernel = device->kernels().find("apart.reference");
    const std::vector<Way> ways(2, {kernel, kernel->estimate(problem, {})});
    const std::vector<double> times = measure(ways, *device, *stream);
    ASSERT_EQ(times.size(), 2U);
    for (const double each : times) EXPECT_GT(each, 0);
    EXPECT_EQ(device->replays() > 0, !refuses);
    EXPECT_EQ(device->copied_bytes(), 2 * 500 * 300 * 4);  // the operand and the result
  }
}

}  // namespace hone::test::tuner_test
