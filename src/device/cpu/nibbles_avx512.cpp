#include "device/cpu/nibbles_micro.hpp"

namespace hone::cpu {

extern const NibbleFunctions kNibblesAvx512;
const NibbleFunctions kNibblesAvx512{multiply_nibble_rows<16, 8>, unpack_nibbles<16>};

}  // namespace hone::cpu
