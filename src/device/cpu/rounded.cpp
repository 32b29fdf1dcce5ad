#include "device/cpu/rounded.hpp"

#include "device/cpu/isa.hpp"

namespace hone::cpu {

// Defined in rounded_ISA.cpp, each compiled for its instruction set.
extern const RoundedFunctions kRoundedVnni, kRoundedAvx2, kRoundedGeneric;

const RoundedFunctions& rounded_functions() {
  if (has_vnni()) return kRoundedVnni;
  return isa() == Isa::generic ? kRoundedGeneric : kRoundedAvx2;
}

}  // namespace hone::cpu
