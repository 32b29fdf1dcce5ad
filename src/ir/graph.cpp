#include "ir/graph.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/printable.hpp"
#include "ir/dim/dim_facts.hpp"

namespace hone {

Value* Graph::add_value(std::string_view name) {
  std::string unique(name.empty() ? "v" : name);
  if (find(unique) != nullptr) {
    const std::string taken = unique;
    int& suffix = suffixes_[taken];
    do unique = cat(taken, ".", ++suffix);
    while (find(unique) != nullptr);
  }
  values_.emplace_back().name = std::move(unique);
  if (!by_name_.empty()) {
    by_name_.emplace(values_.back().name, std::prev(values_.end()));
  } else if (values_.size() > kFewValues) {
    for (auto place = values_.begin(); place != values_.end(); ++place)
      by_name_.emplace(place->name, place);
  }
  return &values_.back();
}

Value* Graph::add_input(std::string_view name, Type type) {
  Value* value = add_value(name);
  value->type = std::move(type);
  inputs_.push_back(value);
  return value;
}

Value* Graph::add_constant(std::string_view name, std::shared_ptr<const Weight> weight) {
  Value* value = add_value(name);
  Dims dims(weight->shape().begin(), weight->shape().end());
  value->type = Type::tensor(weight->dtype(), std::move(dims));
  value->weight = std::move(weight);
  return value;
}

std::vector<Value*> Graph::constants() const {
  std::vector<Value*> found;
  for (const Value& value : values_)
    if (value.is_constant()) found.push_back(const_cast<Value*>(&value));
  return found;
}

Node* Graph::add_node(Op op, std::vector<Value*> inputs,
                      const std::vector<std::string>& output_names, Origins origin, std::string by,
                      Node* before) {
  while (!inputs.empty() && inputs.back() == nullptr) inputs.pop_back();
  const auto place = nodes_.emplace(before == nullptr ? nodes_.end() : before->self);
  Node* node = &*place;
  node->self = place;
  node->op = std::move(op);
  node->inputs = std::move(inputs);
  node->origin = std::move(origin);
  node->by = std::move(by);
  node->places.grow(0, node->inputs.size());
  for (size_t i = 0; i < node->inputs.size(); ++i)
    if (node->inputs[i] != nullptr) node->inputs[i]->users.add(node, i);
  for (size_t i = 0; i < output_names.size(); ++i) {
    Value* value = nullptr;
    if (!output_names[i].empty()) {
      value = add_value(output_names[i]);
      value->producer = node;
      value->index = static_cast<int>(i);
    }
    node->outputs.push_back(value);
  }
  return node;
}

void Graph::link_output(size_t index, Value* value) {
  outputs_[index].value = value;
  outputs_[index].next = std::exchange(value->first_output, static_cast<int>(index));
}

void Graph::add_output(std::string_view name, Value* value) {
  outputs_.push_back({std::string(name), value});
  link_output(outputs_.size() - 1, value);
}

void Graph::set_output(size_t index, Value* value) {
  int* link = &outputs_[index].value->first_output;
  while (*link != static_cast<int>(index)) link = &outputs_[static_cast<size_t>(*link)].next;
  *link = outputs_[index].next;
  link_output(index, value);
}

namespace {

/// What a fact says about the bounds of a single symbol.
void narrow(Ranges& ranges, const Require& require) {
  const auto left = require.a.as_symbol(), right = require.b.as_symbol();
  const bool equal = require.relation == Require::Relation::equal;
  if (require.relation == Require::Relation::broadcast) {  // of a number: it or 1
    const Dim& number = require.a.is_constant() ? require.a : require.b;
    const auto symbol = require.a.is_constant() ? right : left;
    if (!symbol || !number.is_constant()) return;
    Interval& interval = ranges[std::string(*symbol)];
    interval.low = std::max<int64_t>(interval.low, std::min<int64_t>(*number.constant(), 1));
    interval.high = std::min<int64_t>(interval.high, std::max<int64_t>(*number.constant(), 1));
    return;
  }
  if (left && require.b.is_constant()) {
    Interval& interval = ranges[std::string(*left)];
    interval.high = std::min(interval.high, *require.b.constant());
    if (equal) interval.low = std::max(interval.low, *require.b.constant());
  }
  if (right && require.a.is_constant()) {
    Interval& interval = ranges[std::string(*right)];
    interval.low = std::max(interval.low, *require.a.constant());
    if (equal) interval.high = std::min(interval.high, *require.a.constant());
  }
}

}  // namespace

namespace {

/// In canonical form; nullopt: it is always true.
std::optional<Require> canonical(Require require) {
  using Relation = Require::Relation;
  const auto see_order = [&] {
    if (require.relation == Relation::less_equal) return;
    auto order = require.relation == Relation::equal ? order_in_equal(require.a, require.b)
                                                     : order_in_broadcast(require.a, require.b);
    if (order) require = {Relation::less_equal, std::move(order->first), std::move(order->second)};
  };
  see_order();
  const bool numbers = require.a.is_constant() && require.b.is_constant();
  if (require.relation == Relation::equal && !numbers) simplify_equal(require.a, require.b);
  see_order();  // 2*min(n,1) == 2 is min(n,1) == 1 by now
  if (require.relation == Relation::less_equal) {
    simplify_less_equal(require.a, require.b);
    if (provably_less_equal(require.a, require.b) == true) return std::nullopt;
    return require;
  }
  if (require.b < require.a) std::swap(require.a, require.b);
  const bool repeats = require.a.is(1) || require.b.is(1);
  if (require.a == require.b || (repeats && require.relation == Relation::broadcast))
    return std::nullopt;
  return require;
}

}  // namespace

void Graph::add_requirement(Require require) {
  auto fact = canonical(std::move(require));
  if (!fact || !recorded_.insert(*fact).second) return;
  narrow(ranges_, *fact);
  requirements_.push_back(*std::move(fact));
}

bool Graph::has_requirement(const Require& require) const {
  const auto fact = canonical(require);
  return !fact || recorded_.contains(*fact);
}

void Graph::clear_requirements() {
  requirements_.clear();
  recorded_.clear();
  ranges_.clear();
}

bool Graph::RequireOrder::operator()(const Require& a, const Require& b) const {
  return std::tie(a.relation, a.a, a.b) < std::tie(b.relation, b.a, b.b);
}

Value* Graph::find(std::string_view name) const {
  if (by_name_.empty()) {
    const auto found = std::ranges::find(values_, name, &Value::name);
    return found == values_.end() ? nullptr : const_cast<Value*>(&*found);
  }
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &*found->second;
}

void Graph::rename(Value* value, std::string_view name) {
  if (value->name == name) return;
  check(find(name) == nullptr, Code::internal, "the name ", name, " is taken");
  auto entry = by_name_.extract(value->name);
  value->name = std::string(name);
  if (entry.empty()) return;  // there is no index
  entry.key() = value->name;
  by_name_.insert(std::move(entry));
}

void Graph::drop(Value* value) {
  const auto entry = by_name_.extract(value->name);
  values_.erase(!entry.empty() ? entry.mapped()
                               : std::ranges::find_if(
                                     values_, [&](const Value& each) { return &each == value; }));
}

void Graph::drop_user(Node* node, size_t operand) {
  if (Value* value = node->inputs[operand]) value->users.remove(node, operand);
}

void Graph::set_input(Node* node, size_t index, Value* value) {
  if (index >= node->inputs.size()) {
    node->places.grow(node->inputs.size(), index + 1);
    node->inputs.resize(index + 1, nullptr);
  }
  drop_user(node, index);
  node->inputs[index] = value;
  if (value != nullptr) value->users.add(node, index);
  while (!node->inputs.empty() && node->inputs.back() == nullptr) node->inputs.pop_back();
}

void Graph::replace_uses(Value* from, Value* to) {
  if (from == to) return;
  for (const Users::Use& use : from->users.take()) {
    use.node->inputs[use.operand] = to;
    to->users.add(use.node, use.operand);
  }
  while (from->first_output >= 0) set_output(static_cast<size_t>(from->first_output), to);
}

void Graph::erase(Node* node) {
  for (Value* output : node->outputs)
    check(output == nullptr || (output->users.empty() && !is_output(output)), Code::internal,
          "erased ", describe(*node), " while it is in use");
  for (size_t i = 0; i < node->inputs.size(); ++i) drop_user(node, i);
  for (Value* output : node->outputs)
    if (output != nullptr) drop(output);
  nodes_.erase(node->self);
}

void Graph::erase(Value* value) {
  check(value->producer == nullptr && value->users.empty() && !is_output(value), Code::internal,
        "erased the value ", value->name, " while it is in use");
  if (value->is_input()) std::erase(inputs_, value);
  drop(value);
}

namespace {

/// Copies values and nodes of one graph into another, keeping names.
class Cloner {
 public:
  Cloner(const Graph& from, Graph& to) : from_(from), to_(to) {}

