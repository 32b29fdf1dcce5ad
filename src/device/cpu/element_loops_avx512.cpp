#include "device/cpu/element_loops_micro.hpp"

namespace hone::cpu {

extern const ElementLoops kElementLoopsAvx512;
const ElementLoops kElementLoopsAvx512 = loops_of_elements();

}  // namespace hone::cpu
