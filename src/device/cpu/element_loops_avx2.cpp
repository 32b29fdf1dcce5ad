#include "device/cpu/element_loops_micro.hpp"

namespace hone::cpu {

extern const ElementLoops kElementLoopsAvx2;
const ElementLoops kElementLoopsAvx2 = loops_of_elements();

}  // namespace hone::cpu
