#include "device/cpu/doubles.hpp"

#include "device/cpu/isa.hpp"

namespace hone::cpu {

// Defined in doubles_ISA.cpp, each compiled for its instruction set.
extern const DoubleFunctions kDoublesAvx512, kDoublesAvx2, kDoublesGeneric;

const DoubleFunctions& double_functions() {
  switch (isa()) {
    case Isa::avx512: return kDoublesAvx512;
    case Isa::avx2: return kDoublesAvx2;
    case Isa::generic: break;
  }
  return kDoublesGeneric;
}

}  // namespace hone::cpu
