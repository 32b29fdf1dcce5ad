#pragma once

#include "import/onnx/node_reader.hpp"
#include "ops/common/window.hpp"

namespace hone::onnx {

/// Reads kernel_shape, strides, dilations, pads and auto_pad. What says nothing (strides of 1, pads
/// of 0) is left empty; so is a kernel_shape that repeats the sizes of ONNX input `weight` (-1: the
/// op has no weight).
Window read_window(NodeReader& node, int weight = -1);

}  // namespace hone::onnx
