#include "import/tensorflow/edge.hpp"

#include "base/error.hpp"
#include "base/text.hpp"
#include "import/report.hpp"

namespace hone::tensorflow {

Edge parse_edge(std::string_view text) {
  Edge edge;
  edge.is_control = text.starts_with('^');
  edge.node = edge.is_control ? text.substr(1) : text;
  const size_t first = edge.node.find(':');
  if (first == std::string_view::npos) return edge;
  std::string_view rest = edge.node.substr(first + 1);
  edge.node = edge.node.substr(0, first);
  if (const size_t second = rest.find(':'); second != std::string_view::npos) {
    edge.port = rest.substr(0, second);
    rest = rest.substr(second + 1);
  }
  const auto index = parse_int(rest);
  check(index && *index >= 0 && *index < (1 << 14) && !edge.node.empty(), Code::invalid_model,
        "reads \"", shown(text), "\", which names no result of a node");
  edge.index = *index;
  return edge;
}

}  // namespace hone::tensorflow
