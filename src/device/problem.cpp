#include "device/problem.hpp"

namespace hone {

std::shared_ptr<const Problem> problem_of(const Graph& graph, const Node& node,
                                          const Share& share) {
  auto problem = std::make_shared<Problem>();
  problem->region = region_of(node);
  for (const Value* operand : region_operands(node)) problem->weights.push_back(operand->weight);
  problem->ranges = graph.ranges();
  problem->share = share;
  return problem;
}

}  // namespace hone
