#include "device/cpu/doubles_micro.hpp"

namespace hone::cpu {

extern const DoubleFunctions kDoublesAvx2;
const DoubleFunctions kDoublesAvx2 = functions_of_doubles<4>();

}  // namespace hone::cpu
