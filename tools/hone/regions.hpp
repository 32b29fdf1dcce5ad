#pragma once
// The regions that fusion finds in a model, for people and for scripts.

#include <string>

#include "model_options.hpp"

namespace hone::cli {

/// What `hone inspect --regions` prints: how many steps are left and what they move, each region
/// with the layers in it, and why nodes joined no region. `shapes`: sizes of inputs.
std::string regions_text(const Graph& portable, const Shapes& shapes, const PassOptions& options);

}  // namespace hone::cli
