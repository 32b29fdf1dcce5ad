// What a search needs at least: nodes of the rule's ops where it wants them, constants, dtypes.
// Most nodes of a graph lack it, and a search costs far more than to see that.

#include "ir/rules/match_glance.hpp"

#include <algorithm>

#include "ir/rules/match.hpp"

namespace hone {
namespace {

/// Nodes behind one another that are looked at, and terms in all.
constexpr int kDepth = 5, kTerms = 200;

/// Each answers true where it has looked enough. Every condition here is one of Matcher's.
class Glance {
 public:
  Glance(const Graph& graph, const Rule& rule) : graph_(graph), rule_(rule) {}

  bool at_name(int index, const Value* value, int depth) {
    const RuleName& name = rule_.names[static_cast<size_t>(index)];
    if (name.constant && !value->is_constant()) return false;
    if (name.definition && !at(*name.definition, value, depth)) return false;
    return !name.type || fits(*name.type, value->type);
  }

 private:
  /// Whether the value may be what the term says.
  bool at(const RuleTerm& term, const Value* value, int depth) {
    if (--terms_left_ < 0) return true;
    using Kind = RuleTerm::Kind;
    if (term.kind == Kind::either)
      return std::any_of(term.choices.begin(), term.choices.end(),
                         [&](const RuleTerm& choice) { return at(choice, value, depth); });
    if (value == nullptr || term.kind == Kind::absent)
      return value == nullptr && term.kind == Kind::absent;
    if (term.kind == Kind::name) return at_name(term.index, value, depth);
    if (term.kind == Kind::node) return at_node(term, *value, depth);
    return value->is_constant();
  }

  static bool fits(const TypePattern& pattern, const Type& type) {
    if (!type.is_tensor() || !in_class(type.tensor().dtype, pattern.dtype)) return false;
    if (pattern.any_shape) return true;
    if (!type.tensor().has_rank()) return false;
    const size_t rank = type.tensor().dims->size(), wanted = pattern.dims.size();
    return pattern.open ? rank >= wanted : rank == wanted;
  }

  bool at_node(const RuleTerm& term, const Value& value, int depth) {
    const Node* node = value.producer;
    if (node == nullptr) return false;
    const RuleNode& pattern = rule_.nodes[static_cast<size_t>(term.index)];
    if (!pattern.chain.empty()) return at_chain(pattern, value, depth);
    if (&node->op.op_class() != &pattern.op.op_class() || value.index != term.result) return false;
    if (depth == 0) return true;
    static const RuleTerm kAbsent;
    const size_t count = std::max(pattern.operands.size(), node->inputs.size());
    for (size_t i = 0; i < count; ++i)
      if (!at(i < pattern.operands.size() ? pattern.operands[i] : kAbsent, node->input(i),
              depth - 1))
        return false;
    return true;
  }

  /// For each term of the chain there is some leaf; one leaf may do for several terms here.
  bool at_chain(const RuleNode& pattern, const Value& value, int depth) {
    const Node& node = *value.producer;
    const bool same = &node.op.op_class() == &pattern.op.op_class();
    const auto all = [&](const auto& has_leaf) {
      return depth == 0 || std::all_of(pattern.chain.begin(), pattern.chain.end(), has_leaf);
    };
    if (pattern.operands.size() != 2)
      return same && node.inputs.size() == pattern.chain.size() && all([&](const RuleTerm& term) {
               return std::any_of(node.inputs.begin(), node.inputs.end(),
                                  [&](const Value* input) { return at(term, input, depth - 1); });
             });
    return extends(pattern, node) && all([&](const RuleTerm& term) {
             return at_leaf(pattern, node, term, pattern.chain.size() - 1, depth - 1);
           });
  }

  /// The node may be one of the chain's, or undo the chain's op.
  bool extends(const RuleNode& pattern, const Node& node) const {
    if (node.inputs.size() != 2 || node.input(0) == nullptr) return false;
    return &node.op.op_class() == &pattern.op.op_class() ||
           (rule_.contract != kExact &&
            node.op.op_class().algebra.inverse_of == pattern.op.name() &&
            node.input(1)->is_constant());
  }

  /// An operand of the node, or of one of the chain's below it, may be what the term says. `most`:
  /// leaves that an operand may have.
  bool at_leaf(const RuleNode& pattern, const Node& node, const RuleTerm& term, size_t most,
               int depth) {
    for (const Value* input : node.inputs) {
      if (at(term, input, depth)) return true;
      const bool inner = most > 1 && input != nullptr && input->producer != nullptr &&
                         input->users.size() == 1 && !graph_.is_output(input) &&
                         extends(pattern, *input->producer);
      if (inner && at_leaf(pattern, *input->producer, term, most - 1, depth)) return true;
    }
    return false;
  }

  const Graph& graph_;
  const Rule& rule_;
  int terms_left_ = kTerms;
};

}  // namespace

bool may_match(const Graph& graph, const Rule& rule, const Value* anchor) {
  const int output = rule.outputs[static_cast<size_t>(rule.anchor)].name;
  return Glance(graph, rule).at_name(output, anchor, kDepth);
}

}  // namespace hone
