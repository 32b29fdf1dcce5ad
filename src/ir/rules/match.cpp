#include "ir/rules/match_state.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

namespace hone {

std::optional<double> uniform_number(const Value& value) {
  if (!value.is_constant()) return std::nullopt;
  const Weight& weight = *value.weight;
  const bool numeric = weight.dtype() != DType::string && !is_complex(weight.dtype());
  if (!numeric || weight.is_absent() || weight.is_random() || weight.count() < 1 ||
      weight.count() > kUniformElements)
    return std::nullopt;
  const Tensor& tensor = weight.tensor();
  const double first = tensor.number(0);
  for (int64_t i = 1; i < tensor.count(); ++i)
    if (std::bit_cast<uint64_t>(tensor.number(i)) != std::bit_cast<uint64_t>(first))
      return std::nullopt;
  return first;
}

bool in_class(DType dtype, std::string_view dtype_class) {
  const bool common =
      dtype == DType::f64 || dtype == DType::f32 || dtype == DType::f16 || dtype == DType::bf16;
  if (dtype_class == "any") return true;
  if (dtype_class == "float") return common;
  if (dtype_class == "narrow") return common && dtype != DType::f64;
  if (dtype_class == "int") return is_integer(dtype);
  if (dtype_class == "number") return common || is_integer(dtype);
  return name(dtype) == dtype_class;
}

Value* Match::value(std::string_view name) const {
  for (size_t i = 0; i < values_.size(); ++i)
    if (rule_.names[i].name == name) return values_[i];
  return nullptr;
}

std::optional<double> Match::number(std::string_view capture) const {
  for (size_t i = 0; i < captures_.size(); ++i)
    if (rule_.captures[i].name == capture) return number(static_cast<int>(i));
  return std::nullopt;
}

std::optional<double> Match::number(int capture) const {
  const Captured& captured = captures_[static_cast<size_t>(capture)];
  if (const auto* value = std::get_if<double>(&captured)) return *value;
  const auto* field = std::get_if<CapturedField>(&captured);
  if (field == nullptr) return rule_.captures[static_cast<size_t>(capture)].otherwise;
  if (auto* const* integer = std::get_if<int64_t*>(&field->ref))
    return static_cast<double>(**integer);
  if (auto* const* real = std::get_if<float*>(&field->ref)) return **real;
  return std::nullopt;
}

std::optional<Dim> Match::dim(const Dim& dim) const {
  bool bound = true;
  Dim found = dim.substitute([&](std::string_view symbol) -> std::optional<Dim> {
    const auto entry = dims_.find(symbol);
    if (entry != dims_.end()) return entry->second;
    bound = false;
    return std::nullopt;
  });
  return bound ? std::optional(std::move(found)) : std::nullopt;
}

std::optional<DType> Match::dtype(std::string_view dtype_class) const {
  const auto found = dtypes_.find(dtype_class);
  return found == dtypes_.end() ? std::nullopt : std::optional(found->second);
}

namespace {

/// One way to see a tree of one op as a chain.
struct Chain {
  std::vector<Leaf> leaves;
  std::vector<Node*> nodes;
};

constexpr size_t kMostChains = 64;

/// What is still to be matched, the next first. Lives on the stack of the search.
struct Goal {
  const RuleTerm* term = nullptr;  // null: the chain's terms from `at` on
  Leaf target;
  const RuleNode* pattern = nullptr;
  const Chain* chain = nullptr;
  size_t at = 0;
  uint64_t used = 0;  // leaves
  const Goal* next = nullptr;
};

double rounded_to(DType dtype, double value) {
  std::array<std::byte, 16> place{};
  store_double(dtype, place.data(), 0, value);
  return load_double(dtype, place.data(), 0);
}

bool same_bits(double a, double b) {
  return std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b);
}

bool is_number(const RuleTerm& term, const Leaf& leaf) {
  const auto found = uniform_number(*leaf.value);
  if (!found) return false;
  const DType dtype = leaf.value->weight->dtype();
  if (leaf.invert == nullptr)
    return same_bits(*found, term.rounded ? rounded_to(dtype, term.number) : term.number);
  const double wanted = leaf.invert(term.number), inverse = leaf.invert(*found);
  if (!term.rounded) return *found == wanted || inverse == term.number;
  return *found == rounded_to(dtype, wanted) ||
         rounded_to(dtype, inverse) == rounded_to(dtype, term.number);
}

bool same_value(const Value* a, const Value* b) {
  if (a == b) return true;
  if (a == nullptr || b == nullptr || !a->is_constant() || !b->is_constant()) return false;
  if (a->weight == b->weight) return true;
  return a->is_literal() && b->is_literal() && same_bits(a->weight->tensor(), b->weight->tensor());
}

}  // namespace

