#include "device/cpu/row_functions.hpp"
#include "device/cpu/rows_micro.hpp"

namespace hone::cpu {

extern const RowFunctions kRowsGeneric;
const RowFunctions kRowsGeneric = row_functions<4>();

}  // namespace hone::cpu
