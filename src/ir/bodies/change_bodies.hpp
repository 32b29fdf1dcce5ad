#pragma once

#include <functional>
#include <optional>

#include "ir/graph.hpp"

namespace hone {

/// Bodies are shared and never written to. The op of control flow with those of its bodies replaced
/// of which `change` made something else, told by true, of a copy; nullopt: none, or another op.
std::optional<Op> change_bodies(const Op& op, const std::function<bool(Graph& body)>& change);

/// What constants hold, in the graph and in bodies of control flow: `change` gives a constant's new
/// contents, null: it keeps those it has. Whether any has others.
using ChangeConstant = std::function<std::shared_ptr<const Weight>(const Value& constant)>;
bool change_constants(Graph& graph, const ChangeConstant& change);

}  // namespace hone
