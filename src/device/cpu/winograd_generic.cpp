#include "device/cpu/winograd_micro.hpp"

namespace hone::cpu {

extern const WinogradFunctions kWinograd_generic;
const WinogradFunctions kWinograd_generic = Winograd<4>::functions();

}  // namespace hone::cpu
