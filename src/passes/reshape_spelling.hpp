#pragma once

#include <optional>

#include "ir/graph.hpp"
#include "ops/shape.hpp"

namespace hone {

/// The one way to spell a reshape of `from` to `to`: a single open size is -1, else every size
/// stands there. nullopt: the sizes do not show that both have as many elements, or depend on
/// symbols that nodes define (inference may come to know better, a field would not).
std::optional<Reshape> spelled_reshape(const Graph& graph, const Dims& from, const Dims& to);

}  // namespace hone
