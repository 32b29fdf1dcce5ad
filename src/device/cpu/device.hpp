#pragma once

#include "device/device.hpp"

namespace hone::cpu {

/// The processors of this machine, with the instruction set that isa() says now.
std::shared_ptr<hone::Device> open();

/// What this folder's estimates assume of a machine with this instruction set.
Target target_of(std::string_view isa);

}  // namespace hone::cpu
