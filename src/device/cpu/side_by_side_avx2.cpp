#include "device/cpu/side_by_side_micro.hpp"

namespace hone::cpu {

typedef float Floats __attribute__((vector_size(32)));

extern const SideBySideFunctions kSideBySideAvx2;
const SideBySideFunctions kSideBySideAvx2 = SideBySide<Floats>::kFunctions;

}  // namespace hone::cpu