  void run() {
    map_.reserve(from_.value_count());
    for (const Value* input : from_.inputs()) {
      map_[input] = to_.add_input(input->name, input->type);
      map_[input]->known = input->known;
    }
    for (const Value* constant : from_.constants()) {
      map_[constant] = to_.add_constant(constant->name, constant->weight);
      map_[constant]->known = constant->known;
    }
    // A graph under repair may use before it defines: nodes first, operands after.
    std::vector<Node*> copies;
    for (const Node& node : from_.nodes()) copies.push_back(copy(node));
    size_t at = 0;
    for (const Node& node : from_.nodes()) {
      Node* target = copies[at++];
      for (size_t i = 0; i < node.inputs.size(); ++i)
        if (node.inputs[i] != nullptr) to_.set_input(target, i, map_.at(node.inputs[i]));
    }
    for (const GraphOutput& output : from_.outputs())
      to_.add_output(output.name, map_.at(output.value));
    for (const Require& require : from_.requirements()) to_.add_requirement(require);
  }

 private:
  Node* copy(const Node& node) {
    std::vector<std::string> names;
    for (const Value* output : node.outputs) names.push_back(output == nullptr ? "" : output->name);
    Node* target = to_.add_node(node.op, {}, names, node.origin, node.by);
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      if (node.outputs[i] == nullptr) continue;
      map_[node.outputs[i]] = target->outputs[i];
      target->outputs[i]->type = node.outputs[i]->type;
      target->outputs[i]->known = node.outputs[i]->known;
    }
    return target;
  }

