#pragma once
// Ops that work element by element, as the passes that move data across them know them.

#include "ir/op.hpp"

namespace hone {

/// Every element of the result comes from the elements at its place of the operands, broadcast as
/// NumPy does; there is one result and no field that names an axis.
bool is_broadcasting(const Op& op);
/// The same, of one operand.
bool is_unary(const Op& op);

}  // namespace hone
