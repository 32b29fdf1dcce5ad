#include "device/cpu/rows.hpp"

#include <algorithm>

namespace hone::cpu {

// Defined in rows_ISA.cpp, each compiled for its instruction set.
extern const RowFunctions kRowsAvx512, kRowsAvx2, kRowsGeneric;

const RowFunctions& row_functions() {
  switch (isa()) {
    case Isa::avx512: return kRowsAvx512;
    case Isa::avx2: return kRowsAvx2;
    case Isa::generic: break;
  }
  return kRowsGeneric;
}

double long_sum(const RowFunctions& rows, long count, const float* from) {
  double total = 0;
  for (long i = 0; i < count; i += kSumBlock)
    total += static_cast<double>(rows.sum(std::min(kSumBlock, count - i), from + i));
  return total;
}

double long_squares(const RowFunctions& rows, long count, float center, const float* from) {
  double total = 0;
  for (long i = 0; i < count; i += kSumBlock)
    total += static_cast<double>(rows.squares(std::min(kSumBlock, count - i), center, from + i));
  return total;
}

}  // namespace hone::cpu
