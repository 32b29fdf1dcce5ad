#pragma once
// Operators that have channels after the spatial axes become ops between two transposes.

#include "import/builder/node_builder.hpp"

namespace hone::builder {

/// From [batch, spatial..., channels] to [batch, channels, spatial...] and back.
Value* channels_first(NodeBuilder& node, Value* value, int rank);
Value* channels_last(NodeBuilder& node, Value* value, int rank);
/// The same, of the op's result: emits it as output 0.
Value* emit_channels_last(NodeBuilder& node, Value* value, int rank);

/// The rank of images: of input 0, else that of input `like` (-1: none), which has as many
/// axes. Leaves the node where neither is known or there is no spatial axis.
int image_rank(NodeBuilder& node, int like = -1);

}  // namespace hone::builder
