#pragma once
// Sizes as nodes that compute them from the shapes of values.

#include "import/builder/node_builder.hpp"

namespace hone::pytorch {

/// The size as an i64 tensor without axes. Leaves the node where no value of the graph has a symbol
/// of it as a dimension.
Value* dim_value(builder::NodeBuilder& node, const Dim& dim);
/// The same of several, as an i64 vector.
Value* dims_value(builder::NodeBuilder& node, const Dims& dims);

}  // namespace hone::pytorch
