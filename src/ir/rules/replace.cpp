#include <algorithm>
#include <cmath>
#include <unordered_set>

#include "base/log.hpp"
#include "ir/inference.hpp"
#include "ir/origins.hpp"
#include "ir/rules/match.hpp"
#include "ir/rules/match_glance.hpp"
#include "ir/rules/rule_choices.hpp"
#include "ir/rules/rules.hpp"

namespace hone {
namespace {

std::optional<double> count_of(const Captured& captured) {
  const auto* field = std::get_if<CapturedField>(&captured);
  auto* const* dims = field == nullptr ? nullptr : std::get_if<std::optional<Dims>*>(&field->ref);
  if (dims == nullptr || !(*dims)->has_value()) return std::nullopt;
  return static_cast<double>((*dims)->value().size());
}

std::optional<double> compute(const RuleExpression& expression, const Match& match) {
  switch (expression.op) {
    case '#': return expression.number;
    case '$': return match.number(expression.capture);
    case 'n': return count_of(match.capture(expression.capture));
    case 'd': {
      const auto dim = match.dim(expression.dim);
      const auto number = dim ? dim->constant() : std::nullopt;
      return number ? std::optional(static_cast<double>(*number)) : std::nullopt;
    }
    default: break;
  }
  std::vector<double> operands;
  for (const RuleExpression& operand : expression.operands) {
    const auto number = compute(operand, match);
    if (!number) return std::nullopt;
    operands.push_back(*number);
  }
  switch (expression.op) {
    case '+': return operands[0] + operands[1];
    case '-': return operands[0] - operands[1];
    case '*': return operands[0] * operands[1];
    case '/': return operands[0] / operands[1];
    default: return std::sqrt(operands[0]);
  }
}

/// Puts a number into a field; false: the field is not of numbers, or cannot hold this one.
bool set_number(const FieldRef& place, double number) {
  if (auto* const* real = std::get_if<float*>(&place)) {
    **real = static_cast<float>(number);
    return true;
  }
  auto* const* integer = std::get_if<int64_t*>(&place);
  if (integer == nullptr || number != std::nearbyint(number) || std::fabs(number) > 1e15)
    return false;
  **integer = static_cast<int64_t>(number);
  return true;
}

/// The same field of another op.
bool copy_field(const FieldRef& place, const FieldRef& from) {
  if (place.index() != from.index()) return false;
  std::visit(
      [&](auto to) {
        const auto& source = std::get<decltype(to)>(from);
        if constexpr (std::is_same_v<decltype(to), EnumField>) *to.value = *source.value;
        else *to = *source;
      },
      place);
  return true;
}

bool set_field(const RuleField& field, const FieldRef& place, const Match& match) {
  if (field.kind == RuleField::Kind::dims) {
    for (Dim& dim : **std::get<std::optional<Dims>*>(place)) {
      auto found = match.dim(dim);
      if (!found) return false;
      dim = std::move(*found);
    }
    return true;
  }
  if (field.kind != RuleField::Kind::expression) return false;
  if (field.expression.op == '$') {
    const Captured& captured = match.capture(field.expression.capture);
    if (const auto* copied = std::get_if<CapturedField>(&captured))
      if (copy_field(place, copied->ref)) return true;
  }
  const auto number = compute(field.expression, match);
  return number && set_number(place, *number);
}

std::optional<Op> op_of(const RuleNode& node, const Match& match) {
  if (node.fields.empty()) return node.op;
  std::shared_ptr<void> copy = node.op.op_class().copy(node.op.data());
  FieldList list;
  node.op.op_class().fields(copy.get(), list);
  for (const RuleField& field : node.fields)
    for (const Field& place : list.list())
      if (place.name == field.name && !set_field(field, place.ref, match)) return std::nullopt;
  return Op::of(node.op.op_class(), std::move(copy));
}

/// Builds the give graph of one match, and takes it back where it turns out not to fit.
class Replacing {
 public:
  Replacing(Graph& graph, const Rule& rule, const Match& match)
      : graph_(graph), rule_(rule), match_(match), requirements_(graph.requirements().size()) {}

  /// false: the graph is as it was.
  bool run() {
    if (!build() || !fits()) {
      take_back();
      return false;
    }
    for (size_t i = 0; i < rule_.outputs.size(); ++i)
      if (Value* old = match_.value(rule_.outputs[i].name)) replace(old, given_[i]);
    return true;
  }
  const std::vector<Node*>& made() const { return made_; }