/// Depth-first search over goals with a trail to take bindings back.
class Matcher {
 public:
  Matcher(const Graph& graph, const Rule& rule) : graph_(graph), rule_(rule), state_(graph, rule) {}

  bool run(Value* anchor) {
    const RuleTerm name = name_term(output(rule_.anchor).name);
    const Goal goal{.term = &name, .target = {anchor}};
    return solve(&goal);
  }
  Match take() { return std::move(state_.match()); }

 private:
  const RuleOutput& output(int i) const { return rule_.outputs[static_cast<size_t>(i)]; }
  static RuleTerm name_term(int name) {
    RuleTerm term;
    term.kind = RuleTerm::Kind::name;
    term.index = name;
    return term;
  }

  bool solve(const Goal* goal) {
    if (++steps_ > kMatchSteps) return false;
    if (goal == nullptr) return finish();
    const size_t mark = state_.mark();
    const bool found = goal->term == nullptr ? solve_chain(*goal) : solve_term(*goal);
    if (!found) state_.take_back(mark);
    return found;
  }

  bool solve_term(const Goal& goal) {
    const RuleTerm& term = *goal.term;
    const Leaf& leaf = goal.target;
    using Kind = RuleTerm::Kind;
    if (term.kind == Kind::either) {
      for (const RuleTerm& choice : term.choices) {
        Goal chosen = goal;
        chosen.term = &choice;
        if (solve(&chosen)) return true;
      }
      return false;
    }
    if (leaf.value == nullptr || term.kind == Kind::absent)
      return leaf.value == nullptr && term.kind == Kind::absent && solve(goal.next);
    if (term.kind == Kind::number)
      return is_number(term, leaf) &&
             (term.dims.empty() || state_.bind_dims(term.dims, leaf.value->type)) &&
             solve(goal.next);
    if (term.kind == Kind::capture) return state_.bind_number(term.index, leaf) && solve(goal.next);
    if (leaf.invert != nullptr) return false;
    if (term.kind == Kind::literal)
      return leaf.value->is_literal() &&
             hone::same_bits(leaf.value->weight->tensor(), term.literal) && solve(goal.next);
    return term.kind == Kind::name ? solve_name(goal) : solve_node(goal);
  }

  bool solve_name(const Goal& goal) {
    const int index = goal.term->index;
    const RuleName& name = rule_.names[static_cast<size_t>(index)];
    Value* value = goal.target.value;
    if (state_.value(index) != nullptr)
      return same_value(state_.value(index), value) && solve(goal.next);
    if (!state_.bind_value(index, value)) return false;
    if (!name.definition) return solve(goal.next);
    Goal definition = goal;
    definition.term = &*name.definition;
    return solve(&definition);
  }

  bool solve_node(const Goal& goal) {
    const RuleNode& pattern = rule_.nodes[static_cast<size_t>(goal.term->index)];
    Value* value = goal.target.value;
    Node* node = value->producer;
    if (node == nullptr) return false;
    const Node* bound = state_.node(goal.term->index);
    if (bound != nullptr)
      return bound == node && value->index == goal.term->result && solve(goal.next);
    if (!pattern.chain.empty()) return solve_chains(goal, pattern);
    if (&node->op.op_class() != &pattern.op.op_class() || value->index != goal.term->result)
      return false;
    if (!state_.bind_fields(pattern, node->op)) return false;
    state_.bind_pattern(goal.term->index, node);
    const size_t count = std::max(pattern.operands.size(), node->inputs.size());
    std::vector<Goal> goals(count);
    const RuleTerm absent;
    for (size_t i = count; i-- > 0;) {
      goals[i].term = i < pattern.operands.size() ? &pattern.operands[i] : &absent;
      goals[i].target = {node->input(i)};
      goals[i].next = i + 1 < count ? &goals[i + 1] : goal.next;
    }
    return solve(count == 0 ? goal.next : goals.data());
  }

  /// A commutative op: every chain of as many leaves, every order of them.
  bool solve_chains(const Goal& goal, const RuleNode& pattern) {
    Value* value = goal.target.value;
    std::vector<Chain> chains;
    if (pattern.operands.size() == 2) {
      chains = chains_of(pattern.op, value, pattern.chain.size(), true);
    } else if (value->producer->op == pattern.op &&
               value->producer->inputs.size() == pattern.chain.size()) {
      auto& chain = chains.emplace_back();
      for (Value* input : value->producer->inputs) chain.leaves.push_back({input});
      chain.nodes = {value->producer};
    }
    for (const Chain& chain : chains) {
      const size_t mark = state_.mark();
      state_.bind_pattern(goal.term->index, value->producer);
      for (Node* node : chain.nodes) state_.add_node(node);
      Goal rest;
      rest.pattern = &pattern;
      rest.chain = &chain;
      rest.next = goal.next;
      if (solve(&rest)) return true;
      state_.take_back(mark);
    }
    return false;
  }

