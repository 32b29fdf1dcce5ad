#pragma once
// Attention and the views about it as one region: queries, keys and values are read where they lie
// in what the views are of, and the result is written where views would bring it.

#include <optional>

#include "device/kernel.hpp"
#include "device/strided_view.hpp"

namespace hone::cpu {

/// Whether the kernel runs the region.
Verdict attention_verdict(const Problem& problem);

/// The node of a region; null: there is none, or there are several.
const Node* attention_of(const Problem& problem);

/// The type of an operand; null: absent.
const TensorType* attention_operand(const Node& node, size_t operand);

/// Where queries, keys or values lie in an input of the region; nullopt: they are made otherwise,
/// or the elements of a head are not side by side.
std::optional<StridedView> place_of_operand(const Value& operand);
/// Where the result lies in what the last view behind it makes.
std::optional<StridedView> place_of_result(const Value& result);
/// That value: the result itself where there is no view.
const Value* behind_views(const Value& result);

}  // namespace hone::cpu
