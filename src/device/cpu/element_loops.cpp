#include "device/cpu/element_loops.hpp"

#include "device/cpu/isa.hpp"

namespace hone::cpu {

// Defined in element_loops_ISA.cpp, each compiled for its instruction set.
extern const ElementLoops kElementLoopsAvx512, kElementLoopsAvx2, kElementLoopsGeneric;

const ElementLoops& element_loops() {
  switch (isa()) {
    case Isa::avx512: return kElementLoopsAvx512;
    case Isa::avx2: return kElementLoopsAvx2;
    case Isa::generic: break;
  }
  return kElementLoopsGeneric;
}

}  // namespace hone::cpu
