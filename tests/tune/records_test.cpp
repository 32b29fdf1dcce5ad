// Records of what was measured: their text, and what makes two problems one.

#include "tune/records.hpp"

#include <gtest/gtest.h>

#include "device/problem.hpp"
#include "ir/text/text.hpp"
#include "ops/common/registry.hpp"
#include "support/refusal.hpp"

namespace hone::test::records_test {

const std::string kText =
    "hone tuning 1\n"
    "00000000000000010000000000000002 cpu.a/1 {} 0.00025 Relu f32[4]\n"
    "00000000000000010000000000000002 cpu.b/2 {mr=6,nr=16} 1.5e-05 Relu f32[4]\n";

TEST(Records, AreReadAndPrinted) {
  const Records records = Records::parse(kText);
  EXPECT_EQ(records.print(), kText);
  EXPECT_EQ(records.find({{1, 2}, "cpu.a/1", ""}), 0.00025);
  EXPECT_EQ(records.find({{1, 2}, "cpu.b/2", "mr=6,nr=16"}), 1.5e-05);
  EXPECT_EQ(records.find({{1, 2}, "cpu.b/1", "mr=6,nr=16"}), std::nullopt);
  EXPECT_EQ(Records::parse("").print(), "hone tuning 1\n");
}

TEST(Records, OfTheOtherFileWinWhereTheyMerge) {
  Records records = Records::parse(kText);
  records.merge(
      Records::parse("hone tuning 1\n# a remark\n\n"
                     "00000000000000010000000000000002 cpu.a/1 {} 0.5 Relu f32[4]\n"
                     "00000000000000010000000000000003 cpu.a/1 {} 0.125 Relu f32[8]\n"));
  EXPECT_EQ(records.entries().size(), 3U);
  EXPECT_EQ(records.find({{1, 2}, "cpu.a/1", ""}), 0.5);
  EXPECT_EQ(records.find({{1, 3}, "cpu.a/1", ""}), 0.125);
}

TEST(Records, ThatAreNoneAreRefusedByTheirLine) {
  const auto refusal = [](const std::string& text) {
    return refusal_of([&] { (void)Records::parse(text); });
  };
  EXPECT_EQ(refusal("hone tuning 2\n"),
            "usage: line 1 is \"hone tuning 2\", wanted \"hone tuning 1\"");
  for (const char* line : {"x cpu.a/1 {} 0.5", "0000000000000001000000000000000 cpu.a/1 {} 0.5",
                           "00000000000000010000000000000002 cpu.a/1 mr=6 0.5",
                           "00000000000000010000000000000002 cpu.a/1 {} fast",
                           "00000000000000010000000000000002 cpu.a/1 {} -1",
                           "00000000000000010000000000000002 cpu.a/1 {} 0.5x",
                           "00000000000000010000000000000002 cpu.a/1 {} inf"})
    EXPECT_EQ(refusal(cat("hone tuning 1\n", line, "\n")),
              cat("usage: line 2 is no record: \"", line, "\""));
}

std::string timing_text_of(const std::string& text, int workers = 1, Bindings sizes = {}) {
  const auto graph = parse(text, all_ops());
  static const auto target = std::make_shared<const Target>();
  return timing_text(
      *problem_of(*graph, graph->nodes().front(), {target, {workers}, std::move(sizes), {}}));
}

TEST(TimingText, ForgetsNamesAndKeepsWhatMattersForTime) {
  const std::string one = "graph g(%x: f32[4,8]) -> (%y)\n  %y = Softmax(%x) axis=1\n";
  EXPECT_EQ(timing_text_of(one),
            timing_text_of("graph h(%in: f32[4,8]) -> (%out)\n  %out = Softmax(%in) axis=1\n"));
  EXPECT_EQ(
      timing_text_of(one),
      timing_text_of("graph g(%x: f32[n,8]) -> (%y)\n  %y = Softmax(%x) axis=1\n", 1, {{"n", 4}}));
  EXPECT_NE(timing_text_of(one), timing_text_of(one, 2));
  for (const char* other : {"graph g(%x: f32[4,8]) -> (%y)\n  %y = Softmax(%x) axis=0\n",
                            "graph g(%x: f16[4,8]) -> (%y)\n  %y = Softmax(%x) axis=1\n",
                            "graph g(%x: f32[4,9]) -> (%y)\n  %y = Softmax(%x) axis=1\n",
                            "graph g(%x: f32[4,8]) -> (%y)\n  %y = LogSoftmax(%x) axis=1\n"})
    EXPECT_NE(timing_text_of(one), timing_text_of(other));
}

}  // namespace hone::test::records_test
