#pragma once
// Instructions that multiply halves by warpgroups, compute capability 9.0, as text: one is written
// for every number of columns, for it names each of its sums.

#include <string>

#include "device/cuda/emit/half_product.hpp"

namespace hone::cuda::emitter {

/// Function multiply_add(sums, a, b, add): one instruction, of 64 rows, `columns` columns and 16 of
/// the depth. `turned`: of b, columns lie side by side.
std::string warpgroup_instruction(int columns, bool bf16, bool turned = false);

/// The same of integers of 8 bits, 32 of the depth.
std::string warpgroup_instruction_of_integers(int columns, bool signed_a, bool signed_b);
/// What texts of the product begin with; `columns` of an instruction of warpgroups, 0: there are
/// none.
std::string product_text(const HalfProduct& product, int columns, bool turned = false);

/// Function multiply_add_rows(sums, a, b): the same where a warp has its 16 rows of a in registers,
/// as mma.sync takes them, and b's columns lie side by side.
std::string warpgroup_instruction_of_registers(int columns, bool bf16);

}  // namespace hone::cuda::emitter
