#include "device/cpu/element_loops_micro.hpp"

namespace hone::cpu {

extern const ElementLoops kElementLoopsGeneric;
const ElementLoops kElementLoopsGeneric = loops_of_elements();

}  // namespace hone::cpu
