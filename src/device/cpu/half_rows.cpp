#include "device/cpu/half_rows.hpp"

#include "device/cpu/isa.hpp"

namespace hone::cpu {

// Defined in half_rows_ISA.cpp, each compiled for its instruction set.
extern const HalfFunctions kHalvesAvx512, kHalvesAvx2;

const HalfFunctions* half_functions() {
  switch (isa()) {
    case Isa::avx512: return &kHalvesAvx512;
    case Isa::avx2: return &kHalvesAvx2;
    case Isa::generic: break;
  }
  return nullptr;
}

}  // namespace hone::cpu
