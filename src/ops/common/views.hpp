#pragma once
// Index maps of ops that only move elements.

#include "ir/stages/stages.hpp"

namespace hone {

/// Where element [i.0, i.1, ...] of a tensor of `result` dims lies in a tensor of `operand` dims
/// with the same elements in row-major order.
Dims reshape_map(const Dims& operand, const Dims& result);

/// Result 0 is operand 0 under another shape.
void express_reshape(Expression& e);

}  // namespace hone
