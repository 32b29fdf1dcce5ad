#include "device/problem.hpp"

#include "ir/structural.hpp"

namespace hone {

Ranges ranges_of(const Graph& body, const Ranges& all) {
  constexpr size_t kFew = 16;
  if (all.size() <= kFew) return all;
  std::set<std::string, std::less<>> names;
  for (const Value* input : body.inputs()) collect_symbols(input->type, names);
  for (const Node& node : body.nodes()) {
    collect_symbols(node.op, names);
    for (const Value* output : node.outputs)
      if (output != nullptr) collect_symbols(output->type, names);
  }
  Ranges ranges;
  for (const std::string& name : names)
    if (const auto found = all.find(name); found != all.end()) ranges.insert(*found);
  return ranges;
}

std::shared_ptr<const Problem> problem_of(const Graph& graph, const Node& node,
                                          const Share& share) {
  auto problem = std::make_shared<Problem>();
  problem->region = region_of(node);
  for (const Value* operand : region_operands(node)) problem->weights.push_back(operand->weight);
  problem->ranges = ranges_of(*problem->region.body, graph.ranges());
  problem->share = share;
  return problem;
}

}  // namespace hone
