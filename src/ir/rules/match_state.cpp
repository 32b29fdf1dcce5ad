#include "ir/rules/match_state.hpp"

#include <algorithm>

namespace hone {
namespace {

const FieldRef* field_of(const FieldList& fields, std::string_view name) {
  for (const Field& field : fields.list())
    if (field.name == name) return &field.ref;
  return nullptr;
}

}  // namespace

bool MatchState::bind_fields(const RuleNode& pattern, const Op& op) {
  const FieldList wanted = pattern.op.fields(), found = op.fields();
  for (const Field& field : found.list()) {
    const auto special = std::find_if(pattern.fields.begin(), pattern.fields.end(),
                                      [&](const RuleField& f) { return f.name == field.name; });
    if (special == pattern.fields.end()) {
      if (!equal(field.ref, *field_of(wanted, field.name))) return false;
    } else if (special->kind == RuleField::Kind::capture) {
      if (!bind_field(special->capture, op, field.ref)) return false;
    } else if (special->kind == RuleField::Kind::dims) {
      const auto& dims = **std::get<std::optional<Dims>*>(*field_of(wanted, field.name));
      const auto& given = *std::get<std::optional<Dims>*>(field.ref);
      if (!given || given->size() != dims.size()) return false;
      for (size_t i = 0; i < dims.size(); ++i)
        if (!bind_dim(dims[i], (*given)[i])) return false;
    }
  }
  return true;
}

bool MatchState::bind_field(int index, const Op& op, const FieldRef& ref) {
  Captured& captured = match_.captures_[static_cast<size_t>(index)];
  if (const auto* bound = std::get_if<CapturedField>(&captured))
    return bound->ref.index() == ref.index() && equal(bound->ref, ref);
  if (!std::holds_alternative<std::monostate>(captured)) return false;
  captured = CapturedField{op, ref};
  trail_.push_back({Change::Kind::capture, index});
  const auto number = match_.number(index);
  return !number || in_bounds(index, *number);
}

bool MatchState::bind_number(int index, const Leaf& leaf) {
  auto number = uniform_number(*leaf.value);
  if (!number) return false;
  if (leaf.invert != nullptr) number = leaf.invert(*number);
  Captured& captured = match_.captures_[static_cast<size_t>(index)];
  if (const auto* bound = std::get_if<double>(&captured)) return *bound == *number;
  if (!std::holds_alternative<std::monostate>(captured)) return false;
  captured = *number;
  trail_.push_back({Change::Kind::capture, index});
  return in_bounds(index, *number);
}

bool MatchState::bind_dims(const Dims& pattern, const Type& type) {
  const Dims& dims = type.tensor().shape();
  if (dims.size() != pattern.size()) return false;
  for (size_t i = 0; i < dims.size(); ++i)
    if (!bind_dim(pattern[i], dims[i])) return false;
  return true;
}

bool MatchState::in_bounds(int index, double number) const {
  const RuleCapture& capture = rule_.captures[static_cast<size_t>(index)];
  return capture.least <= number && number <= capture.most;
}

bool MatchState::bind_type(const TypePattern& pattern, const Type& type) {
  if (!type.is_tensor()) return false;
  const TensorType& tensor = type.tensor();
  if (!in_class(tensor.dtype, pattern.dtype)) return false;
  const auto bound = match_.dtypes_.find(pattern.dtype);
  if (bound != match_.dtypes_.end()) {
    if (bound->second != tensor.dtype) return false;
  } else {
    match_.dtypes_.emplace(pattern.dtype, tensor.dtype);
    trail_.push_back({Change::Kind::dtype, 0, pattern.dtype});
  }
  if (pattern.any_shape) return true;
  if (!tensor.has_rank()) return false;
  const size_t rank = tensor.dims->size(), wanted = pattern.dims.size();
  if (pattern.open ? rank < wanted : rank != wanted) return false;
  for (size_t i = 0; i < wanted; ++i)
    if (!bind_dim(pattern.dims[i], (*tensor.dims)[rank - wanted + i])) return false;
  return true;
}

/// A lone symbol is bound; anything else is compared when all is matched.
bool MatchState::bind_dim(const Dim& pattern, const Dim& dim) {
  const auto symbol = pattern.as_symbol();
  if (!symbol) {
    if (pattern.is_constant()) return same_dim(pattern, dim);
    later_.push_back({pattern, dim});  // finish() reads only what the trail leaves
    trail_.push_back({Change::Kind::dim, 1});
    return true;
  }
  // Nothing is won where there are no elements; and what is given may divide by a size, or name it
  // in a shape, where 0 is another one.
  if (dim.is(0)) return false;
  const auto bound = match_.dims_.find(*symbol);
  if (bound != match_.dims_.end()) return same_dim(bound->second, dim);
  match_.dims_.emplace(*symbol, dim);
  trail_.push_back({Change::Kind::dim, 0, std::string(*symbol)});
  return true;
}

bool MatchState::same_dim(const Dim& a, const Dim& b) const {
  return a == b || provably_equal(a, b, match_.graph_.ranges()) == true;
}

bool MatchState::bind_value(int name, Value* value) {
  const auto index = static_cast<size_t>(name);
  const RuleName& pattern = rule_.names[index];
  if (pattern.constant && !value->is_constant()) return false;
  if (pattern.type && !bind_type(*pattern.type, value->type)) return false;
  match_.values_[index] = value;
  trail_.push_back({Change::Kind::value, name});
  return true;
}

void MatchState::bind_pattern(int pattern, Node* node) {
  node_of_[static_cast<size_t>(pattern)] = node;
  trail_.push_back({Change::Kind::pattern, pattern});
  add_node(node);
}

void MatchState::add_node(Node* node) {
  auto& nodes = match_.nodes_;
  if (std::find(nodes.begin(), nodes.end(), node) != nodes.end()) return;
  nodes.push_back(node);
  trail_.push_back({Change::Kind::node});
}

void MatchState::take_back(size_t mark) {
  for (; trail_.size() > mark; trail_.pop_back()) {
    const Change& change = trail_.back();
    const auto index = static_cast<size_t>(change.index);
    switch (change.kind) {
      case Change::Kind::value: match_.values_[index] = nullptr; break;
      case Change::Kind::capture: match_.captures_[index] = std::monostate(); break;
      case Change::Kind::dtype: match_.dtypes_.erase(change.key); break;
      case Change::Kind::pattern: node_of_[index] = nullptr; break;
      case Change::Kind::node: match_.nodes_.pop_back(); break;
      case Change::Kind::dim:
        if (index == 1) later_.pop_back();
        else match_.dims_.erase(change.key);
    }
  }
}

bool MatchState::dims_hold() const {
  for (const auto& [pattern, found] : later_) {
    const auto wanted = match_.dim(pattern);
    if (!wanted || !same_dim(*wanted, found)) return false;
  }
  for (const Require& require : rule_.requires_) {
    const auto a = match_.dim(require.a), b = match_.dim(require.b);
    if (!a || !b) return false;
    const auto& ranges = match_.graph_.ranges();
    const auto holds = require.relation == Require::Relation::less_equal
                           ? provably_less_equal(*a, *b, ranges)
                           : provably_equal(*a, *b, ranges);
    const bool repeats =
        require.relation == Require::Relation::broadcast &&
        (provably_equal(*a, 1, ranges) == true || provably_equal(*b, 1, ranges) == true);
    if (holds != true && !repeats) return false;
  }
  return true;
}

bool MatchState::stays_inside() const {
  const auto& nodes = match_.nodes_;
  const auto inside = [&](const Node* node) {
    return std::find(nodes.begin(), nodes.end(), node) != nodes.end();
  };
  for (const Node* node : nodes)
    for (const Value* value : node->outputs) {
      if (value == nullptr || may_leave(value)) continue;
      if (!std::all_of(value->users.begin(), value->users.end(), inside) ||
          match_.graph_.is_output(value))
        return false;
    }
  return true;
}

bool MatchState::may_leave(const Value* value) const {
  for (size_t i = 0; i < rule_.names.size(); ++i)
    if (rule_.names[i].shared && match_.values_[i] == value) return true;
  return false;
}

}  // namespace hone