  const Graph& from_;
  Graph& to_;
  std::unordered_map<const Value*, Value*> map_;
};

}  // namespace

std::unique_ptr<Graph> Graph::clone() const {
  auto copy = std::make_unique<Graph>(name_);
  if (!by_name_.empty()) copy->by_name_.reserve(values_.size());
  Cloner(*this, *copy).run();
  return copy;
}

void append(std::string& out, const Require& require) {
  append(out, require.a);
  out += require.relation == Require::Relation::equal        ? " == "
         : require.relation == Require::Relation::less_equal ? " <= "
                                                             : " broadcasts with ";
  append(out, require.b);
}

std::optional<bool> holds(const Require& require, const Bindings& symbols) {
  const auto a = require.a.evaluate(symbols), b = require.b.evaluate(symbols);
  if (!a || !b) return std::nullopt;
  switch (require.relation) {
    case Require::Relation::equal: return *a == *b;
    case Require::Relation::less_equal: return *a <= *b;
    case Require::Relation::broadcast: break;
  }
  return *a == *b || *a == 1 || *b == 1;
}

void append(std::string& out, const NodeText& text) {
  const Node& node = text.node;
  append(out, node.op.name());
  if (!node.origin.empty()) return append(out, cat(" ", printable(node.origin.front())));
  for (const Value* output : node.outputs)
    if (output != nullptr) return append(out, cat(" %", printable(output->name)));
}

}  // namespace hone
