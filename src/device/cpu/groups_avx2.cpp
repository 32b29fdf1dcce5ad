#include "device/cpu/groups_micro.hpp"

namespace hone::cpu {

extern const GroupFunctions kGroupsAvx2;
const GroupFunctions kGroupsAvx2 = kGroupFunctions;

}  // namespace hone::cpu
