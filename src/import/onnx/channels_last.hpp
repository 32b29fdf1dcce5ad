#pragma once
// Operators that have channels after the spatial axes become ops between two transposes.

#include "import/onnx/node_reader.hpp"

namespace hone::onnx {

/// From [batch, spatial..., channels] to [batch, channels, spatial...] and back.
Value* channels_first(NodeReader& node, Value* value, int rank);
/// The same, of the op's result: emits it as ONNX output 0.
Value* emit_channels_last(NodeReader& node, Value* value, int rank);

/// The rank of images: of ONNX input 0, else that of input `like` (-1: none), which has as many
/// axes. Leaves the node where neither is known or there is no spatial axis.
int image_rank(NodeReader& node, int like = -1);

}  // namespace hone::onnx
