#include "device/axis_orders.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "ir/dim/late_sizes.hpp"

namespace hone {

Dims strides_in(const std::vector<int>& order, const Dims& shape) {
  Dims strides(shape.size());
  Dim stride = 1;
  for (size_t i = order.size(); i-- > 0;) {
    const auto axis = static_cast<size_t>(order[i]);
    strides[axis] = stride;
    stride = stride * shape[axis];
  }
  return strides;
}

std::shared_ptr<const Problem> laid_out(std::shared_ptr<const Problem> problem, const Node& node,
                                        const AxisOrders& orders) {
  if (orders.empty()) return problem;
  std::shared_ptr<Problem> made;
  const auto lay = [&](const Value& value, auto layouts, size_t i) {
    const auto found = orders.find(value.name);
    if (found == orders.end()) return;
    if (made == nullptr) made = std::make_shared<Problem>(*problem);
    (*made.*layouts)[i].strides = strides_in(found->second, value.type.tensor().shape());
  };
  size_t input = 0, output = 0;
  for (const Value* operand : region_operands(node)) lay(*operand, &Problem::inputs, input++);
  for (const Value* result : node.outputs)
    if (result != nullptr) lay(*result, &Problem::outputs, output++);
  return made == nullptr ? problem : made;
}

std::string wrong_order(const Graph& graph, const AxisOrders& orders) {
  if (orders.empty()) return {};
  const LateSizes late(graph);
  for (const Node& node : graph.nodes())
    if (!late.runs_on_kernel(node)) return cat(describe(node), " is run by no kernel");
  for (const auto& [name, order] : orders) {
    const Value* value = graph.find(name);
    if (value == nullptr || value->producer == nullptr || graph.is_output(value))
      return cat("%", name, " is not made and used up within the graph");
    std::vector<int> axes = order;
    std::sort(axes.begin(), axes.end());
    const bool has_rank = value->type.is_tensor() && value->type.tensor().has_rank();
    bool all = has_rank && std::ssize(axes) == value->type.tensor().rank();
    for (size_t i = 0; i < axes.size(); ++i) all &= axes[i] == static_cast<int>(i);
    if (!all) return cat("%", name, " has not the axes ", join(order, ","));
  }
  return {};
}

}  // namespace hone
