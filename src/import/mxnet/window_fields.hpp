#pragma once
// The geometry of windows as convolutions and poolings state it.

#include "import/mxnet/node_reader.hpp"
#include "ops/common/window.hpp"

namespace hone::mxnet {

/// Kernel, stride, padding and dilation for `axes` spatial axes; what says nothing is left empty,
/// but for the kernel. `layout` other than channels first: unsupported.
Window read_window(NodeReader& node, size_t axes);

/// Of an attribute with a number for each spatial axis: [batch, channels, spatial...], all open.
std::vector<int64_t> sizes_by_kernel(const Node& node);

/// Numbers for each spatial axis; `otherwise` where the attribute is absent.
std::vector<int64_t> per_axis(NodeReader& node, std::string_view name, size_t axes,
                              int64_t otherwise);

}  // namespace hone::mxnet
