#pragma once

#include "ir/rules/rules.hpp"

namespace hone {

/// A look at the nodes about `anchor` that binds nothing and costs little. false: find_match()
/// finds nothing there. true says nothing.
bool may_match(const Graph& graph, const Rule& rule, const Value* anchor);

}  // namespace hone
