#pragma once
// Numbers of places along an axis, whose size may be open.

#include "import/mxnet/node_reader.hpp"

namespace hone::mxnet {

/// 0, 1, 2 ... as floats, as many as `axis` of input `i` has; axis -1: as all axes have together.
Value* positions(NodeReader& node, int i, int64_t axis);

}  // namespace hone::mxnet