  bool solve_chain(const Goal& goal) {
    if (goal.at == goal.chain->leaves.size()) return solve(goal.next);
    for (size_t i = 0; i < goal.chain->leaves.size(); ++i) {
      if ((goal.used >> i & 1) != 0) continue;
      Goal rest = goal;
      rest.at = goal.at + 1;
      rest.used = goal.used | uint64_t{1} << i;
      const Goal leaf{
          .term = &goal.pattern->chain[goal.at], .target = goal.chain->leaves[i], .next = &rest};
      if (solve(&leaf)) return true;
    }
    return false;
  }

  /// Trees of `op` under `value` with `count` leaves. What is inside has no other user.
  std::vector<Chain> chains_of(const Op& op, Value* value, size_t count, bool top) const {
    std::vector<Chain> found;
    if (count == 1) return {Chain{{Leaf{value}}, {}}};
    Node* node = value == nullptr ? nullptr : value->producer;
    if (node == nullptr || node->inputs.size() != 2 || node->input(0) == nullptr) return found;
    if (!top && (value->users.size() != 1 || graph_.is_output(value))) return found;
    const Algebra& algebra = node->op.op_class().algebra;
    const auto join = [&](const std::vector<Chain>& left, const std::vector<Chain>& right) {
      for (const Chain& a : left)
        for (const Chain& b : right) {
          if (found.size() >= kMostChains) return;
          Chain& chain = found.emplace_back(a);
          chain.leaves.insert(chain.leaves.end(), b.leaves.begin(), b.leaves.end());
          chain.nodes.insert(chain.nodes.begin(), node);
          chain.nodes.insert(chain.nodes.end(), b.nodes.begin(), b.nodes.end());
        }
    };
    if (node->op == op) {
      for (size_t left = 1; left < count; ++left)
        join(chains_of(op, node->input(0), left, false),
             chains_of(op, node->input(1), count - left, false));
    } else if (rule_.contract != kExact && algebra.inverse_of == op.name() &&
               uniform_number(*node->input(1)) && is_float(node->input(1)->weight->dtype())) {
      join(chains_of(op, node->input(0), count - 1, false),
           {Chain{{Leaf{node->input(1), algebra.invert}}, {}}});
    }
    return found;
  }

  /// The other outputs, then the conditions on the whole.
  bool finish() {
    for (const RuleOutput& output : rule_.outputs)
      if (state_.value(output.name) == nullptr) {
        const auto done = find_output(output);
        if (done) return *done;
      }
    return state_.dims_hold() && state_.stays_inside() &&
           std::all_of(rule_.guards.begin(), rule_.guards.end(),
                       [&](const auto& guard) { return guard.second(state_.match()); });
  }

  /// Another output: a further result of a matched node, or a user of something matched. nullopt:
  /// nobody wants the result.
  std::optional<bool> find_output(const RuleOutput& output) {
    const RuleName& name = rule_.names[static_cast<size_t>(output.name)];
    const RuleTerm term = name_term(output.name);
    Goal goal;
    goal.term = &term;
    const auto& definition = *name.definition;
    if (definition.kind == RuleTerm::Kind::node) {
      if (const Node* node = state_.node(definition.index)) {
        goal.target.value = node->output(static_cast<size_t>(definition.result));
        if (goal.target.value == nullptr) return std::nullopt;
        return solve(&goal);
      }
    }
    std::vector<Value*> bound = state_.values();
    for (const Node* node : state_.match().nodes())  // results that no operand led to
      bound.insert(bound.end(), node->outputs.begin(), node->outputs.end());
    for (const Value* value : bound) {
      if (value == nullptr) continue;
      for (const Node* user : value->users) {
        if (steps_ > kMatchSteps) return false;
        for (Value* result : user->outputs) {
          goal.target.value = result;
          if (result != nullptr && solve(&goal)) return true;
        }
      }
    }
    return false;
  }

  const Graph& graph_;
  const Rule& rule_;
  MatchState state_;
  int steps_ = 0;
};

std::optional<Match> find_match(const Graph& graph, const Rule& rule, Value* anchor) {
  Matcher matcher(graph, rule);
  if (!matcher.run(anchor)) return std::nullopt;
  return matcher.take();
}

}  // namespace hone
