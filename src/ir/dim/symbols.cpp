// Symbols as values with one definition: definitions, liveness and order that respect them.

#include <algorithm>
#include <queue>
#include <set>
#include <unordered_set>

#include "ir/bodies/structural.hpp"
#include "ir/graph.hpp"

namespace hone {
namespace {

using Names = std::set<std::string, std::less<>>;
using Definitions = std::map<std::string, SymbolDefinition, std::less<>>;

void define_dims(const Value& value, Definitions& definitions) {
  if (!value.type.is_tensor() || !value.type.tensor().has_rank()) return;
  const Dims& dims = value.type.tensor().shape();
  for (size_t i = 0; i < dims.size(); ++i)
    if (const auto symbol = dims[i].as_symbol())
      definitions.try_emplace(std::string(*symbol), SymbolDefinition{&value, static_cast<int>(i)});
}

/// Symbols that a node reads: in its parameters and in its results' types.
void collect_uses(const Node& node, Names& names) {
  collect_symbols(node.op, names);
  for (const Value* output : node.outputs)
    if (output != nullptr) collect_symbols(output->type, names);
}

/// Nodes that something reads, found backwards from the graph's outputs.
class Liveness {
 public:
  explicit Liveness(const Graph& graph) : definitions_(symbol_definitions(graph)) {
    live_.reserve(graph.nodes().size());
    for (const GraphOutput& output : graph.outputs()) reach(output.value);
    while (!pending_.empty()) {
      const Node* node = pending_.back();
      pending_.pop_back();
      visit(*node);
    }
  }
  bool live(const Node& node) const { return live_.contains(&node); }
  bool bound(const Require& require) const {
    Names names;
    require.a.collect_symbols(names);
    require.b.collect_symbols(names);
    return std::all_of(names.begin(), names.end(), [&](const std::string& name) {
      const auto found = definitions_.find(name);
      if (found == definitions_.end()) return true;  // the surrounding graph's
      const Node* producer = found->second.value->producer;
      return producer == nullptr || live_.contains(producer);
    });
  }

 private:
  void reach(const Value* value) {
    if (value == nullptr || value->producer == nullptr) return;
    if (live_.insert(value->producer).second) pending_.push_back(value->producer);
  }
  void visit(const Node& node) {
    for (const Value* input : node.inputs) reach(input);
    Names names;
    collect_uses(node, names);
    for (const std::string& name : names)
      if (const auto found = definitions_.find(name); found != definitions_.end())
        reach(found->second.value);
  }

