#include <cmath>
#include <map>
#include <mutex>

#include "ops/attention.hpp"
#include "ops/common/registry.hpp"
#include "passes/pass.hpp"
#include "passes/prepare_fusion.hpp"
#include "passes/rewrite.hpp"
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

namespace {

/// 1 / sqrt(elements of a head), where their number is known and f32 is no less than what computes.
std::optional<float> usual_scale(const Node& node, const Attention& op) {
  const Dims* q = dims_of(node.inputs[Attention::kQ]);
  if (q == nullptr || q->empty() || node.inputs[0]->type.tensor().dtype == DType::f64)
    return std::nullopt;
  const auto all = q->back().constant();
  const int64_t heads = q->size() == 3 ? op.q_num_heads : 1;
  if (!all || *all <= 0 || heads <= 0 || *all % heads != 0) return std::nullopt;
  return static_cast<float>(1 / std::sqrt(static_cast<double>(*all / heads)));
}

/// Scales in one spelling: the usual one as its number, also where roots of it were rounded and
/// multiplied.
bool spell_scales(Graph& graph, const PassOptions& options) {
  constexpr float kReach = 1e-6F;  // some roundings
  bool changed = false;
  for (Node& node : graph.nodes()) {
    const auto* op = node.op.as<Attention>();
    if (op == nullptr || options.keep(node)) continue;
    const auto usual = usual_scale(node, *op);
    if (!usual || op->scale == *usual) continue;
    if (!std::isnan(op->scale) && std::abs(op->scale - *usual) > kReach * *usual) continue;
    Attention spelled = *op;
    spelled.scale = *usual;
    graph.set_op(&node, spelled);
    changed = true;
  }
  return changed;
}

}  // namespace

bool recognize_attention(Graph& graph, const PassOptions& options) {
  const bool recognized = apply_file(graph, "attention", options);
  return spell_scales(graph, options) || recognized;
}

bool recognize_chains(Graph& graph, const PassOptions& options) {
  return apply_file(graph, "chains", options);
}

bool reduce_strength(Graph& graph, const PassOptions& options) {
  return apply_file(graph, "strength", options);
}

}  // namespace hone
