#pragma once
// Views that covers left as steps of their own: the kernel behind one may read where it leads.

#include <functional>

#include "device/problem.hpp"

namespace hone {

/// Puts views whose only reader is one step into its region, where a kernel takes them together and
/// it is not dearer by estimate than both: what cutting leaves at the end of one region may begin
/// the next one. Only views that would be copies are worth it. `stays`: nodes that are left alone.
/// Leaves: a sorted graph; true: it changed.
bool take_views(Graph& graph, const KernelRegistry& kernels, const Conditions& conditions,
                const std::function<bool(const Node&)>& stays);

}  // namespace hone
