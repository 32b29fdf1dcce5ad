#include "device/cpu/vector_functions.hpp"

#include "device/cpu/isa.hpp"

namespace hone::cpu {

// Defined in vector_functions_ISA.cpp, each compiled for its instruction set.
extern const VectorFunctions kVectorFunctionsAvx512, kVectorFunctionsAvx2;

const VectorFunctions* vector_functions() {
  switch (isa()) {
    case Isa::avx512: return &kVectorFunctionsAvx512;
    case Isa::avx2: return &kVectorFunctionsAvx2;
    case Isa::generic: break;
  }
  return nullptr;
}

}  // namespace hone::cpu