  Definitions definitions_;
  std::unordered_set<const Node*> live_;
  std::vector<const Node*> pending_;
};

}  // namespace

Definitions symbol_definitions(const Graph& graph) {
  Definitions definitions;
  for (const Value* input : graph.inputs()) define_dims(*input, definitions);
  for (const Node& node : graph.nodes())
    for (const Value* output : node.outputs)
      if (output != nullptr) define_dims(*output, definitions);
  return definitions;
}

bool Graph::remove_unused() {
  const Liveness liveness(*this);
  bool changed = false;
  for (auto node = nodes_.end(); node != nodes_.begin();) {
    const auto current = std::prev(node);
    if (liveness.live(*current)) {
      node = current;
      continue;
    }
    // A dead node's readers stand behind it and are gone already, but for symbols.
    erase(&*current);
    changed = true;
  }
  const std::vector<Require> before = std::move(requirements_);
  clear_requirements();
  for (const Require& require : before)
    if (liveness.bound(require)) add_requirement(require);
  for (Value* constant : constants()) {
    if (!constant->users.empty() || is_output(constant)) continue;
    erase(constant);
    changed = true;
  }
  return changed;
}

void Graph::sort() {
  const Definitions definitions = symbol_definitions(*this);
  std::unordered_map<const Node*, size_t> position;
  position.reserve(nodes_.size());
  std::vector<std::list<Node>::iterator> order;
  for (auto node = nodes_.begin(); node != nodes_.end(); ++node) {
    position.emplace(&*node, order.size());
    order.push_back(node);
  }
  std::vector<std::vector<size_t>> readers(order.size());
  std::vector<size_t> waits(order.size(), 0);
  const auto depend = [&](size_t reader, const Value* value) {
    if (value == nullptr || value->producer == nullptr) return;
    const size_t producer = position.at(value->producer);
    if (producer == reader) return;
    readers[producer].push_back(reader);
    ++waits[reader];
  };
  for (size_t i = 0; i < order.size(); ++i) {
    for (const Value* input : order[i]->inputs) {
      check(input == nullptr || input->producer != &*order[i], Code::invalid_model,
            describe(*order[i]), " reads its own result %", input == nullptr ? "" : input->name);
      depend(i, input);
    }
    Names names;
    collect_uses(*order[i], names);
    for (const std::string& name : names)
      if (const auto found = definitions.find(name); found != definitions.end())
        depend(i, found->second.value);
  }
  std::priority_queue<size_t, std::vector<size_t>, std::greater<>> ready;
  for (size_t i = 0; i < order.size(); ++i)
    if (waits[i] == 0) ready.push(i);
  size_t placed = 0;
  while (!ready.empty()) {
    const size_t next = ready.top();
    ready.pop();
    ++placed;
    nodes_.splice(nodes_.end(), nodes_, order[next]);  // iterators stay valid
    for (const size_t reader : readers[next])
      if (--waits[reader] == 0) ready.push(reader);
  }
  if (placed == order.size()) return;
  std::string cycle;
  int named = 0;
  for (size_t i = 0; i < order.size() && named < 3; ++i)
    if (waits[i] > 0) cycle += cat(named++ == 0 ? "" : ", ", describe(*order[i]));
  fail(Code::invalid_model, "the graph has a cycle through ", cycle);
}

namespace {

bool same_value(const Value* a, const Value* b,
                const std::unordered_map<const Value*, const Value*>& pairs) {
  if (a == nullptr || b == nullptr) return a == b;
  if (a->is_constant() != b->is_constant()) return false;
  if (a->is_literal() && b->is_literal())
    return same_bits(a->weight->tensor(), b->weight->tensor());
  if (a->is_constant())
    return a->weight->dtype() == b->weight->dtype() && a->weight->shape() == b->weight->shape() &&
           a->weight->hash() == b->weight->hash();
  const auto found = pairs.find(a);
  return found != pairs.end() && found->second == b;
}

void hash_value(const Value* value, const std::unordered_map<const Value*, uint64_t>& numbers,
                Hasher& hasher) {
  if (value == nullptr) return hasher.add(std::string_view("absent"));
  if (!value->is_constant()) return hasher.add(numbers.at(value));
  std::string text;
  if (value->is_literal()) append_literal(text, value->weight->tensor());
  else append(text, value->type);
  hasher.add(text);
}

void hash_fields(const Op& op, Hasher& hasher) {
  const FieldList list = op.fields();
  for (const Field& field : list.list()) {
    hasher.add(field.name);
    if (const auto* body = std::get_if<Body*>(&field.ref)) {
      const Hash inner = **body == nullptr ? Hash{} : fingerprint(***body);
      hasher.add(inner.high);
      hasher.add(inner.low);
    } else {
      std::string text;
      append_field(text, field.ref);
      hasher.add(text);
    }
  }
}

}  // namespace

bool same_structure(const Graph& a, const Graph& b) {
  if (a.inputs().size() != b.inputs().size() || a.outputs().size() != b.outputs().size() ||
      a.nodes().size() != b.nodes().size() || a.requirements() != b.requirements())
    return false;
  std::unordered_map<const Value*, const Value*> pairs;
  for (size_t i = 0; i < a.inputs().size(); ++i) {
    if (!(a.inputs()[i]->type == b.inputs()[i]->type)) return false;
    pairs[a.inputs()[i]] = b.inputs()[i];
  }
  auto other = b.nodes().begin();
  for (const Node& node : a.nodes()) {
    const Node& twin = *other++;
    if (!(node.op == twin.op) || node.inputs.size() != twin.inputs.size() ||
        node.outputs.size() != twin.outputs.size())
      return false;
    for (size_t i = 0; i < node.inputs.size(); ++i)
      if (!same_value(node.inputs[i], twin.inputs[i], pairs)) return false;
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      if ((node.outputs[i] == nullptr) != (twin.outputs[i] == nullptr)) return false;
      if (node.outputs[i] == nullptr) continue;
      if (!(node.outputs[i]->type == twin.outputs[i]->type)) return false;
      pairs[node.outputs[i]] = twin.outputs[i];
    }
  }
  for (size_t i = 0; i < a.outputs().size(); ++i)
    if (!same_value(a.outputs()[i].value, b.outputs()[i].value, pairs)) return false;
  return true;
}

Hash fingerprint(const Graph& graph) {
  Hasher hasher;
  std::unordered_map<const Value*, uint64_t> numbers;
  const auto define = [&](const Value* value) {
    if (value == nullptr) return hasher.add(std::string_view("absent"));
    numbers.emplace(value, numbers.size());
    std::string text;
    append(text, value->type);
    hasher.add(text);
  };
  hasher.add(static_cast<uint64_t>(graph.inputs().size()));
  for (const Value* input : graph.inputs()) define(input);
  for (const Node& node : graph.nodes()) {
    hasher.add(node.op.name());
    hash_fields(node.op, hasher);
    hasher.add(static_cast<uint64_t>(node.inputs.size()));
    for (const Value* input : node.inputs) hash_value(input, numbers, hasher);
    hasher.add(static_cast<uint64_t>(node.outputs.size()));
    for (const Value* output : node.outputs) define(output);
  }
  for (const GraphOutput& output : graph.outputs()) hash_value(output.value, numbers, hasher);
  for (const Require& require : graph.requirements()) hasher.add(cat(require));
  return hasher.digest();
}

}  // namespace hone
