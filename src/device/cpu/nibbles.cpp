#include "device/cpu/nibbles.hpp"

#include "device/cpu/isa.hpp"

namespace hone::cpu {

// Defined in nibbles_ISA.cpp, each compiled for its instruction set.
extern const NibbleFunctions kNibblesAvx512, kNibblesAvx2, kNibblesGeneric;

const NibbleFunctions& nibble_functions() {
  switch (isa()) {
    case Isa::avx512: return kNibblesAvx512;
    case Isa::avx2: return kNibblesAvx2;
    case Isa::generic: break;
  }
  return kNibblesGeneric;
}

}  // namespace hone::cpu
