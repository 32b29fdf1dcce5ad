// Loops and scans of few turns, known in number, become their turns.

#include <algorithm>

#include "ir/bodies/structural.hpp"
#include "ops/layout.hpp"
#include "ops/shape.hpp"
#include "ops/slice.hpp"
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
  Names names, own;
  for (const Value* output : node.outputs)
    if (output != nullptr) collect_symbols(output->type, own);
  if (own.empty()) return names;
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

/// What Loop and Scan share, and where their parts stand.
struct Turns {
  Body body;
  std::optional<int64_t> count;
  size_t states = 0, first_state = 0, scanned = 0;  // operands; captures follow
  size_t first_output = 0;                          // of the body, that is a result of the node
};

int64_t entry(const std::vector<int64_t>& list, size_t i) { return list.empty() ? 0 : list[i]; }

/// The size that every scanned operand has along its axis.
std::optional<int64_t> turns_of(const Node& node, const Scan& scan) {
  const auto first = static_cast<size_t>(scan.states);
  const Dims* dims = dims_of(node.inputs[first]);
  if (dims == nullptr) return std::nullopt;
  const int64_t axis = entry(scan.input_axes, 0);
  return (*dims)[static_cast<size_t>(axis < 0 ? axis + std::ssize(*dims) : axis)].constant();
}

std::optional<Turns> turns_of(const Node& node) {
  if (const auto* loop = node.op.as<Loop>())
    return Turns{loop->body, turns_of(node, *loop), static_cast<size_t>(loop->states), 2, 0, 1};
  if (const auto* scan = node.op.as<Scan>())
    return Turns{scan->body,
                 turns_of(node, *scan),
                 static_cast<size_t>(scan->states),
                 0,
                 static_cast<size_t>(scan->scanned),
                 0};
  return std::nullopt;
}

class Unrolling {
 public:
  Unrolling(Graph& graph, Node& node, Turns turns)
      : graph_(graph), node_(node), turns_(std::move(turns)) {
    if (const auto* scan = node.op.as<Scan>()) scan_ = *scan;
  }

  bool run() {
    const auto count = turns_.count;
    const Graph& body = *turns_.body;
    const bool stacks = node_.outputs.size() > turns_.states;
    if (!count || *count > kMostTurns || *count * std::ssize(body.nodes()) > kMostNodes ||
        (*count == 0 && stacks) || !sizes_are_of_inputs(body))
      return false;
    const Names symbols = symbols_defined_by(graph_, node_);
    if (in_fields(graph_, symbols)) return false;
    // Without states and captures the condition is no operand either where it is absent.
    for (size_t i = turns_.first_state; i < node_.inputs.size(); ++i) {
      const size_t place = i - turns_.first_state;
      auto& kind = place < turns_.states                    ? states_
                   : place < turns_.states + turns_.scanned ? scanned_
                                                            : captures_;
      kind.push_back(node_.inputs[i]);
    }
    slices_.resize(node_.outputs.size());
    Inlined turns(graph_, node_);
    for (int64_t turn = 0; turn < *count; ++turn) {
      if (take_turn(turn)) continue;
      turns.take_back();
      return false;
    }
    for (size_t i = 0; i < node_.outputs.size(); ++i)
      if (node_.outputs[i] != nullptr)
        graph_.replace_uses(node_.outputs[i], i < turns_.states ? states_[i] : stacked(i));
    graph_.erase(&node_);
    if (!symbols.empty()) drop_requirements(graph_, symbols);
    return true;
  }

 private:
  /// false: a size would be too long to write.
  bool take_turn(int64_t turn) {
    const Graph& body = *turns_.body;
    std::vector<Value*> inputs;
    if (turns_.first_state == 2)
      inputs = {one_element(body.inputs()[0], turn), one_element(body.inputs()[1], 1)};
    inputs.insert(inputs.end(), states_.begin(), states_.end());
    for (size_t i = 0; i < scanned_.size(); ++i) inputs.push_back(slice(i, turn));
    inputs.insert(inputs.end(), captures_.begin(), captures_.end());
    const auto results = inline_sized(graph_, body, inputs, &node_);
    if (!results) return false;
    for (size_t i = turns_.first_output; i < results->size(); ++i) {
      const size_t result = i - turns_.first_output;
      if (result < turns_.states) states_[result] = (*results)[i];
      else slices_[result].push_back((*results)[i]);
    }
    return true;
  }

  /// Of the dtype and rank that the body's input has.
  Value* one_element(const Value* input, int64_t number) {
    const Dims* dims = dims_of(input);
    Tensor tensor(*dtype_of(input), std::vector<int64_t>(dims == nullptr ? 0 : dims->size(), 1));
    tensor.set_integer(0, number);
    return add_literal(graph_, input->name, std::move(tensor));
  }

  /// What the turn sees of a scanned operand.
  Value* slice(size_t i, int64_t turn) {
    const Dim axis = entry(scan_.input_axes, i);
    const int64_t at = entry(scan_.input_directions, i) == 0 ? turn : *turns_.count - 1 - turn;
    const std::string& name = turns_.body->inputs()[turns_.states + i]->name;
    Value* cut = add(Slice{Dims{Dim(at)}, Dims{Dim(at + 1)}, Dims{axis}}, {scanned_[i]}, name);
    return add(Squeeze{Dims{axis}}, {cut}, name);
  }

  Value* stacked(size_t output) {
    const std::string& name = node_.outputs[output]->name;
    const size_t i = output - turns_.states;
    const int64_t axis = entry(scan_.output_axes, i);
    if (entry(scan_.output_directions, i) != 0)
      std::reverse(slices_[output].begin(), slices_[output].end());
    std::vector<Value*> rows;
    for (Value* slice : slices_[output])
      rows.push_back(add(Unsqueeze{Dims{Dim(axis)}}, {slice}, name));
    return add(Concat{axis}, std::move(rows), name);
  }

  Value* add(Op op, std::vector<Value*> inputs, const std::string& name) {
    return add_before(graph_, &node_, "unroll_loops", node_.origin, std::move(op),
                      std::move(inputs), name);
  }

  Graph& graph_;
  Node& node_;
  Turns turns_;
  Scan scan_;  // of a Loop: lists that say 0
  std::vector<Value*> states_, scanned_, captures_;
  std::vector<std::vector<Value*>> slices_;
};

}  // namespace

bool unroll_loops(Graph& graph, const PassOptions& options) {
  bool changed = false;
  for (auto node = graph.nodes().begin(); node != graph.nodes().end();) {
    Node& current = *node++;
    auto turns = turns_of(current);
    if (!turns || options.keep(current)) continue;
    changed |= Unrolling(graph, current, *std::move(turns)).run();
  }
  return changed;
}

}  // namespace hone
