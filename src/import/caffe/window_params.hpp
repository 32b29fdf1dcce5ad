#pragma once
// The geometry of windows as convolutions and poolings state it.

#include "import/caffe/layer_reader.hpp"
#include "ops/common/window.hpp"

namespace hone::caffe {

/// Kernel, stride, padding and dilation for the spatial axes of bottom 0; what says nothing is left
/// empty, but for the kernel.
Window read_window(LayerReader& layer, Params& params);

}  // namespace hone::caffe
