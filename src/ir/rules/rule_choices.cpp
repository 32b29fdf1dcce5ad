#include "ir/rules/rule_choices.hpp"

#include <algorithm>

namespace hone {
namespace {

bool is_there(const RuleTerm& term, const Match& match) {
  using Kind = RuleTerm::Kind;
  const auto there = [&](const RuleTerm& each) { return is_there(each, match); };
  if (term.kind == Kind::either)
    return std::any_of(term.choices.begin(), term.choices.end(), there);
  if (term.kind == Kind::name) return match.value(term.index) != nullptr;
  if (term.kind == Kind::capture) return match.number(term.index).has_value();
  if (term.kind != Kind::node) return true;
  const RuleNode& node = match.rule().give[static_cast<size_t>(term.index)];
  return std::all_of(node.operands.begin(), node.operands.end(), there);
}

void want(const RuleTerm& whole, const Match& match, std::vector<bool>& wanted) {
  const RuleTerm* term = taken(whole, match);
  if (term == nullptr || term->kind != RuleTerm::Kind::node) return;
  const auto index = static_cast<size_t>(term->index);
  wanted[index] = true;
  for (const RuleTerm& operand : match.rule().give[index].operands) want(operand, match, wanted);
}

}  // namespace

const RuleTerm* taken(const RuleTerm& term, const Match& match) {
  if (term.kind != RuleTerm::Kind::either) return &term;
  for (const RuleTerm& choice : term.choices)
    if (is_there(choice, match)) return taken(choice, match);
  return nullptr;
}

std::vector<bool> wanted_nodes(const Match& match) {
  const Rule& rule = match.rule();
  std::vector<bool> wanted(rule.give.size());
  for (const RuleOutput& output : rule.outputs) want(output.value, match, wanted);
  for (size_t i = 0; i < rule.give.size(); ++i) {
    if (rule.give[i].results.empty()) continue;
    wanted[i] = true;
    for (const RuleTerm& operand : rule.give[i].operands) want(operand, match, wanted);
  }
  return wanted;
}

}  // namespace hone
