#pragma once
// Two engines, or an engine and reference evaluation, value after value on the same inputs.

#include <memory>
#include <optional>
#include <vector>

#include "ir/graph.hpp"
#include "runtime/engine.hpp"

namespace hone {

/// One of the two that are compared.
struct RunnableOperand {
  std::shared_ptr<const Engine> engine;  // its outputs are those of the operand
  EngineOptions options;                 // that it was made with
  std::shared_ptr<const Graph> graph;  // what reference evaluation runs; null: what the engine does
};

/// A value of the first beside one of the second.
struct Compared {
  const Value *a, *b;
  Tensor first, second;
  bool is_output = false;
};

using InputShapes = std::vector<std::vector<int64_t>>;

/// What the engine runs at these sizes of its inputs: its typed graph, or where that is for others,
/// what it was made of.
const Graph& graph_at(const Engine& engine, const InputShapes& shapes);
/// Sizes of the inputs at which the engine runs the other one of the two; nullopt: it has but one,
/// or none were found. `shapes`: those at which it runs the first.
std::optional<InputShapes> shapes_of_other_graph(const Engine& engine, const InputShapes& shapes);

/// Values that both compute, in the order of the first one's nodes, then outputs that are among
/// none of them: every output is there, beside the one of its place. Outputs are what the engines
/// give as they are; the other values are given by graph_at() of the engines, planned again with
/// those values as outputs. `reference`: the second's by reference evaluation of its graph.
/// `inputs` by place. Error(accuracy) when they have other numbers of outputs.
std::vector<Compared> side_by_side(const RunnableOperand& first, const RunnableOperand& second,
                                   const std::vector<Tensor>& inputs, bool reference = false);

}  // namespace hone
