#include "device/cpu/integer_winograd_micro.hpp"

namespace hone::cpu {

extern const WinogradFunctions kWinograd_avx2;
const WinogradFunctions kWinograd_avx2 = Winograd<8>::functions();
extern const IntegerWinogradFunctions kIntegerWinograd_avx2;
const IntegerWinogradFunctions kIntegerWinograd_avx2 = IntegerWinograd<8>::functions();

}  // namespace hone::cpu
