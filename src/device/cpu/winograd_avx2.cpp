#include "device/cpu/winograd_micro.hpp"

namespace hone::cpu {

extern const WinogradFunctions kWinograd_avx2;
const WinogradFunctions kWinograd_avx2 = Winograd<8>::functions();

}  // namespace hone::cpu
