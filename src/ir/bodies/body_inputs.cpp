#include "ir/bodies/body_inputs.hpp"

#include "ir/bodies/structural.hpp"

namespace hone {

std::vector<BodyInput> body_inputs(const Node& node, const Graph& body) {
  std::vector<BodyInput> found(body.inputs().size());
  const Loop* loop = node.op.as<Loop>();
  const Scan* scan = node.op.as<Scan>();
  for (size_t i = 0; i < found.size(); ++i) {
    const auto index = static_cast<int64_t>(i);
    if (loop != nullptr) {  // the turn's number and the condition come first
      if (i < 2) continue;
      found[i].operand = node.input(i);
      if (index - 2 < loop->states) found[i].state = index - 1;
    } else if (scan != nullptr) {
      found[i].operand = node.input(i);
      if (index < scan->states) found[i].state = index;
      else if (const auto at = static_cast<size_t>(index - scan->states);
               index - scan->states < scan->scanned)
        found[i].sliced = at < scan->input_axes.size() ? scan->input_axes[at] : 0;
    } else {  // a branch: the condition is no input of it
      found[i].operand = node.input(i + 1);
    }
  }
  return found;
}

}  // namespace hone
