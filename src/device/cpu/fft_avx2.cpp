#include "device/cpu/fft_micro.hpp"

namespace hone::cpu {

extern const FftFunctions kFftAvx2;
const FftFunctions kFftAvx2{fft_stage<8>};

}  // namespace hone::cpu
