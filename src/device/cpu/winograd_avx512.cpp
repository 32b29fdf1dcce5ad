#include "device/cpu/integer_winograd_micro.hpp"

namespace hone::cpu {

extern const WinogradFunctions kWinograd_avx512;
const WinogradFunctions kWinograd_avx512 = Winograd<16>::functions();
extern const IntegerWinogradFunctions kIntegerWinograd_avx512;
const IntegerWinogradFunctions kIntegerWinograd_avx512 = IntegerWinograd<16>::functions();

}  // namespace hone::cpu
