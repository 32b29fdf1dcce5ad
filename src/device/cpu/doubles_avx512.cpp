#include "device/cpu/doubles_micro.hpp"

namespace hone::cpu {

extern const DoubleFunctions kDoublesAvx512;
const DoubleFunctions kDoublesAvx512 = functions_of_doubles<8>();

}  // namespace hone::cpu
