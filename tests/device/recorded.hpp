#pragma once
// Whether the tiles of recorded launches touch what they say they touch.

#include <span>
#include <vector>

#include "device/cpu/recording.hpp"

namespace hone::test {

/// Runs the list tile by tile. Fails the test where a tile writes results elsewhere than it tells,
/// or other bits once what it does not read is something else. Leaves everything as a run does.
void expect_touched(const cpu::LaunchList& list, const std::vector<std::span<std::byte>>& inputs,
                    const std::vector<std::span<std::byte>>& outputs);

}  // namespace hone::test
