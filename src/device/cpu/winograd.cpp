#include "device/cpu/winograd.hpp"
#include "device/cpu/isa.hpp"

namespace hone::cpu {

extern const WinogradFunctions kWinograd_generic, kWinograd_avx2, kWinograd_avx512;

const WinogradFunctions& winograd_functions() {
  switch (isa()) {
    case Isa::avx512: return kWinograd_avx512;
    case Isa::avx2: return kWinograd_avx2;
    case Isa::generic: break;
  }
  return kWinograd_generic;
}

}  // namespace hone::cpu
