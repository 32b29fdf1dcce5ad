#include "device/cpu/groups_micro.hpp"

namespace hone::cpu {

extern const GroupFunctions kGroupsAvx512;
const GroupFunctions kGroupsAvx512 = kGroupFunctions;

}  // namespace hone::cpu
