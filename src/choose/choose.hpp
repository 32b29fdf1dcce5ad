#pragma once
// Which kernel runs a region: the cheapest by estimate among those that support it.

#include "device/choice.hpp"

namespace hone {

/// The least estimated time among the registry's kernels and their first tunings; ties go to the
/// first name. Error(unsupported) with every kernel's reason when none accepts.
Choice choose_by_estimate(const KernelRegistry& kernels, std::shared_ptr<const Problem> problem);

}  // namespace hone
