#pragma once
// What these processors can do at most, measured while others use them as well.

#include "device/cpu/isa.hpp"
#include "device/device.hpp"

namespace hone::cpu {

/// Multiply-adds of `workers` threads that wait for nothing, copies of what no cache holds. Takes
/// some tenths of a second.
Ceilings measured_ceilings(Isa isa, const Target& target, int workers);

}  // namespace hone::cpu
