#include "device/cpu/row_functions.hpp"
#include "device/cpu/rows_micro.hpp"

namespace hone::cpu {

extern const RowFunctions kRowsAvx512;
const RowFunctions kRowsAvx512 = row_functions<16>();

}  // namespace hone::cpu
