#include "device/cpu/slide_micro.hpp"

namespace hone::cpu {

typedef float Floats __attribute__((vector_size(16)));
typedef int Ints __attribute__((vector_size(16)));

extern const SlideFunctions kSlideGeneric;
const SlideFunctions kSlideGeneric = Sliding<Floats, Ints>::kFunctions;

}  // namespace hone::cpu
