#include "device/cpu/fft_micro.hpp"

namespace hone::cpu {

extern const FftFunctions kFftAvx512;
const FftFunctions kFftAvx512{fft_stage<16>};

}  // namespace hone::cpu
