#include "device/cpu/bytes.hpp"

#include "device/cpu/isa.hpp"

namespace hone::cpu {

// Defined in bytes_ISA.cpp, each compiled for its instruction set.
extern const ByteFunctions kBytesAvx512, kBytesAvx2, kBytesGeneric;

const ByteFunctions& byte_functions() {
  switch (isa()) {
    case Isa::avx512: return kBytesAvx512;
    case Isa::avx2: return kBytesAvx2;
    case Isa::generic: break;
  }
  return kBytesGeneric;
}

}  // namespace hone::cpu
