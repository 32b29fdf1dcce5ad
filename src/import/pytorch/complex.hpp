#pragma once
// Complex numbers. A graph has none: a tensor of them is held as pairs of real numbers along one
// axis more, the last one, the real part first.

#include "import/pytorch/call.hpp"

namespace hone::pytorch {

/// Of a complex tensor two tensors of reals; of a real one itself and null.
struct Parts {
  Value* real = nullptr;
  Value* imaginary = nullptr;
};

/// A tensor of complex numbers.
bool holds_pairs(const Item& item);
/// One of them, or a list of tensors that has one.
bool has_pairs(const std::vector<Item>& items);

/// The pairs of an argument that is complex.
Value* pairs(Call& call, std::string_view name);
Parts parts(Call& call, const Item& item);
Parts parts(Call& call, Value* pairs);
/// Zeros of the sizes of a real tensor: its imaginary part.
Value* zeros_like(Call& call, Value* x);
/// What an operator gets in place of an argument (a list's tensors, too) when it is applied to the
/// real parts, or to the imaginary ones. A real tensor is itself; where the operator `adds`, its
/// imaginary part is zeros.
Item part_of(Call& call, const Item& item, bool imaginary, bool adds);
/// Overload::write_back of a view of complex numbers, by parts.
Value* written_by_parts(Call& call, Value* written, size_t result);
/// [..., 2] of two tensors of one shape.
Value* paired(Call& call, const Parts& parts);

/// A result of the call that is complex.
void give_pairs(Call& call, Value* pairs);
void give_parts(Call& call, const Parts& parts);

/// What another operator makes of arguments by name; the others have their defaults.
Value* applied(Call& call, std::string_view name, std::string_view variant,
               const std::vector<std::pair<std::string, Item>>& arguments);

}  // namespace hone::pytorch
