#pragma once
// Functions over rows of f32 for the instruction set in use: the transcendental ones as polynomials
// (1 to 3 ulp, see tests/device/rows_test.cpp), and the sums that normalizations need. Rows may
// have any alignment; `to` may be `from`. Sums are over a fixed order of lanes: the same bits every
// time.

#include "device/cpu/isa.hpp"
#include "device/cpu/row_functions.hpp"

namespace hone::cpu {

/// Those of isa().
const RowFunctions& row_functions();

/// Of rows longer than kSumBlock: blocks of f32 sums, added in double.
inline constexpr long kSumBlock = 4096;
double long_sum(const RowFunctions& rows, long count, const float* from);
double long_squares(const RowFunctions& rows, long count, float center, const float* from);

}  // namespace hone::cpu
