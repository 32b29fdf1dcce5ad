#pragma once
// How many cores this process may use: the arithmetic behind usable_cores() of base/threads.hpp.

#include <filesystem>
#include <span>

namespace hone {

/// Physical cores among the logical `cpus` (siblings count once), at most the cgroup quota rounded
/// up, at least 1. /sys and /proc are read below `root`; what cannot be read does not limit.
int count_cores(std::span<const int> cpus, const std::filesystem::path& root = "/");

}  // namespace hone
