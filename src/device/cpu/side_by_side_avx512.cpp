#include "device/cpu/side_by_side_micro.hpp"

namespace hone::cpu {

typedef float Floats __attribute__((vector_size(64)));

extern const SideBySideFunctions kSideBySideAvx512;
const SideBySideFunctions kSideBySideAvx512 = SideBySide<Floats>::kFunctions;

}  // namespace hone::cpu