 private:
  bool build() {
    Node* before = match_.value(anchor().name)->producer;
    const auto& matched = match_.nodes();
    const Origins origin = origins_of({matched.rbegin(), matched.rend()});
    const std::vector<bool> wanted = wanted_nodes(match_);
    for (size_t i = 0; i < rule_.give.size(); ++i) {
      const RuleNode& node = rule_.give[i];
      nodes_.push_back(nullptr);
      if (!wanted[i]) continue;
      auto op = op_of(node, match_);
      if (!op) return false;
      std::vector<Value*> operands;
      for (const RuleTerm& each : node.operands) {
        // A variable of an alternative that was not taken is an absent operand.
        const RuleTerm* term = taken(each, match_);
        const bool absent =
            term == nullptr || term->kind == RuleTerm::Kind::absent ||
            (term->kind == RuleTerm::Kind::name && match_.value(term->index) == nullptr);
        Value* operand = absent ? nullptr : value_of(*term);
        if (operand == nullptr && !absent) return false;
        operands.push_back(operand);
      }
      made_.push_back(graph_.add_node(*std::move(op), std::move(operands), names_of(node), origin,
                                      rule_.name, before));
      nodes_.back() = made_.back();
      try {
        infer(graph_, *made_.back());
      } catch (const Error&) {
        return false;  // a combination that the op given does not take
      }
    }
    return true;
  }

  const RuleOutput& anchor() const { return rule_.outputs[static_cast<size_t>(rule_.anchor)]; }

  /// Result names: those that the rule gives them, where the match has a value of that name.
  std::vector<std::string> names_of(const RuleNode& node) const {
    std::vector<std::string> names;
    const Value* root = match_.value(anchor().name);
    for (const std::string& result : node.results) {
      const Value* old = match_.value(result);
      if (old != nullptr) names.push_back(old->name);
      else if (result.empty() || is_match_name(result)) names.emplace_back();  // nobody wants it
      else names.push_back(cat(root->name, ".", result));
    }
    if (names.empty()) names.push_back(root->name);
    return names;
  }

  bool is_match_name(std::string_view name) const {
    return std::any_of(rule_.names.begin(), rule_.names.end(),
                       [&](const RuleName& each) { return each.name == name; });
  }

  Value* value_of(const RuleTerm& term) {
    using Kind = RuleTerm::Kind;
    if (term.kind == Kind::name) return match_.value(term.index);
    if (term.kind == Kind::node)
      return nodes_[static_cast<size_t>(term.index)]->output(static_cast<size_t>(term.result));
    Tensor contents = term.literal;
    if (term.kind != Kind::literal) {
      const auto number =
          term.kind == Kind::number ? std::optional(term.number) : match_.number(term.index);
      const auto dtype = common_dtype();
      if (!number || !dtype) return nullptr;
      std::vector<int64_t> shape;
      for (const Dim& dim : term.dims) {
        const auto found = match_.dim(dim);
        if (!found || !found->constant()) return nullptr;
        shape.push_back(*found->constant());
      }
      contents = Tensor(*dtype, std::move(shape));
      for (int64_t i = 0; i < contents.count(); ++i) contents.set_number(i, *number);
    }
    constants_.push_back(graph_.add_constant(rule_.name, Weight::of(std::move(contents))));
    return constants_.back();
  }

  /// The dtype that numbers in the give graph have.
  std::optional<DType> common_dtype() const {
    for (const std::string_view each : {"float", "narrow", "number", "int", "any"})
      if (const auto dtype = match_.dtype(each)) return dtype;
    for (const RuleName& name : rule_.names)
      if (name.type && parse_dtype(name.type->dtype)) return parse_dtype(name.type->dtype);
    return std::nullopt;
  }

  /// Types stay as they were, and rely on nothing new.
  bool fits() {
    if (graph_.requirements().size() != requirements_) return false;
    for (const RuleOutput& output : rule_.outputs) {
      const Value* old = match_.value(output.name);
      const RuleTerm* term = taken(output.value, match_);
      given_.push_back(old == nullptr || term == nullptr ? nullptr : value_of(*term));
      if (old == nullptr) continue;
      const Value* given = given_.back();
      if (given == nullptr || given == old || given->type != old->type) return false;
      // Two tensors of unknown rank may have different ones.
      if (old->type.is_tensor() && !old->type.tensor().has_rank()) return false;
    }
    return true;
  }

  void replace(Value* old, Value* given) {
    graph_.replace_uses(old, given);
    if (given->producer == nullptr || given->producer->by != rule_.name) return;
    const std::string name = old->name;
    if (given->name == name ||
        std::find(made_.begin(), made_.end(), given->producer) == made_.end())
      return;
    graph_.rename(old, free_name(name));
    graph_.rename(given, name);
  }

  std::string free_name(const std::string& name) const {
    std::string free = cat(name, ".replaced");
    for (int i = 1; graph_.find(free) != nullptr; ++i) free = cat(name, ".replaced.", i);
    return free;
  }

  void take_back() {
    for (auto node = made_.rbegin(); node != made_.rend(); ++node) graph_.erase(*node);
    for (Value* constant : constants_) graph_.erase(constant);
    if (graph_.requirements().size() == requirements_) return;
    std::vector<Require> before = graph_.requirements();
    before.resize(requirements_);
    graph_.clear_requirements();
    for (const Require& require : before) graph_.add_requirement(require);
  }

