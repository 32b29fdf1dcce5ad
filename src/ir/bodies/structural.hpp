#pragma once
// The ops that hold graphs: the only ones that core files name.

#include <functional>
#include <unordered_map>

#include "ir/graph.hpp"

namespace hone {

/// Runs body number `body` of a control flow op on these inputs: its outputs.
using RunBody = std::function<std::vector<Tensor>(size_t body, const std::vector<Tensor>& inputs)>;

/// One of two closed bodies, by a bool scalar. Operands: the condition, then what the bodies'
/// inputs stand for (both bodies take the same list). Results: the taken body's outputs.
struct If {
  static constexpr std::string_view kName = "If";
  static constexpr Arity kInputs{1, Arity::kMany};
  static constexpr Arity kOutputs{1, Arity::kMany};
  Body then_branch, else_branch;
  void fields(FieldList& f) const { f("then_branch", then_branch), f("else_branch", else_branch); }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void run(Evaluation& c, const RunBody& run_body) const;
};

/// A body over and over. Operands: how often at most (an integer, absent: no limit), whether at all
/// (a bool, absent: true), `states` initial values, then captures. The body takes the number of the
/// turn, the condition, the states and the captures, and gives whether to go on, the next states,
/// and what every turn adds to the other results. Results: the last states, then each of those
/// stacked along a new first axis. (Source: ONNX Loop; a condition that the body gives counts also
/// where the node has none.)
struct Loop {
  static constexpr std::string_view kName = "Loop";
  static constexpr Arity kInputs{0, Arity::kMany};
  static constexpr Arity kOutputs{1, Arity::kMany};
  static constexpr bool kPure = false;  // it may not end: nothing runs it ahead of time
  Body body;
  int64_t states = 0;
  void fields(FieldList& f) const { f("body", body), f("states", states); }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void run(Evaluation& c, const RunBody& run_body) const;
};

/// A body for every place along an axis of the scanned operands. Operands: `states` initial values,
/// `scanned` tensors, then captures. The body takes the states, one slice of each scanned operand
/// and the captures, and gives the next states and a slice of every other result. Results: the last
/// states, then the slices stacked. Lists have one entry for each scanned operand or stacked
/// result; an empty list: all 0. `input_directions`, `output_directions`: 1 goes backwards.
/// (Source: ONNX Scan.)
struct Scan {
  static constexpr std::string_view kName = "Scan";
  static constexpr Arity kInputs{1, Arity::kMany};
  static constexpr Arity kOutputs{1, Arity::kMany};
  static constexpr bool kPure = false;  // as Loop: a step, not something to compute ahead
  Body body;
  int64_t states = 0;
  int64_t scanned = 1;
  std::vector<int64_t> input_axes, output_axes, input_directions, output_directions;
  void fields(FieldList& f) const {
    f("body", body), f("states", states), f("scanned", scanned), f("input_axes", input_axes);
    f("output_axes", output_axes), f("input_directions", input_directions);
    f("output_directions", output_directions);
  }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void run(Evaluation& c, const RunBody& run_body) const;
};

/// The closed bodies of control flow, in the order that RunBody numbers them: then and else of an
/// If, the body of a Loop or Scan. None: another op.
std::vector<Body> control_bodies(const Op& op);
/// Evaluates control flow; bodies are run by `run_body`.
void run_control(const Op& op, Evaluation& c, const RunBody& run_body);

/// A fused region: an ordinary graph that shares the surrounding graph's symbols. Operands and
/// results are the body's inputs and outputs. `cuts`: names of values of the body where cutting the
/// region in two is cheaper than elsewhere.
struct Fused {
  static constexpr std::string_view kName = "Fused";
  static constexpr Arity kInputs{0, Arity::kMany};
  static constexpr Arity kOutputs{1, Arity::kMany};
  Body body;
  std::vector<std::string> cuts;
  void fields(FieldList& f) const { f("body", body), f("cuts", cuts); }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
};

/// Symbols in the op's fields; of a region, in its whole body, which shares the graph's symbols.
void collect_symbols(const Op& op, std::set<std::string, std::less<>>& names);

using Replacement = std::function<std::optional<Dim>(std::string_view)>;
/// The op with the symbols in its fields replaced; in a region's body too, but not in other bodies,
/// which have symbols of their own.
Op substitute(const Op& op, const Replacement& replacement);

/// Copies the nodes and constants of a body into `graph` (before `before`; null: at the end),
/// reading `inputs` for the body's inputs. Where each of the body's values is there. Types are the
/// caller's business.
std::unordered_map<const Value*, Value*> copy_body(Graph& graph, const Graph& body,
                                                   const std::vector<Value*>& inputs,
                                                   Node* before = nullptr);

/// The same; the body's outputs there. Types are inferred by the caller.
std::vector<Value*> inline_body(Graph& graph, const Graph& body, const std::vector<Value*>& inputs,
                                Node* before = nullptr);

void register_structural(OpRegistry& registry);

}  // namespace hone
