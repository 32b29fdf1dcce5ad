#include "device/cpu/vector_functions_micro.hpp"

namespace hone::cpu {

extern const VectorFunctions kVectorFunctionsAvx512;
const VectorFunctions kVectorFunctionsAvx512 = functions_of_vectors<16>();

}  // namespace hone::cpu
