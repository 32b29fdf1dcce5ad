#pragma once
// A plan run on the null device: what would be enqueued where, with which addresses.

#include "device/null/device.hpp"
#include "plan/streams.hpp"

namespace hone {

/// Enqueues every step of the plan, whichever kernels it names, on as many streams as it has: waits
/// and events, and launches labelled with the step. Operands and results that lie in the arena have
/// addresses, `kArenaAddress` on; what a size only running tells may take is its whole room. What
/// is no kernel's work (sizes, control flow) is a launch of its stream; steps whose results are in
/// place only wait.
void rehearse(const Graph& graph, const Plan& plan, const Layout& layout,
              const Placement& placement, null::Device& device);

inline constexpr uintptr_t kArenaAddress = uintptr_t{1} << 32;

}  // namespace hone
