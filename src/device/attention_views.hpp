#pragma once
// Attention and the views about it as one region, for kernels of all devices: queries, keys and
// values are read where they lie in what the views are of, and the result is written where views
// would bring it.

#include <optional>

#include "device/attention_geometry.hpp"
#include "device/kernel.hpp"
#include "device/strided_view.hpp"

namespace hone {

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

/// Whether what the region has beside attention is views that it reads and writes through.
Verdict views_verdict(const Problem& problem, const Node& attention);

/// Queries, keys, values or the result in what they are views of.
struct Placed {
  bool whole = true;  // they are all of it
  Dims shape, strides;
  Dim offset;

  Placed() = default;
  Placed(const Value& value, StridedView view);
  /// `all`: the shape of what they are part of.
  Heads heads(int64_t given, const std::vector<int64_t>& all, const Bindings& symbols) const;
  /// Elements in front of them.
  int64_t first(const Bindings& symbols) const;
};

}  // namespace hone
