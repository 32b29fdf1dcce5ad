#pragma once
// The element type that operands of different ones are computed in.

#include <initializer_list>

#include "import/pytorch/call.hpp"

namespace hone::pytorch {

/// Of two types of elements alone.
DType joined(DType a, DType b);
/// What tensors and numbers are computed in: tensors with axes count before those without, and
/// these before numbers, but for what is of a higher category (bool, int, float, complex).
DType promoted(Call& call, const std::vector<Item>& operands);
DType promoted(Call& call, std::initializer_list<std::string_view> names);
/// The same, and f32 where that is no float.
DType promoted_float(Call& call, std::initializer_list<std::string_view> names);
/// The tensor as floats: as it is, else in f32.
Value* as_floats(Call& call, std::string_view name);

}  // namespace hone::pytorch
