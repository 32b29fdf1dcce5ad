#include "device/cpu/groups_micro.hpp"

namespace hone::cpu {

extern const GroupFunctions kGroupsGeneric;
const GroupFunctions kGroupsGeneric = kGroupFunctions;

}  // namespace hone::cpu
