#pragma once
// Graphs of any size whose time to optimize must grow as they do.

#include <memory>
#include <string_view>
#include <vector>

#include "ir/graph.hpp"

namespace hone::test {

struct ScaleShape {
  std::string_view name;
  std::string_view about;
  std::unique_ptr<Graph> (*make)(int nodes);  // about so many
};

/// Long ones, wide ones, those that rules try in vain, those whose nodes become one.
const std::vector<ScaleShape>& scale_shapes();

}  // namespace hone::test
