// The rule language: what matches, what does not, what is replaced, and what is said of bad text.

#include "ir/rules/rules.hpp"

#include <gtest/gtest.h>

#include <chrono>

#include "ir/rules/match.hpp"
#include "ops/common/registry.hpp"
#include "support/graph_case.hpp"

namespace hone::test::rules_test {

const Guards& test_guards() {
  static const Guards kGuards = {
      {"is_f32", [](const Match& match) { return match.dtype("float") == DType::f32; }},
      {"wide", [](const Match& match) {
         const auto width = match.dim(Dim::symbol("n"));
         return width && provably_less_equal(Dim(4), *width, match.graph().ranges()) == true;
       }}};
  return kGuards;
}

/// Rules, then a graph: the graph with the rules applied.
std::string applied(std::string_view given) {
  const size_t at = given.find("graph ");
  const RuleSet rules = rule_set(parse_rules(given.substr(0, at), all_ops(), test_guards()));
  if (at == given.npos) return "";
  const auto graph = parse(given.substr(at), all_ops());
  apply_rules(*graph, rules);
  verify(*graph, "the rules");
  return print(*graph, {.align = false});
}

TEST(Rules, Cases) { expect_text_cases("ir/rules.test", {{"apply", applied}}); }

TEST(Rules, DisabledOnesAreLeftOut) {
  const RuleSet rules = rule_set(parse_rules(
      "rule r exact\nmatch (%x: any[*])\n  %y = Identity(%x)\ngive\n  %y = %x\n", all_ops(), {}));
  const auto graph = parse("graph g(%x: f32[2]) -> (%y)\n  %y = Identity(%x)\n", all_ops());
  EXPECT_FALSE(apply_rules(*graph, rules, {.disabled = {"r"}}));
  EXPECT_FALSE(apply_rules(*graph, rules, {{}, [](const Node&) { return true; }}));
  EXPECT_TRUE(apply_rules(*graph, rules, {.disabled = {"other"}}));
  EXPECT_FALSE(apply_rules(*graph, rules));
}

/// Two rules that undo each other, and one that finds its own result.
TEST(Rules, RulesThatFeedOnThemselvesEnd) {
  const RuleSet rules = rule_set(parse_rules(
      "rule there exact\nmatch (%x: any[*])\n  %y = Neg(%x)\ngive\n  %y = Abs(%x)\n"
      "rule back exact\nmatch (%x: any[*])\n  %y = Abs(%x)\ngive\n  %y = Neg(%x)\n"
      "rule longer exact\nmatch (%x: any[*])\n  %y = Exp(%x)\ngive\n  %y = Log(Exp(%x))\n",
      all_ops(), {}));
  const auto graph =
      parse("graph g(%x: f32[2]) -> (%y, %z)\n  %y = Neg(%x)\n  %z = Exp(%x)\n", all_ops());
  EXPECT_TRUE(apply_rules(*graph, rules));
  verify(*graph, "the rules");
  EXPECT_LE(std::ssize(graph->nodes()), 2 + 1'000 + 2 * 16);
}

/// Alternatives within alternatives multiply; the search gives up instead.
TEST(Rules, SearchIsBounded) {
  std::string text = "rule r ulp 1\nmatch (%x: any[*])\n  %a0 = Exp(%x)\n";
  for (int i = 1; i <= 24; ++i)
    text += cat("  %a", i, " = (Abs(%a", i - 1, ") | Abs(%a", i - 1, "))\n");
  text += "  %y = Neg(%a24)\ngive\n  %y = %x\n";
  const RuleSet rules = rule_set(parse_rules(text, all_ops(), {}));
  std::string nodes = "  %b0 = Log(%x)\n";
  for (int i = 1; i <= 24; ++i) nodes += cat("  %b", i, " = Abs(%b", i - 1, ")\n");
  const auto graph =
      parse(cat("graph g(%x: f32[2]) -> (%y)\n", nodes, "  %y = Neg(%b24)\n"), all_ops());
  const auto start = std::chrono::steady_clock::now();
  EXPECT_FALSE(apply_rules(*graph, rules));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
}

}  // namespace hone::test::rules_test
