#pragma once
// "node", "node:1", "^node"; within functions "argument", "node:port:1".

#include <cstdint>
#include <string_view>

namespace hone::tensorflow {

struct Edge {
  std::string_view node, port;
  int64_t index = 0;  // within the port
  bool is_control = false;
};

/// Error(invalid_model): it is none.
Edge parse_edge(std::string_view text);

}  // namespace hone::tensorflow
