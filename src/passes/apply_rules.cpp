#include <map>
#include <mutex>

#include "ops/common/registry.hpp"
#include "passes/pass.hpp"
#include "passes/prepare_fusion.hpp"
#include "passes/rules.hpp"

namespace hone {

std::string_view embedded_rules(std::string_view file);  // generated

namespace {

constexpr std::string_view kFiles[] = {"simplify", "activations", "norms",  "masks", "attention",
                                       "strength", "rotary",      "causal", "chains"};

std::vector<Rule> parse_file(std::string_view file) {
  try {
    return parse_rules(embedded_rules(file), all_ops(), rule_guards());
  } catch (const Error& error) {
    fail(Code::internal, "passes/rules/", file, ".rules, ", error.message());
  }
}

/// One file is one pass, but where that would be long.
RuleSet parse_pass(std::string_view file) {
  std::vector<Rule> rules;
  if (file == "attention") rules = parse_file("attention_parts");
  for (Rule& rule : parse_file(file)) rules.push_back(std::move(rule));
  return rule_set(std::move(rules));
}

bool apply_file(Graph& graph, std::string_view file, const PassOptions& options) {
  return apply_rules(graph, rules_of(file), {options.disabled, options.keep});
}

}  // namespace

std::span<const std::string_view> rule_files() { return kFiles; }

const RuleSet& rules_of(std::string_view file) {
  static std::mutex mutex;
  static std::map<std::string, RuleSet, std::less<>> sets;
  const std::lock_guard lock(mutex);
  const auto found = sets.find(file);
  if (found != sets.end()) return found->second;
  return sets.emplace(std::string(file), parse_pass(file)).first->second;
}

bool simplify(Graph& graph, const PassOptions& options) {
  return apply_file(graph, "simplify", options);
}

bool recognize_activations(Graph& graph, const PassOptions& options) {
  return apply_file(graph, "activations", options);
}

bool recognize_norms(Graph& graph, const PassOptions& options) {
  return apply_file(graph, "norms", options);
}

bool recognize_masks(Graph& graph, const PassOptions& options) {
  return apply_file(graph, "masks", options);
}

bool recognize_attention(Graph& graph, const PassOptions& options) {
  return apply_file(graph, "attention", options);
}

bool recognize_chains(Graph& graph, const PassOptions& options) {
  return apply_file(graph, "chains", options);
}

bool reduce_strength(Graph& graph, const PassOptions& options) {
  return apply_file(graph, "strength", options);
}

}  // namespace hone
