#include "device/cpu/nibbles_micro.hpp"

namespace hone::cpu {

extern const NibbleFunctions kNibblesAvx2;
const NibbleFunctions kNibblesAvx2{multiply_nibble_rows<8, 3>, unpack_nibbles<8>};

}  // namespace hone::cpu
