#pragma once
// Code for a contraction over a block of registers.

#include <functional>

#include "device/cpu/emit/assembler.hpp"
#include "ir/stages/expr.hpp"

namespace hone::cpu::emitter {

/// block[row, column] += sum over depth of a * b, f32. Places are offsets in elements, sums of
/// products of the axes' variables.
struct Product {
  int block = 0;              // where it lies in the frame, dense, as Assembler::new_block gave it
  int rows = 0, columns = 0;  // of the block
  Axis row, column, depth;    // extents may be less than the block
  Dim a, b;
  std::function<void()> a_base, b_base;  // rdx = the address of element 0
};

/// Rows times vectors of columns stay in registers while the depth is walked through: each turn
/// loads the columns of b and one element of a for each row. A row too many computes the last one
/// again; columns too many are masked. Throws Refusal: a block that the registers do not hold,
/// columns of b that lie apart.
void emit_product(Assembler& a, const Product& product);

}  // namespace hone::cpu::emitter
