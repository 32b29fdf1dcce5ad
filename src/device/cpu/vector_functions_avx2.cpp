#include "device/cpu/vector_functions_micro.hpp"

namespace hone::cpu {

extern const VectorFunctions kVectorFunctionsAvx2;
const VectorFunctions kVectorFunctionsAvx2 = functions_of_vectors<8>();

}  // namespace hone::cpu
