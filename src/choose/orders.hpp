#pragma once
// In which order the axes of values lie in memory.

#include "choose/choose.hpp"

namespace hone {

/// Puts the channels of pictures innermost in memory where the kernels of all
/// that touches them take it and it is cheaper by estimate: values that meet in a node are decided
/// together. The nodes that touch them are chosen anew. What enters or leaves the graph stays
/// dense: the kernel beside it reads or writes it so.
void choose_orders(Choices& choices, const Graph& graph, const KernelRegistry& kernels,
                   const Conditions& conditions, Timing* timing = nullptr);

}  // namespace hone
