#include "device/cpu/slide_micro.hpp"

namespace hone::cpu {

typedef float Floats __attribute__((vector_size(16)));

extern const SlideFunctions kSlideGeneric;
const SlideFunctions kSlideGeneric = Sliding<Floats>::kFunctions;

}  // namespace hone::cpu
