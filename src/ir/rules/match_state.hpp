#pragma once
// What a search has bound so far, and how to take it back.

#include <string>
#include <utility>
#include <vector>

#include "ir/rules/match.hpp"

namespace hone {

/// A value, or what an op that undoes another makes of a constant: 1 / c, -c.
struct Leaf {
  Value* value = nullptr;
  double (*invert)(double) = nullptr;
};

/// The bindings of one search. What is bound after a mark can be taken back.
class MatchState {
 public:
  MatchState(const Graph& graph, const Rule& rule)
      : rule_(rule), match_(graph, rule), node_of_(rule.nodes.size()) {}

  Match& match() { return match_; }
  Value* value(int name) const { return match_.value(name); }
  Node* node(int pattern) const { return node_of_[static_cast<size_t>(pattern)]; }
  const std::vector<Value*>& values() const { return match_.values_; }

  size_t mark() const { return trail_.size(); }
  void take_back(size_t mark);

  // Each: false where it cannot be; then what it has bound is still to be taken back.
  bool bind_value(int name, Value* value);  // its type too
  bool bind_fields(const RuleNode& pattern, const Op& op);
  bool bind_number(int capture, const Leaf& leaf);
  bool bind_dims(const Dims& pattern, const Type& type);
  void bind_pattern(int pattern, Node* node);
  void add_node(Node* node);

  /// Dimensions that are no lone symbols, and the rule's requirements.
  bool dims_hold() const;
  /// Nobody outside reads what would go.
  bool stays_inside() const;

 private:
  struct Change {
    enum class Kind : uint8_t {
      value,
      capture,
      dim,
      dtype,
      pattern,
      node
    } kind;
    int index = 0;
    std::string key = {};
  };

  bool bind_field(int capture, const Op& op, const FieldRef& ref);
  bool bind_type(const TypePattern& pattern, const Type& type);
  bool bind_dim(const Dim& pattern, const Dim& dim);
  bool in_bounds(int capture, double number) const;
  bool same_dim(const Dim& a, const Dim& b) const;
  bool may_leave(const Value* value) const;

  const Rule& rule_;
  Match match_;
  std::vector<Node*> node_of_;  // by pattern
  std::vector<Change> trail_;
  std::vector<std::pair<Dim, Dim>> later_;  // compared at the end
};

}  // namespace hone
