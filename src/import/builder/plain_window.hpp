#pragma once
// Windows as all importers spell them, so that one network is the same graph from every format.

#include "ops/common/window.hpp"

namespace hone::builder {

/// The window without what it would have anyway: strides and dilations of 1, no padding.
Window plain_window(Window window);

}  // namespace hone::builder
