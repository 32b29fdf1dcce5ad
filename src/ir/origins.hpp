#pragma once

#include <string>
#include <vector>

#include "ir/graph.hpp"

namespace hone {

/// The origins of all of these nodes, each once, in order; null ones are passed over.
std::vector<std::string> origins_of(const std::vector<const Node*>& nodes);

}  // namespace hone
