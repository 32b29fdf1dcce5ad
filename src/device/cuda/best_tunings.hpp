#pragma once
// Which of many tiles a kernel offers as tunings.

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "device/kernel.hpp"

namespace hone::cuda {

/// Tunings of the tiles with the least estimated seconds, the least first, no more than `most`.
template <class Tile, class TuningOf>
std::vector<Tuning> best_tunings(std::vector<std::pair<double, Tile>> tiles,
                                 const TuningOf& tuning_of, size_t most = SIZE_MAX) {
  std::stable_sort(tiles.begin(), tiles.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  if (tiles.size() > most) tiles.resize(most);
  std::vector<Tuning> all;
  for (const auto& [seconds, tile] : tiles) all.push_back(tuning_of(tile));
  return all;
}

}  // namespace hone::cuda
