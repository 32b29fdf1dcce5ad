#include "device/cpu/groups.hpp"

#include "device/cpu/integer_chain.hpp"

namespace hone::cpu {

// Defined in groups_ISA.cpp, each compiled for its instruction set.
extern const GroupFunctions kGroupsAvx512, kGroupsAvx2, kGroupsGeneric;

const GroupFunctions& group_functions() {
  switch (isa()) {
    case Isa::avx512: return kGroupsAvx512;
    case Isa::avx2: return kGroupsAvx2;
    case Isa::generic: break;
  }
  return kGroupsGeneric;
}

}  // namespace hone::cpu