  Graph& graph_;
  const Rule& rule_;
  const Match& match_;
  size_t requirements_;
  std::vector<Node*> made_;
  std::vector<Node*> nodes_;  // those of rule_.give; null: of an alternative not taken
  std::vector<Value*> constants_, given_;
};

/// One walk over the graph's nodes.
class Rewriter {
 public:
  Rewriter(Graph& graph, const RuleSet& rules, const RuleOptions& options)
      : graph_(graph), rules_(rules), options_(options) {}

  bool run() {
    bool changed = false;
    for (auto next = graph_.nodes().begin(); next != graph_.nodes().end() && left_ > 0;) {
      Node& node = *next;
      ++next;
      if (!rewrite(node, next)) continue;
      changed = true;
      --left_;
    }
    if (left_ == 0)
      log(Level::note, "rules made each other's work anew: the graph is left as it is");
    if (sort_) graph_.sort();
    return changed;
  }

 private:
  /// `next` is kept out of what goes; it is set to what was made, to be looked at in its turn.
  bool rewrite(Node& node, std::list<Node>::iterator& next) {
    const auto found = rules_.by_root.find(&node.op.op_class());
    if (found == rules_.by_root.end()) return false;
    for (const Rule* rule : found->second) {
      if (is_disabled(*rule)) continue;
      for (Value* value : node.outputs) {
        if (value == nullptr || !in_use(value) || !may_match(graph_, *rule, value)) continue;
        const auto match = find_match(graph_, *rule, value);
        if (!match || has_kept(*match) || (rule->outputs.size() > 1 && closes_cycle(*match)))
          continue;
        Replacing replacement(graph_, *rule, *match);
        if (!replacement.run()) continue;
        erase(match->nodes(), next);
        if (!replacement.made().empty()) next = replacement.made().front()->self;
        sort_ |= rule->outputs.size() > 1;
        return true;
      }
    }
    return false;
  }

  bool is_disabled(const Rule& rule) const {
    const auto& names = options_.disabled;
    return std::find(names.begin(), names.end(), rule.name) != names.end();
  }

  bool has_kept(const Match& match) const {
    return options_.keep && std::any_of(match.nodes().begin(), match.nodes().end(),
                                        [&](const Node* node) { return options_.keep(*node); });
  }

  bool in_use(const Value* value) const { return !value->users.empty() || graph_.is_output(value); }

  /// Nodes that nothing reads go. One that defines a symbol is left to the pass that removes the
  /// dead.
  void erase(const std::vector<Node*>& nodes, std::list<Node>::iterator& next) {
    if (!symbols_) symbols_ = defining_nodes();
    std::vector<Node*> left = nodes;
    for (bool erased = true; erased;) {
      erased = false;
      for (Node*& node : left) {
        if (node == nullptr || symbols_->contains(node)) continue;
        if (std::any_of(node->outputs.begin(), node->outputs.end(),
                        [&](const Value* value) { return value != nullptr && in_use(value); }))
          continue;
        if (next == node->self) ++next;
        graph_.erase(node);
        node = nullptr;
        erased = true;
      }
    }
  }

  std::set<const Node*> defining_nodes() const {
    std::set<const Node*> nodes;
    for (const auto& [symbol, definition] : symbol_definitions(graph_))
      if (definition.value->producer != nullptr) nodes.insert(definition.value->producer);
    return nodes;
  }

  /// Some operand of what would be made depends on an output of it, or so much lies before it that
  /// it is not looked for.
  bool closes_cycle(const Match& match) {
    std::unordered_set<const Node*> seen;
    std::vector<const Node*> todo;
    const auto& nodes = match.nodes();
    const auto visit = [&](const Value* value) {
      if (value != nullptr && value->producer != nullptr && seen.insert(value->producer).second)
        todo.push_back(value->producer);
    };
    const std::set<const Node*> inside(nodes.begin(), nodes.end());
    for (const Node* node : nodes)
      for (const Value* input : node->inputs)
        if (input != nullptr && !inside.contains(input->producer)) visit(input);
    while (!todo.empty()) {
      const Node* node = todo.back();
      todo.pop_back();
      if (inside.contains(node) || --looks_left_ < 0) return true;
      for (const Value* input : node->inputs) visit(input);
    }
    return false;
  }

  Graph& graph_;
  const RuleSet& rules_;
  const RuleOptions& options_;
  std::optional<std::set<const Node*>> symbols_;
  bool sort_ = false;
  // Rewrites of one walk. Rules that undo each other, or feed themselves, must not run for ever.
  int64_t left_ = 1'000 + 16 * std::ssize(graph_.nodes());
  // Nodes that all searches for cycles may look at.
  int64_t looks_left_ = 1'000'000 + 2'000 * std::ssize(graph_.nodes());
};

}  // namespace

bool apply_rules(Graph& graph, const RuleSet& rules, const RuleOptions& options) {
  return Rewriter(graph, rules, options).run();
}

}  // namespace hone
