#include "device/cpu/side_by_side_micro.hpp"

namespace hone::cpu {

typedef float Floats __attribute__((vector_size(16)));

extern const SideBySideFunctions kSideBySideGeneric;
const SideBySideFunctions kSideBySideGeneric = SideBySide<Floats>::kFunctions;

}  // namespace hone::cpu
