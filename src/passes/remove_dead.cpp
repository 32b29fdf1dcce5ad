#include "passes/pass.hpp"

namespace hone {

bool remove_dead(Graph& graph, const PassOptions&) { return graph.remove_unused(); }

}  // namespace hone
