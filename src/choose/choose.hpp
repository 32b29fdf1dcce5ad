#pragma once
// Which kernel runs a region: the cheapest by estimate among those that accept it.

#include "device/chosen.hpp"
#include "device/device.hpp"
#include "device/problem.hpp"
#include "ir/graph.hpp"

namespace hone {

/// The least estimated time among the registry's kernels and their first tunings; ties go to the
/// first name. Error(unsupported) with every kernel's reason when none accepts.
Chosen choose_by_estimate(const KernelRegistry& kernels, std::shared_ptr<const Problem> problem);

/// Called for each choice.
using OnChoice = std::function<void()>;

/// Decides every node of the graph that a kernel runs, and those of the bodies of its control flow.
Choices choose(const Graph& graph, const KernelRegistry& kernels, const Conditions& conditions,
               const OnChoice& each = nullptr);

}  // namespace hone
