#include "device/cpu/slide_micro.hpp"

namespace hone::cpu {

typedef float Floats __attribute__((vector_size(64)));

extern const SlideFunctions kSlideAvx512;
const SlideFunctions kSlideAvx512 = Sliding<Floats>::kFunctions;

}  // namespace hone::cpu
