#pragma once
// The angle of a point, in (-pi, pi].

#include "import/builder/node_builder.hpp"

namespace hone::builder {

/// atan2(y, x) of two tensors of one type of floats; 0 where both are 0.
Value* angle(NodeBuilder& node, Value* y, Value* x);

}  // namespace hone::builder
