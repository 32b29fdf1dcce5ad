#include "device/cpu/fft_micro.hpp"

namespace hone::cpu {

extern const FftFunctions kFftGeneric;
const FftFunctions kFftGeneric{fft_stage<4>};

}  // namespace hone::cpu
