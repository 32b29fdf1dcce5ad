#include "ir/origins.hpp"

#include <algorithm>

namespace hone {

std::vector<std::string> origins_of(const std::vector<const Node*>& nodes) {
  std::vector<std::string> origins;
  for (const Node* node : nodes) {
    if (node == nullptr) continue;
    for (const std::string& origin : node->origin)
      if (std::find(origins.begin(), origins.end(), origin) == origins.end())
        origins.push_back(origin);
  }
  return origins;
}

}  // namespace hone
