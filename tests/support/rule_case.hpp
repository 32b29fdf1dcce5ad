#pragma once
// A rule as a test of itself: graphs that it matches are drawn from its variables' types.

#include <optional>

#include "ir/rules/rules.hpp"
#include "support/random_graph.hpp"
#include "support/rng.hpp"

namespace hone::test {

/// A graph that the rule's match graph describes and inputs for it; chains in any order and
/// association, one of the alternatives. Sizes that the rule leaves open are `least` to 5. nullopt:
/// what was drawn has no types.
std::optional<GraphCase> draw_rule_case(const Rule& rule, const OpRegistry& registry, Rng& rng,
                                        int64_t least = 1);

}  // namespace hone::test
