#pragma once
// Values that views made of another one, as places in it: a kernel reads them where they lie,
// instead of a copy that a step before it made.

#include <optional>

#include "ir/graph.hpp"
#include "ir/stages/stages.hpp"

namespace hone {

/// Where the elements of a value lie among those of another one, which is dense.
struct StridedView {
  const Value* of = nullptr;
  Dims strides;  // of the value's axes, in elements; may be negative, or 0 where one is repeated
  Dim offset;    // of its first element
};

/// The value as a part of the earliest one that views lead to: nodes whose stages load elements of
/// one operand and do nothing else. One that no view makes is all of itself. nullopt: some view on
/// the way puts elements where no stride leads.
std::optional<StridedView> view_of(const Value& value);

/// The same in the operand of the view that makes the value. nullopt: no view does, or as above.
std::optional<StridedView> view_in_operand(const Value& value);

/// Where the value's elements lie in what the views behind it make of it, each read by the next one
/// alone, up to `result`. nullopt: `result` is not made so, or not all elements arrive once.
std::optional<StridedView> place_in(const Value& value, const Value& result);

/// Whether the stage has the elements of its operand in their order: the same bytes, if both are
/// dense.
bool keeps_order(const Stage& stage);

/// The operand that makes the value by a view; null: no view makes it.
const Value* viewed(const Value& value);

}  // namespace hone
