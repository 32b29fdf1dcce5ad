#include "device/cpu/slide_micro.hpp"

namespace hone::cpu {

typedef float Floats __attribute__((vector_size(32)));

extern const SlideFunctions kSlideAvx2;
const SlideFunctions kSlideAvx2 = Sliding<Floats>::kFunctions;

}  // namespace hone::cpu
