#include "device/cpu/winograd_micro.hpp"

namespace hone::cpu {

extern const WinogradFunctions kWinograd_avx512;
const WinogradFunctions kWinograd_avx512 = Winograd<16>::functions();

}  // namespace hone::cpu
