#include "device/cpu/row_functions.hpp"
#include "device/cpu/rows_micro.hpp"

namespace hone::cpu {

extern const RowFunctions kRowsAvx2;
const RowFunctions kRowsAvx2 = row_functions<8>();

}  // namespace hone::cpu
