#pragma once
// Values whose axes lie in memory in another order than in their types.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "device/kernel.hpp"

namespace hone {

/// By the names of a graph's values: their axes, from the outermost in memory to the innermost. All
/// other values are dense: the last axis is the innermost.
using AxisOrders = std::map<std::string, std::vector<int>, std::less<>>;

/// From one element to the next along each axis, in elements, where nothing lies between them.
Dims strides_in(const std::vector<int>& order, const Dims& shape);

/// The node's problem with the strides of its operands and results; the same one where all of them
/// are dense.
std::shared_ptr<const Problem> laid_out(std::shared_ptr<const Problem> problem, const Node& node,
                                        const AxisOrders& orders);

/// Nobody but kernels may see the bytes of such a value. In words, the first of the orders that
/// says something else of this graph; empty: none does.
std::string wrong_order(const Graph& graph, const AxisOrders& orders);

}  // namespace hone
