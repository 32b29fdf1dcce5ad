#pragma once

#include <functional>
#include <optional>

#include "ir/graph.hpp"

namespace hone {

/// Bodies are shared and never written to. The op of control flow with those of its bodies replaced
/// of which `change` made something else, told by true, of a copy; nullopt: none, or another op.
std::optional<Op> change_bodies(const Op& op, const std::function<bool(Graph& body)>& change);

}  // namespace hone
