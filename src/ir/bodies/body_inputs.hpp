#pragma once
// What the inputs of a body of control flow stand for.

#include <optional>
#include <vector>

#include "ir/graph.hpp"

namespace hone {

struct BodyInput {
  const Value* operand = nullptr;  // of the node; null: a scalar that every turn makes
  int64_t state = -1;              // the body's output that the next turn gets; -1: none
  std::optional<int64_t> sliced;   // the axis that turns go along
  /// The operand itself, in every turn.
  bool is_captured() const { return operand != nullptr && state < 0 && !sliced; }
};

/// Of each input of `body`, which is one of the node's.
std::vector<BodyInput> body_inputs(const Node& node, const Graph& body);

}  // namespace hone
