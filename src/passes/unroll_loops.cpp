// Loops of few turns, known in number, become their turns.

#include <algorithm>

#include "ir/structural.hpp"
#include "ops/layout.hpp"
#include "ops/shape.hpp"
#include "passes/clean.hpp"
#include "passes/inline_sized.hpp"
#include "passes/rewrite.hpp"

namespace hone {
namespace {

constexpr int64_t kMostTurns = 64;
constexpr int64_t kMostNodes = 512;  // of all turns together

std::optional<int64_t> number_of(const Value* value) {
  if (value == nullptr) return std::nullopt;
  if (value->known && value->known->size() == 1) return value->known->front().constant();
  if (value->is_literal() && value->weight->count() == 1) return value->weight->tensor().integer(0);
  return std::nullopt;
}

/// Turns that the loop makes whatever its operands are; nullopt: not known.
std::optional<int64_t> turns_of(const Node& node, const Loop& loop) {
  const auto limit = number_of(node.input(0));
  if (!limit || *limit < 0) return std::nullopt;
  if (node.input(1) != nullptr) {
    const auto begins = number_of(node.input(1));
    if (!begins) return std::nullopt;
    if (*begins == 0) return 0;
  }
  const Value* goes_on = loop.body->outputs().front().value;
  // The body may hand its condition on, which is true in every turn.
  if (goes_on == loop.body->inputs()[1]) return limit;
  const auto always = number_of(goes_on);
  return always && *always != 0 ? limit : std::nullopt;
}

using Names = std::set<std::string, std::less<>>;

/// Symbols whose definition goes with the node.
Names symbols_defined_by(const Graph& graph, const Node& node) {
  Names names;
  for (const auto& [name, definition] : symbol_definitions(graph))
    if (definition.value->producer == &node) names.insert(name);
  return names;
}

bool meets(const Names& a, const Names& b) {
  return std::any_of(a.begin(), a.end(), [&](const std::string& name) { return b.contains(name); });
}

/// Types are inferred anew, fields are not.
bool in_fields(const Graph& graph, const Names& names) {
  return !names.empty() &&
         std::any_of(graph.nodes().begin(), graph.nodes().end(), [&](const Node& node) {
           Names used;
           collect_symbols(node.op.fields(), used);
           return meets(used, names);
         });
}

void drop_requirements(Graph& graph, const Names& names) {
  const std::vector<Require> before = graph.requirements();
  graph.clear_requirements();
  for (const Require& require : before) {
    Names used;
    require.a.collect_symbols(used);
    require.b.collect_symbols(used);
    if (!meets(used, names)) graph.add_requirement(require);
  }
}

class Unrolling {
 public:
  Unrolling(Graph& graph, Node& node) : graph_(graph), node_(node) {}

  bool run() {
    const Loop* loop = node_.op.as<Loop>();
    const auto turns = turns_of(node_, *loop);
    const Graph& body = *loop->body;
    const auto states = static_cast<size_t>(loop->states);
    const bool stacks = node_.outputs.size() > states;
    if (!turns || *turns > kMostTurns || *turns * std::ssize(body.nodes()) > kMostNodes ||
        (*turns == 0 && stacks) || !sizes_are_of_inputs(body))
      return false;
    const Names symbols = symbols_defined_by(graph_, node_);
    if (in_fields(graph_, symbols)) return false;
    const Body kept = loop->body;  // the node goes
    // Without states and captures the condition is no operand either where it is absent.
    std::vector<Value*> carried(
        node_.inputs.begin() + std::min<std::ptrdiff_t>(2, std::ssize(node_.inputs)),
        node_.inputs.end());
    slices_.resize(node_.outputs.size());
    for (int64_t turn = 0; turn < *turns; ++turn) take_turn(*kept, turn, states, carried);
    for (size_t i = 0; i < node_.outputs.size(); ++i)
      if (node_.outputs[i] != nullptr)
        graph_.replace_uses(node_.outputs[i], i < states ? carried[i] : stacked(i));
    graph_.erase(&node_);
    if (!symbols.empty()) drop_requirements(graph_, symbols);
    return true;
  }

 private:
  void take_turn(const Graph& body, int64_t turn, size_t states, std::vector<Value*>& carried) {
    std::vector<Value*> inputs{one_element(body.inputs()[0], turn),
                               one_element(body.inputs()[1], 1)};
    inputs.insert(inputs.end(), carried.begin(), carried.end());
    const std::vector<Value*> results = inline_sized(graph_, body, inputs, &node_);
    for (size_t i = 1; i < results.size(); ++i) {
      if (i <= states) carried[i - 1] = results[i];
      else slices_[i - 1].push_back(results[i]);
    }
  }

  /// Of the dtype and rank that the body's input has.
  Value* one_element(const Value* input, int64_t number) {
    const Dims* dims = dims_of(input);
    Tensor tensor(*dtype_of(input), std::vector<int64_t>(dims == nullptr ? 0 : dims->size(), 1));
    tensor.set_integer(0, number);
    return add_literal(graph_, input->name, std::move(tensor));
  }

  Value* stacked(size_t output) {
    const std::string& name = node_.outputs[output]->name;
    std::vector<Value*> rows;
    for (Value* slice : slices_[output])
      rows.push_back(add_before(graph_, &node_, "unroll_loops", node_.origin,
                                Unsqueeze{Dims{Dim(0)}}, {slice}, name));
    return add_before(graph_, &node_, "unroll_loops", node_.origin, Concat{0}, std::move(rows),
                      name);
  }

  Graph& graph_;
  Node& node_;
  std::vector<std::vector<Value*>> slices_;
};

}  // namespace

bool unroll_loops(Graph& graph, const PassOptions& options) {
  bool changed = false;
  for (auto node = graph.nodes().begin(); node != graph.nodes().end();) {
    Node& current = *node++;
    if (current.op.as<Loop>() == nullptr || options.keep(current)) continue;
    changed |= Unrolling(graph, current).run();
  }
  return changed;
}

}  // namespace hone
