#pragma once
// Placements without search: each buffer in turn into the best gap that is left.

#include <optional>
#include <vector>

#include "plan/memory/demand.hpp"

namespace hone {

/// Puts the buffers, in `order`, each into the smallest gap among those placed already that live at
/// the same time, else behind them. nullopt: more than `work` others were looked at; of buffers
/// that nearly all live together it is the square of their number.
std::optional<Placement> place_in_order(const Demand& demand, const std::vector<size_t>& order,
                                        int64_t work);

/// The same in the order of their first steps, n log n: what is placed already and lives then are
/// the buffers that live now.
Placement place_in_time(const Demand& demand);

}  // namespace hone
