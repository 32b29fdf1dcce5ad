#pragma once
// How the operands and results of a region lie in memory.

#include <map>
#include <set>

#include "device/kernel.hpp"

namespace hone::cuda::emitter {

/// Of values that are not dense: from one element to the next along each axis.
using Strides = std::map<const Value*, Dims>;

Strides strides_of(const Problem& problem);

/// Inputs and outputs whose addresses may be no multiples of 16: nothing reads or writes 16 bytes
/// of them at a time. Those of constants are.
std::set<const Value*> loose_values(const Problem& problem);

/// Of a value of this shape, dense or not.
Dims strides_of(const Value* value, const Dims& shape, const Strides& strides);

/// The axis whose elements lie side by side; -1: there is none.
int innermost(const Value* value, const Dims& shape, const Strides& strides);

}  // namespace hone::cuda::emitter
