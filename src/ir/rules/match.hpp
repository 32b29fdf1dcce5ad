#pragma once
// Finding the match graph of a rule in a graph.

#include <map>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "ir/rules/rules.hpp"

namespace hone {

/// A constant counts as one number repeated only up to this many elements.
inline constexpr int64_t kUniformElements = 1 << 16;
/// Steps of one search; beyond them there is no match.
inline constexpr int kMatchSteps = 20000;

/// The number that every element of the constant is; none: no constant, absent contents or others.
std::optional<double> uniform_number(const Value& value);

/// A captured field lives in its op.
struct CapturedField {
  Op op;
  FieldRef ref;
};
using Captured = std::variant<std::monostate, double, CapturedField>;

/// One way in which a rule's match graph lies in a graph.
class Match {
 public:
  Match(const Graph& graph, const Rule& rule)
      : graph_(graph), rule_(rule), values_(rule.names.size()), captures_(rule.captures.size()) {}

  const Graph& graph() const { return graph_; }
  const Rule& rule() const { return rule_; }
  /// What a name of the match graph is; null: nothing (a choice not taken, a result nobody wants).
  Value* value(std::string_view name) const;
  Value* value(int name) const { return values_[static_cast<size_t>(name)]; }
  /// What a capture is as a number; none: not bound or no number.
  std::optional<double> number(std::string_view capture) const;
  std::optional<double> number(int capture) const;
  const Captured& capture(int index) const { return captures_[static_cast<size_t>(index)]; }
  /// The field that a capture is, when it is a T; else null.
  template <class T>
  const T* field(std::string_view capture) const;
  /// A dimension of the rule in terms of the graph's; none: a symbol of it is not bound.
  std::optional<Dim> dim(const Dim& dim) const;
  /// What a class of dtypes is here.
  std::optional<DType> dtype(std::string_view dtype_class) const;
  /// Every node that is replaced, the anchor's first.
  const std::vector<Node*>& nodes() const { return nodes_; }

 private:
  friend class MatchState;
  const Graph& graph_;
  const Rule& rule_;
  std::vector<Value*> values_;
  std::vector<Captured> captures_;
  std::map<std::string, Dim, std::less<>> dims_;
  std::map<std::string, DType, std::less<>> dtypes_;
  std::vector<Node*> nodes_;
};

template <class T>
const T* Match::field(std::string_view capture) const {
  for (size_t i = 0; i < captures_.size(); ++i) {
    const auto* field = std::get_if<CapturedField>(&captures_[i]);
    if (rule_.captures[i].name != capture || field == nullptr) continue;
    auto* const* place = std::get_if<T*>(&field->ref);
    return place == nullptr ? nullptr : *place;
  }
  return nullptr;
}

/// The first match of the rule whose anchor is `anchor`.
std::optional<Match> find_match(const Graph& graph, const Rule& rule, Value* anchor);

/// Whether a value of this dtype is of the class (or is the dtype named).
bool in_class(DType dtype, std::string_view dtype_class);

}  // namespace hone
