#pragma once
// Gathering along an axis, in which leading axes of data and indices go together.

#include "import/builder/node_builder.hpp"

namespace hone::builder {

/// data [batches..., ..., axis, ...] at indices [batches..., places...] (i64):
/// [batches..., ..., places..., ...].
Value* gather_in_batches(NodeBuilder& node, Value* data, Value* indices, int64_t axis,
                         int64_t batches);

}  // namespace hone::builder
