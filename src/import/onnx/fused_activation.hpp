#pragma once
// The activation that a fused operator of com.microsoft names in its attributes.

#include <optional>
#include <vector>

#include "import/onnx/node_reader.hpp"

namespace hone::onnx {

struct FusedActivation {
  Op op;
  std::vector<Value*> operands;  // after the value itself
};

/// Reads `activation` and its numbers: from the list activation_params, or, where the operator has
/// none, from activation_alpha, activation_beta, activation_gamma. nullopt: there is none.
std::optional<FusedActivation> read_activation(NodeReader& node);

/// Emits `op` as ONNX output 0, the activation after it where there is one.
Value* emit_activated(NodeReader& node, Op op, std::vector<Value*> inputs,
                      const std::optional<FusedActivation>& activation);
/// The same as an intermediate value.
Value* activated(NodeReader& node, Op op, std::vector<Value*> inputs,
                 const std::optional<FusedActivation>& activation);

}  // namespace hone::onnx
