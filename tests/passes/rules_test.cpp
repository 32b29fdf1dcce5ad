// Every rule matches what its text describes, and what it gives is equal within its contract.

#include "passes/rules.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "ir/evaluation/evaluation.hpp"
#include "ir/inference.hpp"
#include "ir/rules/match.hpp"
#include "ir/rules/match_glance.hpp"
#include "ir/verify.hpp"
#include "ops/common/registry.hpp"
#include "support/graph_case.hpp"
#include "support/pass_check.hpp"
#include "support/rule_case.hpp"

namespace hone::test::rules_test {

class EachRule : public testing::TestWithParam<Rule> {};

TEST_P(EachRule, GivesWhatItMatchedWithinItsContract) {
  const Rule& rule = GetParam();
  const RuleSet rules = rule_set({rule});
  Rng rng(7);
  constexpr int kWanted = 60, kTries = 600;
  int drawn = 0;
  for (int i = 0; i < kTries && drawn < kWanted; ++i) {
    auto made = draw_rule_case(rule, all_ops(), rng);
    if (!made) continue;
    ++drawn;
    const std::string before = print(*made->graph);
    const auto wanted = evaluate(*made->graph, made->inputs);
    ASSERT_TRUE(apply_rules(*made->graph, rules)) << "does not match\n" << before;
    verify(*made->graph, rule.name);
    const auto found = evaluate(*made->graph, made->inputs);
    ASSERT_EQ(difference(rule.contract, 0, wanted, found), "") << before << "became\n"
                                                               << print(*made->graph);
  }
  EXPECT_EQ(drawn, kWanted) << "few draws have types";
}

/// Where there are no elements it matches or does not, and sizes stay what they were.
TEST_P(EachRule, KeepsSizesOfNoElements) {
  const Rule& rule = GetParam();
  const RuleSet rules = rule_set({rule});
  Rng rng(9);
  for (int i = 0; i < 60; ++i) {
    auto made = draw_rule_case(rule, all_ops(), rng, 0);
    if (!made) continue;
    const std::string before = print(*made->graph);
    std::vector<Tensor> wanted;
    try {
      wanted = evaluate(*made->graph, made->inputs);
    } catch (const Error&) {  // what it folds has no elements
      continue;
    }
    (void)apply_rules(*made->graph, rules);
    verify(*made->graph, rule.name);
    const auto found = evaluate(*made->graph, made->inputs);
    ASSERT_EQ(difference(rule.contract, 0, wanted, found), "") << before << "became\n"
                                                               << print(*made->graph);
  }
}

std::vector<Rule> all_rules() {
  std::vector<Rule> rules;
  for (const std::string_view file : rule_files())
    for (const Rule& rule : rules_of(file).rules) rules.push_back(rule);
  return rules;
}

/// Where a glance says no, a search finds nothing, whatever the rule and wherever in the graph; and
/// most of what a search does in vain, a glance spares.
TEST(Rules, AGlanceDeniesNoMatch) {
  const std::vector<Rule> rules = all_rules();
  Rng rng(11);
  int64_t matches = 0, denied = 0, in_vain = 0;
  const auto look = [&](const Graph& graph, const Rule& rule, const Node& node) {
    Value* value = node.output();
    if (value == nullptr || !std::ranges::count(rule.roots, &node.op.op_class())) return;
    const bool may = may_match(graph, rule, value);
    const bool does = find_match(graph, rule, value).has_value();
    EXPECT_TRUE(may || !does) << rule.name << " at %" << value->name << " of\n" << print(graph);
    matches += does ? 1 : 0;
    denied += may ? 0 : 1;
    in_vain += may && !does ? 1 : 0;
  };
  for (const Rule& drawn : rules)
    for (int i = 0; i < 20; ++i)
      if (const auto made = draw_rule_case(drawn, all_ops(), rng))
        for (const Rule& rule : rules)
          for (const Node& node : made->graph->nodes()) look(*made->graph, rule, node);
  EXPECT_GT(matches, std::ssize(rules));
  EXPECT_GT(denied, 4 * in_vain) << in_vain << " searches in vain, " << matches << " matches";
}

INSTANTIATE_TEST_SUITE_P(Rules, EachRule, testing::ValuesIn(all_rules()),
                         [](const auto& info) { return info.param.name; });

}  // namespace hone::test::rules_test
