#include "device/cpu/nibbles_micro.hpp"

namespace hone::cpu {

extern const NibbleFunctions kNibblesGeneric;
const NibbleFunctions kNibblesGeneric{multiply_nibble_rows<4, 2>, unpack_nibbles<4>};

}  // namespace hone::cpu
