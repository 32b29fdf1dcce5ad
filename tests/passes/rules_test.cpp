// Every rule matches what its text describes, and what it gives is equal within its contract.

#include "passes/rules.hpp"

#include <gtest/gtest.h>

#include "ir/evaluation.hpp"
#include "ir/inference.hpp"
#include "ir/verify.hpp"
#include "ops/common/registry.hpp"
#include "support/graph_case.hpp"
#include "support/pass_check.hpp"
#include "support/rule_case.hpp"

namespace hone::test {
namespace {

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

std::vector<Rule> all_rules() {
  std::vector<Rule> rules;
  for (const std::string_view file : rule_files())
    for (const Rule& rule : rules_of(file).rules) rules.push_back(rule);
  return rules;
}

INSTANTIATE_TEST_SUITE_P(Rules, EachRule, testing::ValuesIn(all_rules()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace hone::test
