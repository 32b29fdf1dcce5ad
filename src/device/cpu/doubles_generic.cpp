#include "device/cpu/doubles_micro.hpp"

namespace hone::cpu {

extern const DoubleFunctions kDoublesGeneric;
const DoubleFunctions kDoublesGeneric = functions_of_doubles<2>();

}  // namespace hone::cpu
